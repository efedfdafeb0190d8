package main

import (
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// newRun is the run as a value, for all that shows its report.
func (j *job) newRun(rep *sweep.Report, executed bool) *report.Run {
	run := &report.Run{
		Report: rep, Plan: j.plan, Executed: executed, Trash: j.trash, Refused: j.refusal != nil,
		Where: j.where, Now: j.rules.Now, Applied: j.applied, Verbose: j.verbose, VeryVerbose: j.veryVerbose,
		Next: j.next(rep),
	}
	switch {
	case j.prune != nil:
		run.Policy = j.prune.told()
	case j.rules.Selected != nil:
		run.Named = j.named()
	}
	return run
}

// named is what is removed by name, for the report.
func (j *job) named() *report.Named {
	selected := j.rules.Selected
	n := &report.Named{TagsOnly: selected.TagsOnly, Images: selected.Images(), Repositories: selected.Repositories(), OtherNames: map[string][]string{}}
	for i := range n.Images {
		name := n.Images[i].Repository
		n.OtherNames[name] = j.w.Shares().OtherNames(name)
	}
	for _, name := range n.Repositories {
		n.OtherNames[name] = j.w.Shares().OtherNames(name)
	}
	return n
}

func (j *job) newReport(executed bool) *sweep.Report {
	rep := j.plan.Report(executed)
	rep.Command, rep.DryRun, rep.Root = j.command, j.dryRun, term.Valid(j.place.Root)
	rep.Started = j.started.UTC()
	rep.ElapsedSeconds = time.Since(j.started).Seconds()
	rep.Filesystem.FreeBefore = j.free
	rep.Filesystem.FreeAfter = disk.Sum(disk.Sum(j.free, rep.Removed.DiskBytes), rep.Removed.UploadBytes)
	if j.trash {
		rep.Filesystem.FreeAfter = j.free // until the trash is emptied
	}
	rep.Trashed = j.plan.Trashed()
	if executed {
		if free, err := j.store.Free(); err == nil {
			rep.Filesystem.FreeAfter = free
		}
	}
	for i := range rep.Repositories {
		rep.Repositories[i].Name = term.Valid(rep.Repositories[i].Name)
	}
	if executed && j.lock != nil {
		rep.Freed = sweep.Freed(j.lock)
	} else if !j.trash {
		rep.Freed = j.plan.Estimate(j.store)
	}
	rep.Problems = append(rep.Problems, j.settleProblems(j.w.Findings.Problems(), executed)...)
	j.ward().prescribe(rep.Problems)
	report.ValidProblems(rep.Problems)
	if j.prune != nil {
		j.prune.into(&rep)
		if j.refusal != nil {
			rep.Retention.Refused = refusalTexts(j.refusal)
		}
	}
	if j.applied != nil {
		rep.Skipped = j.skipped()
	}
	if j.fit != nil {
		j.fit.into(j, &rep, executed)
	}
	if j.verbose {
		rep.Items = []sweep.ItemLine{}
		j.plan.EachLine(executed, func(l sweep.ItemLine) {
			l.Repository, l.Name = term.Valid(l.Repository), term.Valid(l.Name)
			rep.Items = append(rep.Items, l)
		})
	}
	return &rep
}

// ward is the store, for the cures of its problems.
func (j *job) ward() ward {
	return ward{Where: j.where, store: j.store, noNames: j.plan.Look().Borrowed != "", foreign: isForeign(&j.place), mirror: j.rules.PullThrough}
}

func isForeign(place *locate.Place) bool {
	reason, err := foreign(place)
	return err != nil || reason != ""
}

// skipped are the items of the plan that apply leaves, for the report.
func (j *job) skipped() []sweep.SkippedLine {
	list := j.plan.Skipped(j.applied.Listing)
	for i := range list {
		list[i].Repository, list[i].Name = term.Valid(list[i].Repository), term.Valid(list[i].Name)
	}
	return list
}
