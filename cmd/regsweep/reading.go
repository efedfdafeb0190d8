package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
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

	recalled recollection
	locks    *sweep.Locks // the store's own list, or nil if it cannot be told
	locksErr error        // why

	looked bool
	again  walker.Findings // of all looks but the first
}

// open finds the registry and walks its blobs. The ages are gc's defaults. The
// caller closes it.
func (p *program) open(ctx context.Context, command string, c *common, registry string) (*reading, error) {
	return p.openStore(ctx, command, c, registry, false)
}

// openStore is open for a command that may want to know of all that is there.
// registry is a path in place of --root and --config, or "".
func (p *program) openStore(ctx context.Context, command string, c *common, registry string, thorough bool) (*reading, error) {
	p.voice.Quiet = c.quiet
	p.fileList(command, c)
	p.begin(c)
	place, err := p.locate(c, registry)
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
	if err := p.fitJobs(c, r.dir, false); err != nil {
		r.dir.Close()
		return nil, err
	}
	p.useProcessors(ctx, r.dir, c.width)
	unfinished, err := sweep.IsUnfinished(r.dir)
	if err != nil {
		r.dir.Close()
		return nil, err
	}
	ages := defaultAges()
	r.rules = mark.Rules{
		Now: time.Now(), Grace: time.Duration(ages.grace), UploadsOlderThan: time.Duration(ages.uploadsOlderThan),
		Resumed: unfinished,
	}
	if r.rules.PullThrough, err = place.PullThrough(); err != nil {
		r.dir.Close()
		return nil, err
	}
	r.readLocks()
	seen := new(walker.Progress)
	r.recalled = c.recollect(r.dir, r.rules.Now, r.rules.Resumed, !thorough)
	options := walker.Options{Jobs: c.width.most, InOrder: c.width.inOrder, Resumed: r.rules.Resumed, Progress: seen, Thorough: thorough}
	r.recalled.tell(&options)
	r.w = walker.New(r.dir, options)
	p.progress.Phase("reading blobs", readingBlobs(seen))
	r.store = mark.ReadWith(ctx, r.w, r.rules, r.recalled.memory)
	return r, nil
}

// readLocks reads what the store itself protects, as a command that removes does.
func (r *reading) readLocks() {
	if r.locks, r.locksErr = sweep.ReadLocks(r.dir); r.locksErr != nil {
		return
	}
	r.locks.Expire(r.rules.Now)
	r.rules.Protect = r.locks.List
}

// locked reports whether the store has a list of what it protects.
func (r *reading) locked() bool { return r.locksErr == nil && !r.locks.Empty() }

func (r *reading) close() {
	r.w.Close()
	r.dir.Close()
}

// look reads the repositories. What cannot be read makes the answer wrong.
func (r *reading) look(ctx context.Context, observer mark.Observer) (*mark.Look, error) {
	return r.lookBy(ctx, observer, nil)
}

// lookBy is look by other rules than those of plain gc. Problems are those that
// the first look finds.
func (r *reading) lookBy(ctx context.Context, observer mark.Observer, change func(*mark.Rules)) (*mark.Look, error) {
	w := r.w
	first := !r.looked
	if !first {
		w = r.w.With(&r.again)
	}
	r.looked = true
	r.progress.Phase("reading repositories", readingRepositories(r.w.Progress))
	defer r.progress.Rest()
	look := r.store.ObserveBy(ctx, w, observer, change)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if first {
		r.recalled.keep(ctx, r.store, w.Findings.Unreadable())
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
		Err:  fmt.Errorf("%s cannot be read, so the answer would be wrong", english.Plural(n, "path", "")),
		Hint: "run as a user who can read the store, or repair the filesystem first",
	}
}

// sayUnreadable names the paths that could not be read so far, and returns how many there are.
func (r *reading) sayUnreadable() (n int) {
	for _, f := range []*walker.Findings{r.w.Findings, &r.again} {
		if f.Unreadable() > 0 {
			n += f.Unreadable()
			r.program.sayUnreadable(f.Problems())
		}
	}
	return n
}

// warnForeign says where the links are not the truth.
func (r *reading) warnForeign() error {
	for _, unread := range r.place.Unread {
		r.voice.Warn("%s", unread)
	}
	reason, err := foreign(&r.place)
	if err == nil && reason != "" {
		r.voice.Warn("%s: what follows is not its real state", reason)
	}
	return err
}

// warnStopped says that names are set aside, which a registry does not see.
func (p *program) warnStopped(cure string) {
	p.voice.Warn("a run that had set names aside was stopped, or is under way: until a run gives back what is needed, images may be incomplete: %s", cure)
}

// readingVerdict is the status of ls and why: what they were asked is shown, or
// so many things of it could not be read. Other problems are told in one line.
func (r *reading) readingVerdict(unread int) int {
	if r.store.Resumed() {
		r.warnStopped(r.where.Command("gc"))
	}
	n := 0
	for _, p := range r.w.Findings.Problems() {
		if p.Kind != walker.UnknownFile {
			n++
		}
	}
	if n > 0 {
		r.voice.Warn("the store has %s: %s", term.Plural(n, "problem"), r.where.Command("check"))
	}
	if r.locksErr != nil {
		r.voice.Warn("%s", locksUnknown(r.locksErr))
		unread++
	}
	if unread > 0 {
		return statusFailed
	}
	return statusDone
}

// gcRefusals say why gc and gc -m would do nothing at all; "" if they would.
type gcRefusals struct{ plain, untagged string }

// refusals are what gc's guards say of the store.
func (r *reading) refusals(look *mark.Look) (why gcRefusals) {
	const refuses = "gc refuses this store: "
	switch err := sweep.New(look).Refusal(); {
	case r.locksErr != nil:
		why.plain = refuses + locksUnknown(r.locksErr).Error()
		why.untagged = why.plain
	case err != nil:
		why.plain = refuses + firstLine(errors.Unwrap(err))
		why.untagged = why.plain
	case look.Totals.Tags == 0 && look.Totals.Manifests > 0:
		why.untagged = refuses + firstLine(sweep.ErrNoTags)
	}
	if why.untagged == "" && r.rules.PullThrough {
		why.untagged = "gc -m needs --older-than in a pull-through cache, whose untagged manifests are the cache"
	}
	return why
}

// defaultOlderThan is the age below which gc -m keeps manifests without a tag.
const defaultOlderThan = 24 * time.Hour

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
