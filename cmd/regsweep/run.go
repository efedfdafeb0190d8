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
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/walker"
)

func (j *job) run(ctx context.Context) (err error) {
	j.started = time.Now()
	if err := errors.Join(j.refuseForeign(), j.verifyPlanFile(), j.placeArchive()); err != nil {
		return err
	}
	defer j.planTo.Close()
	j.rules.Times = j.planFile != ""
	if j.store, err = j.files.OpenStore(j.place.Store); err != nil {
		return fmt.Errorf("open the store %q: %w", j.place.Store, err)
	}
	defer j.close()
	working, done := context.WithCancel(ctx)
	defer done()
	if err := j.start(); err != nil {
		return err
	}
	if err := j.probe(ctx); err != nil {
		return err
	}
	j.useProcessors(working, j.store, j.width)
	if !j.olderThan.isZero() { // that of a written plan stays
		j.rules.OlderThan = retention.Ago(j.olderThan).Before(j.rules.Now)
	}
	if err := errors.Join(j.readLocks(), j.expand(ctx)); err != nil {
		return err
	}
	if err := j.finishRestores(ctx); err != nil {
		return err
	}
	if j.fit != nil {
		if err := j.fit.measure(ctx, j); err != nil {
			return err
		}
	}
	if err := j.makePlan(ctx); err != nil {
		j.fileProblems()
		return err
	}
	if j.trash && !j.dryRun {
		j.plan.Into(trash.NewBin(j.command, term.Valid(j.place.Root), j.started))
	}
	refusal := errors.Join(j.refusal, j.refuseEmpty(), j.refuseTooMuch())
	if j.dryRun {
		if refusal == nil {
			refusal = j.writePlan()
		}
		return errors.Join(j.report(ctx, false), refusal, j.missed())
	}
	if refusal != nil {
		j.fileNothing()
		return refusal
	}
	err = j.execute(ctx)
	if err == nil && j.fit == nil { // which would take of the space that is to be free
		j.recalled.keep(ctx, j.plan.Look().Store, j.w.Findings.Unreadable())
	}
	return err
}

// close gives back what the run holds of the store, the lock after what reads.
func (j *job) close() {
	if j.w != nil {
		j.w.Close()
	}
	if j.lock != nil {
		j.lock.Release()
	}
	j.store.Close()
}

// makePlan walks, marks and plans.
func (j *job) makePlan(ctx context.Context) error {
	if j.prune != nil {
		if err := j.prune.begin(ctx, &j.rules); err != nil {
			return err
		}
	}
	findings := new(walker.Findings)
	j.recalled = j.recollect(j.store, j.rules.Now, j.rules.Resumed, true)
	options := walker.Options{Jobs: j.width.most, InOrder: j.width.inOrder, Findings: findings, Resumed: j.rules.Resumed, Progress: new(walker.Progress)}
	j.recalled.tell(&options)
	j.w = walker.New(j.store, options)
	defer j.progress.Rest()
	if err := j.readTwins(ctx); err != nil {
		return err
	}
	j.progress.Phase("reading blobs", readingBlobs(j.w.Progress))
	store := mark.ReadWith(ctx, j.w, j.rules, j.recalled.memory)
	if err := j.readUsed(ctx, store); err != nil {
		return err
	}
	j.progress.Phase("reading repositories", readingRepositories(j.w.Progress))
	look, err := j.look(ctx, store)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w; nothing has been removed", context.Cause(ctx))
	}
	if j.dryRun {
		j.recalled.keep(ctx, store, findings.Unreadable())
	}
	if findings.Unreadable() > 0 {
		return j.planUnread(findings, look)
	}
	if j.dryRun && store.Resumed() {
		j.warnStopped(j.where.Command("gc"))
	}
	return j.planOf(look)
}

// planOf refuses what looks wrong in a look, and plans.
func (j *job) planOf(look *mark.Look) error {
	if err := j.refuseNames(look); err != nil {
		if j.prune == nil || !j.dryRun {
			return err
		}
		j.refusal = err
	}
	if j.prune != nil {
		j.prune.finish(look)
		j.prune.sayUnmatched(j.voice)
	}
	if err := j.sayMatches(); err != nil {
		return err
	}
	j.warnOfLook(look)
	j.warnOtherNames(look)
	j.filing.settle(look)
	j.plan = j.planned(look)
	return nil
}

// planned is the plan of a look, of which nothing is carried out if the run is refused.
func (j *job) planned(look *mark.Look) *sweep.Plan {
	if j.refusal != nil {
		return sweep.NewRefused(look)
	}
	plan := sweep.New(look)
	if j.fit != nil {
		plan.Closely() // what it is said to free is what the target counts
	}
	plan.Before(j.locksChanged)
	return plan
}

// planUnread plans where something cannot be read: only the cure of what was
// named may be carried out, and anything else is refused.
func (j *job) planUnread(findings *walker.Findings, look *mark.Look) error {
	unread := english.Plural(findings.Unreadable(), "path", "")
	j.sayUnreadable(findings.Problems())
	if j.rules.Selected.Cures() && !look.Store.Resumed() && j.planFile == "" {
		j.voice.Warn("%s cannot be read: only the links of the manifests that were named are removed, and no blob", unread)
		j.plan = sweep.NewCure(look)
		j.plan.Before(j.locksChanged)
		return nil
	}
	return &layout.HintError{
		Err:  fmt.Errorf("%s cannot be read: nothing has been removed", unread),
		Hint: "run as a user who can read the store, or repair the filesystem first",
	}
}

// warnOfLook tells of stores that are not what they seem.
func (j *job) warnOfLook(look *mark.Look) {
	if t := &look.Totals; t.Manifests > 0 && t.Tags == 0 {
		j.voice.Warn("there are manifests but no tag: OpenShift, GitLab and Harbor keep their tags elsewhere, and what has no tag here may be in use there")
	}
	switch opaque := j.w.Shares().Opaque(); look.Borrowed {
	case "":
	case opaque:
		j.voice.Warn("%q is mounted in the store and may show another part of it: only blobs, uploads and interrupted writes are removed", opaque)
	default:
		j.voice.Warn("in %q a directory of links is a symbolic link, maybe into another repository: only blobs, uploads and interrupted writes are removed", look.Borrowed)
	}
}

// execute asks, if there is somebody to ask, carries the plan out, and reports.
func (j *job) execute(ctx context.Context) error {
	if j.plan.Empty() && !j.plan.Resumes() {
		return errors.Join(j.report(ctx, true), j.missed())
	}
	if !j.plan.Empty() {
		j.warnBefore()
		if ok, err := j.confirm(ctx); err != nil || !ok {
			j.fileNothing()
			return err
		}
	}
	if j.archive != "" {
		if err := j.archiveAll(ctx); err != nil {
			j.fileNothing()
			return err
		}
	}
	var err error
	j.progress.Phase("removing", removing(j.plan, j.w.Progress))
	j.failures, err = j.plan.Execute(ctx, j.lock, j.w, j.pace())
	j.progress.Rest()
	err = trashHint(err)
	j.sayFailures(j.failures)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = failuresError(j.failures)
	}
	return errors.Join(j.report(ctx, true), err, j.missed())
}

// pace is how the execution goes about time. A registry that is read-only
// accepts nothing.
func (j *job) pace() sweep.Pace {
	switch {
	case j.place.Config.ReadOnly:
		return sweep.Pace{Alone: true}
	case j.lock.Remote:
		return sweep.Pace{Settle: 5 * j.settling, Behind: j.behind}
	}
	return sweep.Pace{Settle: j.settling, Behind: j.behind}
}

// warnOtherNames names the repositories that lose images or tags by more than
// one name.
func (j *job) warnOtherNames(look *mark.Look) {
	said := map[string]bool{}
	for i := range look.Items {
		item := &look.Items[i]
		if item.Kind != mark.Tag && item.Kind != mark.Manifest {
			continue
		}
		repository := look.RepositoryOf(item)
		if said[repository] {
			continue
		}
		said[repository] = true
		if names := j.w.Shares().OtherNames(repository); len(names) > 0 {
			j.voice.Warn("%s is another name of %s: what is removed from one is removed from the other", term.Harmless(strings.Join(names, ", ")), term.Harmless(repository))
		}
	}
}
