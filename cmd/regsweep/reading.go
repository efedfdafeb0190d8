package main

import (
	"context"
	"fmt"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// reading is one run of a command that only reads: it takes no lock, and works
// on a store that is mounted read-only.
type reading struct {
	*program
	*common
	place locate.Place
	rules mark.Rules
	dir   *disk.Dir
	w     *walker.Walker
	store *mark.Store
}

// open finds the registry and walks its blobs. The ages are gc's defaults. The
// caller closes it.
func (p *program) open(ctx context.Context, command string, c *common) (*reading, error) {
	return p.openStore(ctx, command, c, false)
}

// openStore is open for a command that may want to know of all that is there.
func (p *program) openStore(ctx context.Context, command string, c *common, thorough bool) (*reading, error) {
	p.voice.quiet = c.quiet
	p.fileList(command, c)
	p.begin(c)
	place, err := p.locate(c, "")
	if err != nil {
		return nil, err
	}
	if err := p.filing.verifyPlace(&place); err != nil {
		return nil, err
	}
	r := &reading{program: p, common: c, place: place}
	if err := r.warnForeign(); err != nil {
		return nil, err
	}
	if r.dir, err = p.files.OpenStore(place.Store); err != nil {
		return nil, fmt.Errorf("open the store %q: %w", place.Store, err)
	}
	useProcessors(ctx, r.dir, c.jobs)
	info, err := r.dir.Info()
	if err != nil {
		r.dir.Close()
		return nil, err
	}
	ages := defaultAges()
	r.rules = mark.Rules{
		Now: time.Now(), Grace: time.Duration(ages.grace), UploadsOlderThan: time.Duration(ages.uploadsOlderThan),
		Resumed: info.MTime == sweep.Unfinished.UnixNano(),
	}
	if r.rules.PullThrough, err = place.PullThrough(); err != nil {
		r.dir.Close()
		return nil, err
	}
	seen := new(walker.Progress)
	r.w = walker.New(r.dir, walker.Options{Jobs: c.jobs, Resumed: r.rules.Resumed, Progress: seen, Thorough: thorough})
	p.progress.phase("reading blobs", readingBlobs(seen))
	r.store = mark.Read(ctx, r.w, r.rules)
	limitGarbage()
	return r, nil
}

func (r *reading) close() {
	r.w.Close()
	r.dir.Close()
}

// look reads the repositories. What cannot be read makes the answer wrong.
func (r *reading) look(ctx context.Context, observer mark.Observer) (*mark.Look, error) {
	r.progress.phase("reading repositories", readingRepositories(r.w.Progress))
	defer r.progress.rest()
	look := r.store.Observe(ctx, r.w, observer)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return look, r.readable()
}

// readable returns an error if something could not be read so far.
func (r *reading) readable() error {
	n := r.sayUnreadable()
	if n == 0 {
		return nil
	}
	return &layout.HintError{
		Err:  fmt.Errorf("%d paths cannot be read, so that the answer would be wrong", n),
		Hint: "run as a user who can read the store, or mend the filesystem first",
	}
}

// sayUnreadable names the paths that could not be read so far, and returns how many there are.
func (r *reading) sayUnreadable() (n int) {
	if n = r.w.Findings.Unreadable(); n == 0 {
		return 0
	}
	for _, p := range r.w.Findings.Problems() {
		if p.Kind == walker.IOError {
			r.voice.say("regsweep: %s: %s", p.Path, p.Detail)
		}
	}
	return n
}

// warnForeign says where the links are not the truth.
func (r *reading) warnForeign() error {
	for _, unread := range r.place.Unread {
		r.voice.warn("%s", unread)
	}
	reason, err := foreign(&r.place)
	if err == nil && reason != "" {
		r.voice.warn("%s: what follows is not the truth about it", reason)
	}
	return err
}

// verdict is the status of a run that did what it was to do.
func (r *reading) verdict() int {
	n := r.w.Findings.Serious()
	if n == 0 {
		return statusDone
	}
	r.voice.warn("the store has %s problems, which regsweep gc --dry-run lists", comma(n))
	return statusProblems
}
