package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// backJob is one run of a command that brings something back.
type backJob struct {
	*program
	*common
	command string
	place   locate.Place
	store   *disk.Dir
	lock    *disk.Lock // nil in a dry run and of a list
	w       *walker.Walker
}

// openBack finds the registry. writes says that the command is to write links,
// which is refused where they are not the truth; dryRun that it shows what it
// would write, and needs no lock. The caller closes the job.
func (p *program) openBack(ctx context.Context, command string, c *common, registry string, writes, dryRun bool) (*backJob, error) {
	return p.openBackBy(ctx, command, c, registry, !writes || dryRun, func(j *backJob) error { return j.refuse(writes, dryRun) })
}

// openBackBy is openBack with another way to refuse a store. reads says that
// nothing is written, and no lock is needed.
func (p *program) openBackBy(ctx context.Context, command string, c *common, registry string, reads bool, refuse func(*backJob) error) (*backJob, error) {
	p.voice.Quiet = c.quiet
	p.fileList(command, c)
	place, err := p.locate(c, registry)
	if err != nil {
		return nil, err
	}
	if err := p.filing.verifyPlace(&place); err != nil {
		return nil, err
	}
	j := &backJob{program: p, common: c, command: command, place: place}
	if err := refuse(j); err != nil {
		return nil, err
	}
	if j.store, err = p.files.OpenStore(place.Store); err != nil {
		return nil, fmt.Errorf("open the store %q: %w", place.Store, err)
	}
	if err := p.fitJobs(c, j.store, true); err != nil {
		j.store.Close()
		return nil, err
	}
	p.useProcessors(ctx, j.store, c.width)
	j.w = walker.New(j.store, walker.Options{Jobs: c.width.most, InOrder: c.width.inOrder})
	if !reads {
		err = j.begin(ctx)
	}
	if err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// refuse refuses to write links where they are not the truth.
func (j *backJob) refuse(writes, dryRun bool) error {
	for _, unread := range j.place.Unread {
		j.voice.Warn("%s", unread)
	}
	reason, err := foreign(&j.place)
	if err != nil {
		return err
	}
	switch {
	case reason != "" && writes && !dryRun:
		return &layout.HintError{Err: fmt.Errorf("%s: %s would write links that do not count there", reason, j.command), Hint: "use its own tools; --dry-run works here"}
	case reason != "":
		j.voice.Warn("%s: what follows is not its real state", reason)
	}
	cache, err := j.place.PullThrough()
	if err == nil && cache && writes {
		err = &layout.HintError{Err: fmt.Errorf("%q is a pull-through cache, which gets its images from another registry", j.place.Root), Hint: "pull the image through it"}
	}
	return err
}

// begin takes the lock.
func (j *backJob) begin(ctx context.Context) error {
	as := &job{program: j.program, common: j.common, removal: &removal{}, command: j.command, place: j.place, store: j.store}
	if err := as.takeLock(); err != nil {
		return err
	}
	j.lock = as.lock
	unfinished, err := sweep.IsUnfinishedAnywhere(ctx, j.w)
	if err == nil && unfinished {
		err = &layout.HintError{Err: errors.New("a sweep was stopped, and has set names aside"), Hint: "let it come to its end, and give back what is younger than 7 days", Command: []string{"gc", "--keep-deleted", "7d"}}
	}
	return err
}

func (j *backJob) close() {
	if j.lock != nil {
		j.lock.Release()
	}
	j.w.Close()
	j.store.Close()
}

// repositories lists all repositories, sorted.
func (j *backJob) repositories(ctx context.Context) (names []string, err error) {
	var mu sync.Mutex
	findings := new(walker.Findings)
	j.w.With(findings).Repositories(ctx, func(r *walker.Repository) {
		if r.Empty {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		names = append(names, r.Name)
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if findings.Unreadable() > 0 {
		j.sayUnreadable(findings.Problems())
		return nil, errors.New("the repositories cannot be listed")
	}
	slices.Sort(names)
	return names, nil
}

// among finds the repositories that a pattern names, and the pattern without a
// registry's host.
func (j *backJob) among(ctx context.Context, p *name.Pattern) (name.Pattern, []string, error) {
	if !p.Globs() {
		if _, err := j.store.Stat(layout.RepositoryDir(p.Repository)); err == nil {
			return *p, []string{p.Repository}, nil
		} else if !disk.Gone(err) {
			return *p, nil, err
		}
	}
	all, err := j.repositories(ctx)
	if err != nil {
		return *p, nil, err
	}
	without, found := p.Among(all, true)
	if len(found) == 0 {
		return *p, nil, &layout.HintError{Err: term.Quoted("there is no repository %s", p.Repository), Hint: "the repositories", Command: []string{"ls"}}
	}
	return without, found, nil
}

// one is among for a pattern that names one repository.
func (j *backJob) one(ctx context.Context, p *name.Pattern) (name.Pattern, string, error) {
	without, found, err := j.among(ctx, p)
	switch {
	case err != nil:
		return without, "", err
	case len(found) > 1:
		return without, "", term.Quoted("%s names several repositories", p.Text)
	}
	return without, found[0], nil
}

// undeleteOptions are what undelete was asked to do.
type undeleteOptions struct {
	common
	consent removal // dryRun and yes
	tag     string
	since   ago
	scope   undeleteScope

	patterns []name.Pattern
}

// undeleteScope says how much undelete brings back.
type undeleteScope struct{ all, overwritten, partial bool }

// writes reports whether something is to be brought back.
func (o *undeleteOptions) writes() bool {
	return o.scope.all || slices.ContainsFunc(o.patterns, func(p name.Pattern) bool { return p.ByDigest() })
}

// wants is which repositories patterns name; without a pattern all.
func (j *backJob) wants(ctx context.Context, patterns []name.Pattern) (func(string) bool, error) {
	if len(patterns) == 0 {
		return func(string) bool { return true }, nil
	}
	var names []string
	for i := range patterns {
		_, found, err := j.among(ctx, &patterns[i])
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return func(repository string) bool { return slices.Contains(names, repository) }, nil
}
