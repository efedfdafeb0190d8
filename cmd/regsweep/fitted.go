package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// into adds the target to a report. After a run it has what is free then; before
// that, the estimate.
func (f *fit) into(j *job, rep *sweep.Report, executed bool) {
	f.FreeAfter = disk.Sum(f.FreeBefore, f.Frees)
	freed := f.Frees
	if executed {
		freed = rep.Freed.DiskBytes
		if space, err := sweep.SpaceOf(j.store); err == nil {
			f.FreeAfter = space.Free
		}
	}
	if f.UsedBefore != nil {
		after := max(*f.UsedBefore-freed, 0)
		f.UsedAfter = &after
	}
	if f.Shortfall > 0 {
		f.Largest = largestKept(rep)
	}
	rep.Filesystem.FreeBefore, rep.Filesystem.FreeAfter = f.FreeBefore, f.FreeAfter
	fitted := f.Fitted
	rep.Fit = &fitted
}

// mostLargest is how many of the largest repositories are named.
const mostLargest = 5

// largestKept are the repositories that keep most after a plan.
func largestKept(rep *sweep.Report) []sweep.KeptRepository {
	list := []sweep.KeptRepository{}
	for i := range rep.Repositories {
		r := &rep.Repositories[i]
		if kept := r.Bytes - r.ReclaimableBytes; kept > 0 {
			list = append(list, sweep.KeptRepository{Name: r.Name, Bytes: kept})
		}
	}
	slices.SortStableFunc(list, func(a, b sweep.KeptRepository) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list[:min(mostLargest, len(list))]
}

// missed is the error of a target that cannot be met, or nil.
func (j *job) missed() error {
	if j.fit == nil || j.fit.Shortfall == 0 || j.refusal != nil {
		return nil //nolint:nilerr // the refusal is an error of its own
	}
	verb := "the target is missed by"
	if j.dryRun {
		verb = "the target would be missed by"
	}
	err := fmt.Errorf("%s %s, even without everything that the policy does not keep", verb, term.Size(j.fit.Shortfall))
	if text := report.LargestText(j.fit.Largest); text != "" {
		return &layout.HintError{Err: err, Hint: "the largest repositories that are kept: " + text}
	}
	return err
}
