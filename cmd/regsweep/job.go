package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/mark/pulls"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/planfile"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// job is one run of a command that removes: walk, mark, plan, then the report,
// or the plan's execution and the report.
type job struct {
	*program
	*common
	*removal
	command string
	flags   *pflag.FlagSet
	place   locate.Place
	rules   mark.Rules
	lists   protections
	// patterns of rm and untag are looked up before the selection is begun.
	patterns []name.Pattern
	prune    *pruning       // of the command of this name, or nil
	applied  *planfile.Plan // of apply, or nil
	fit      *fit           // a target of prune, or nil
	planning
	olderThan ago   // of gc -m
	moves     bool  // things come from the trash
	refusal   error // of a dry run, which explains all the same

	started  time.Time
	behind   time.Duration // how far the file server's clock is behind ours
	store    *disk.Dir
	lock     *disk.Lock // nil in a dry run
	w        *walker.Walker
	recalled recollection
	plan     *sweep.Plan
	free     int64
	failures []tree.Failure
}

// protections are the lists of what a run must keep.
type protections struct {
	listed *protect.List // by --protect, or nil
	locks  *sweep.Locks  // the store's own
}

// start takes the lock, if the run may remove, and reads the clocks.
func (j *job) start() error {
	if !j.dryRun {
		if err := j.takeLock(); err != nil {
			return err
		}
	}
	unfinished, err := sweep.IsUnfinished(j.store)
	if err != nil {
		return err
	}
	j.rules.Now = time.Now()
	j.rules.Resumed = j.rules.Resumed || unfinished
	// What was stopped may have been on its way into the trash.
	if err := j.fitJobs(j.common, j.store, j.trash || j.moves || j.rules.Resumed); err != nil {
		return err
	}
	if j.free, err = j.store.Free(); err != nil || j.dryRun {
		return err
	}
	return j.readClock()
}

func (j *job) takeLock() (err error) {
	j.lock, err = sweep.Lock(j.store)
	switch {
	case errors.Is(err, sweep.ErrOtherHost):
		held := filepath.Join(j.place.Store, filepath.FromSlash(sweep.LockPath))
		return &layout.HintError{Err: fmt.Errorf("%w: %q", err, j.place.Store), Hint: "wait until it has ended; if its host is dead, remove the lock: rm " + term.ShellWord(held)}
	case errors.Is(err, disk.ErrLocked):
		return &layout.HintError{Err: fmt.Errorf("%w: %q", err, j.place.Store), Hint: "wait until it has ended; --dry-run needs no lock"}
	case err != nil:
		return &layout.HintError{Err: fmt.Errorf("lock %q: %w", j.place.Store, err), Hint: "nothing has been removed; --dry-run needs no lock"}
	case j.lock.Remote && !j.lock.Hosts:
		j.voice.Warn("%s is on a network filesystem: the lock does not keep other hosts from sweeping it", j.place.Store)
	}
	return nil
}

// readClock takes the earlier of our clock and the file server's, by which
// files get their times.
func (j *job) readClock() error {
	theirs, err := sweep.Clock(j.lock)
	if errors.Is(err, disk.ErrTimeIgnored) {
		j.voice.Warn("%s: its clock is not known, so this host's clock counts", err)
		return nil
	}
	if err != nil {
		return &layout.HintError{Err: fmt.Errorf("write to %q: %w", j.place.Store, err), Hint: "nothing has been removed; --dry-run needs no write access"}
	}
	ours := j.rules.Now
	if d := ours.Sub(theirs).Abs(); d > time.Minute {
		j.voice.Warn("the file server's clock and this host's are %s apart: the earlier one counts", d.Round(time.Second))
	}
	if theirs.Before(ours) {
		j.rules.Now, j.behind = theirs, ours.Sub(theirs)
	}
	return nil
}

// fit is a target at work.
type fit struct {
	targets
	sweep.Fitted
	apart bool // the blobs have a filesystem of their own

	collecting bool // the policy is asked for all that it removes
	// chosen are the images to remove, by repository and digest.
	chosen map[string]map[layout.Digest]*mark.Candidate
}

// pruning is a policy at work: what it decides, repository by repository, and
// what has become of that.
type pruning struct {
	policy    *retention.Policy
	logs      []string  // of --pulls
	used      *usedHere // for rules about pulls and targets, or nil
	fit       *fit      // a target for the space on the disk, or nil
	fromFlags bool
	all       bool // every decision is to be kept

	watch    *retention.Watch // of --filter
	excludes *retention.Watch // of --exclude

	decider *retention.Decider

	mu           sync.Mutex // of what follows, as repositories are decided about concurrently
	repositories []report.PolicyRepository
	decisions    []retention.Decision
	count        sweep.Retention
	// onPage is how many decisions more than those that the table names are kept
	// for the page; room is how many of these there may still be.
	onPage, room int
}

// usedHere is what of a store is used.
type usedHere struct {
	*pulls.Used
	tagged *taggedBefore
}
