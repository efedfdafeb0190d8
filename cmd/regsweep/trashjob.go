package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// trashOptions are what the commands that change the trash share.
type trashOptions struct {
	common
	consent   removal // dryRun and yes
	olderThan ago
	runs      []string
}

func (o *trashOptions) add(f *pflag.FlagSet) {
	o.common.add(f)
	f.BoolVarP(&o.consent.dryRun, "dry-run", "d", false, "report what would be done, and do nothing")
	f.BoolVarP(&o.consent.yes, "yes", "y", false, "do not ask")
}

func (o *trashOptions) verify(f *pflag.FlagSet) error {
	return errors.Join(o.common.verify(f), o.verifyReport(endJSON))
}

// trashJob is one run of a command about the trash.
type trashJob struct {
	*program
	*trashOptions
	command string
	place   locate.Place
	store   *disk.Dir
	lock    *disk.Lock // nil in a dry run, and of ls
	rules   mark.Rules
	started time.Time
}

// openTrash finds the registry and, unless nothing is to be changed, takes the
// lock. The caller closes it.
func (p *program) openTrash(command string, o *trashOptions, changes bool) (*trashJob, error) {
	p.voice.Quiet = o.quiet
	p.fileList(command, &o.common)
	place, err := p.locate(&o.common, "")
	if err != nil {
		return nil, err
	}
	if err := p.filing.verifyPlace(&place); err != nil {
		return nil, err
	}
	j := &trashJob{program: p, trashOptions: o, command: command, place: place, started: time.Now()}
	if j.store, err = p.files.OpenStore(place.Store); err != nil {
		return nil, fmt.Errorf("open the store %q: %w", place.Store, err)
	}
	if changes {
		err = j.begin()
	}
	if err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// begin takes the lock by way of the job of a sweep, which refuses and warns
// where that does.
func (j *trashJob) begin() error {
	as := &job{program: j.program, common: &j.common, removal: &j.consent, command: j.command, place: j.place, store: j.store, moves: true}
	if err := as.refuseForeign(); err != nil {
		return err
	}
	err := as.start()
	j.lock, j.rules = as.lock, as.rules
	ages := defaultAges()
	j.rules.Grace, j.rules.UploadsOlderThan = time.Duration(ages.grace), time.Duration(ages.uploadsOlderThan)
	return err
}

func (j *trashJob) close() {
	if j.lock != nil {
		j.lock.Release()
	}
	j.store.Close()
}

// bins are the runs in the trash, or those that were named.
func (j *trashJob) bins() ([]*trash.Bin, error) {
	all, err := trash.Bins(j.store)
	if err != nil || len(j.runs) == 0 {
		return all, err
	}
	var found []*trash.Bin
	var unknown []error
	for _, run := range j.runs {
		bin, names := (*trash.Bin)(nil), []string{}
		for _, b := range all {
			names = append(names, b.Name)
			if b.Name == run {
				bin = b
			}
		}
		if bin == nil {
			unknown = append(unknown, noRun(run, names))
			continue
		}
		if !slices.Contains(found, bin) {
			found = append(found, bin)
		}
	}
	return found, errors.Join(unknown...)
}

func noRun(run string, among []string) error {
	err := &layout.HintError{Err: term.Quoted("there is no run %s in the trash", run), Hint: "the runs in it", Command: []string{"trash", "ls"}}
	if near := mark.Nearest(run, among); near != "" {
		err.Hint, err.Command = "did you mean "+near+"?", nil
	}
	return err
}

// planRestore plans to put a run back, after a look at the store: names in it may
// lead into the trash. Where a run was stopped, names that it has set aside in the
// store go back, too.
func planRestore(ctx context.Context, store *disk.Dir, bin *trash.Bin, rules mark.Rules, jobs int) (*trash.Restore, error) {
	w := walker.New(store, walker.Options{Jobs: jobs, Resumed: rules.Resumed})
	defer w.Close()
	look := mark.Read(ctx, w, plainRules(rules)).Look(ctx, w, nil)
	return trash.PlanRestore(ctx, w, look, bin, rules.Resumed)
}

// finishRestores completes restores that were stopped, and what emptying the
// trash was putting back: what is back without its manifests would be garbage
// to a sweep.
func (j *job) finishRestores(ctx context.Context) error {
	bins, err := trash.Bins(j.store)
	if errors.Is(err, tree.ErrLinked) && !j.trash {
		return nil // what is there is not looked at
	}
	if err != nil {
		return trashHint(fmt.Errorf("%w; nothing has been removed", err))
	}
	for _, bin := range bins {
		if !bin.Restoring() && !bin.Emptying() {
			continue
		}
		if j.dryRun {
			j.voice.Warn("the restore of %s was stopped: what it has put back so far looks like garbage; the next run completes it first", bin.Name)
			continue
		}
		j.voice.Warn("the restore of %s was stopped: it is completed first", bin.Name)
		if err := j.fitJobs(j.common, j.store, true); err != nil {
			return err
		}
		failures, err := j.finishRestore(ctx, bin)
		j.sayFailures(failures)
		if err == nil && len(failures) > 0 {
			err = errors.New("it could not be completed")
		}
		if err != nil {
			return &layout.HintError{Err: fmt.Errorf("%w: nothing has been removed", err), Hint: "what is in the way", Command: []string{"trash", "restore", "--dry-run", bin.Name}}
		}
	}
	return nil
}

func (j *job) finishRestore(ctx context.Context, bin *trash.Bin) ([]tree.Failure, error) {
	if bin.Emptying() {
		e := trash.NewEmptying([]*trash.Bin{bin}, plainRules(j.rules), j.jobs, sweep.GiveBack)
		return e.PutBack(ctx, j.lock)
	}
	r, err := planRestore(ctx, j.store, bin, j.rules, j.jobs)
	if err != nil {
		return nil, err
	}
	return r.Execute(ctx, j.lock, j.jobs)
}

// plainRules are those of a look that is not the command's own. What that takes
// away, or a plan lists, is found by the first Look that is told of it, and
// numbered by that look's Store: it must not be another one.
func plainRules(r mark.Rules) mark.Rules {
	return mark.Rules{Now: r.Now, Grace: r.Grace, UploadsOlderThan: r.UploadsOlderThan, Resumed: r.Resumed}
}

// trashHint says what can be done about a trash that cannot be used.
func trashHint(err error) error {
	var hint string
	switch {
	case errors.Is(err, trash.ErrSpace):
		hint = "without --trash nothing needs space"
	case errors.Is(err, trash.ErrFilesystem) || errors.Is(err, trash.ErrMount):
		hint = "what is there can only be removed for good, without --trash"
	case errors.Is(err, sweep.ErrRights):
		hint = "run as a user who may write there, or mount it writable"
	case errors.Is(err, tree.ErrLinked):
		hint = "move it out of the way: the trash is a directory that regsweep makes"
	default:
		return err
	}
	return &layout.HintError{Err: err, Hint: hint}
}
