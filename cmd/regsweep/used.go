package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/pulls"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/planfile"
	"github.com/regsweep/regsweep/walker/disk"
)

// logSource says where it is known from what is used.
type logSource struct {
	files  []string // access logs; if there are none:
	globs  []string // of access logs; if there are none, it is the store's own table
	ignore []string // globs of what pulls and does not count
}

// errNoPulls refuses a rule about pulls for which there is no log.
var errNoPulls = errors.New("a rule about pulls needs access logs, and there are none: nothing has been removed")

// usedBy reads from logs, or from the store's own table, what is used. That there
// is neither is an error, since everything would look unused.
func (p *program) usedBy(ctx context.Context, store *disk.Dir, jobs int, rules *mark.Rules, oldest int64, from *logSource) (*usedHere, error) {
	agents, err := pulls.NewAgents(from.ignore)
	if err != nil {
		return nil, usage(err)
	}
	tagged, err := readTagged(ctx, store, jobs, rules.Resumed)
	if err != nil {
		return nil, err
	}
	table, err := p.tableOf(ctx, store, tagged.reach(oldest, rules.Now), from)
	if err != nil {
		return nil, err
	}
	return &usedHere{pulls.NewUsed(table, agents, rules.Now), tagged}, nil
}

// tableOf is the table of the store, or one that is read from logs.
func (p *program) tableOf(ctx context.Context, store *disk.Dir, reach *pulls.Reach, from *logSource) (*pulls.Table, error) {
	files, err := from.names()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		table, err := sweep.ReadPulls(store)
		switch {
		case err != nil:
			return nil, pullsHint(err, store.Path())
		case table == nil:
			return nil, &layout.HintError{Err: errNoPulls, Hint: "give them with --pulls FILE or as pulls in the policy, or read them with regsweep pulls read FILE"}
		}
		return table, nil
	}
	logs := p.logsOf(reach)
	if err := logs.read(ctx, files); err != nil {
		return nil, errors.Join(err, errors.New("nothing has been removed"))
	}
	return logs.table, nil
}

// names are the files that are to be read; none is the store's own table.
func (s *logSource) names() (files []string, err error) {
	if len(s.files) > 0 {
		return s.files, nil
	}
	for _, text := range s.globs {
		found, err := filepath.Glob(text)
		if err != nil {
			return nil, usage(fmt.Errorf("pulls %q: %w", text, err))
		}
		files = append(files, found...)
	}
	if len(s.globs) > 0 && len(files) == 0 {
		return nil, &layout.HintError{Err: errNoPulls, Hint: term.Quoted("there is no file %s", s.globs[0]).Error()}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// readUsed reads what is used, if the policy, or a plan from one, has a rule about that.
func (j *job) readUsed(ctx context.Context, store *mark.Store) error {
	about := j.prune != nil && j.prune.policy.AboutPulls()
	if !about && j.fit == nil {
		return j.skipPulled(ctx, store)
	}
	source := j.prune.source()
	used, err := j.usedBy(ctx, j.store, j.jobs, &j.rules, store.Oldest(), source)
	if !about && errors.Is(err, errNoPulls) && len(source.files)+len(source.globs) == 0 {
		return nil // images are removed in the order of their pushes
	}
	if err != nil {
		return err
	}
	j.prune.know(used)
	return nil
}

// written is the source for a plan's header, in which files have whole names.
func (s *logSource) written() (list []planfile.Source, err error) {
	files := s.files
	if len(files) == 0 {
		files = s.globs
	}
	for _, file := range files {
		if file == "-" {
			return nil, &layout.HintError{Err: errors.New("a plan cannot name standard input, from which --pulls - has read what is used"), Hint: "give the log as a file, or read it with regsweep pulls read -"}
		}
		if file, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		list = append(list, planfile.Source{Kind: "log", Name: file})
	}
	if len(files) == 0 {
		list = append(list, planfile.Source{Kind: "table", Name: sweep.PullsPath})
	}
	for _, glob := range s.ignore {
		list = append(list, planfile.Source{Kind: "ignore", Name: glob})
	}
	return list, nil
}

// sourceOf is the source that a plan's header names.
func sourceOf(plan *planfile.Plan) *logSource {
	s := &logSource{}
	for _, one := range plan.Pulls {
		switch one.Kind {
		case "log":
			s.globs = append(s.globs, one.Name)
		case "ignore":
			s.ignore = append(s.ignore, one.Name)
		}
	}
	return s
}

// skipPulled makes a plan that is from a rule about pulls skip what has been
// pulled since.
func (j *job) skipPulled(ctx context.Context, store *mark.Store) error {
	if j.applied == nil || len(j.applied.Pulls) == 0 {
		return nil
	}
	used, err := j.usedBy(ctx, j.store, j.jobs, &j.rules, store.Oldest(), sourceOf(j.applied))
	if err != nil {
		return err
	}
	// Logs have no parts of seconds.
	since := j.applied.Time.Truncate(time.Second)
	j.applied.Listing.Used = func(repository string) (func(string) bool, func(layout.Digest) bool) {
		digests := used.digests(repository)
		return func(tag string) bool { return !used.Tag(repository, tag).Before(since) },
			func(d layout.Digest) bool { return !digests(d).Before(since) }
	}
	return nil
}

// source says where the policy knows from what is used.
func (p *pruning) source() *logSource {
	return &logSource{files: p.logs, globs: p.policy.Pulls, ignore: p.policy.IgnoreAgents}
}

// know tells the decider what is used.
func (p *pruning) know(used *usedHere) {
	p.used = used
	p.decider.Pulls(used.Begin())
}

// into adds to a repository when what is in it was last pulled.
func (u *usedHere) into(r *mark.Selectable, to *retention.Repository) {
	tags, untagged := r.Latest(u.digests(r.Repository))
	for i := range to.Tags {
		to.Tags[i].Pulled = latest(tags[i], u.Tag(r.Repository, to.Tags[i].Name))
	}
	for i := range to.Untagged {
		to.Untagged[i].Pulled = untagged[i]
	}
}

// digests says when manifests of a repository were last pulled. A pull by a tag
// of which it is not known what that named counts for all that it has named. A
// history has the last time only at which the tag was set to something, which it
// may have named before as well: where the tag is pulled at all, that counts as
// pulled then.
func (u *usedHere) digests(repository string) func(layout.Digest) time.Time {
	unclear := map[layout.Digest]time.Time{}
	for tag, history := range u.tagged.repositories[repository] {
		at, last := u.Unclear(repository, tag), u.Tag(repository, tag)
		for _, n := range history {
			unclear[n.Digest] = latest(unclear[n.Digest], at)
			if before := n.Set; !last.IsZero() {
				if last.Before(before) {
					before = last
				}
				unclear[n.Digest] = latest(unclear[n.Digest], before)
			}
		}
	}
	return func(d layout.Digest) time.Time { return latest(u.Digest(repository, d), unclear[d]) }
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
