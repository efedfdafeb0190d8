package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"

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
	err := fmt.Errorf("%s %s, with all that the policy lets go", verb, term.Size(j.fit.Shortfall))
	if text := largestText(j.fit.Largest); text != "" {
		return &layout.HintError{Err: err, Hint: "the largest repositories that are kept: " + text}
	}
	return err
}

func largestText(list []sweep.KeptRepository) string {
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = fmt.Sprintf("%s (%s)", r.Name, term.Size(r.Bytes))
	}
	return term.Harmless(strings.Join(texts, ", "))
}

// fitText says in one line what came of the target.
func fitText(f *sweep.Fitted) string {
	switch {
	case f.Needed == 0:
		return "the target is met: nothing has to be removed"
	case f.Shortfall > 0:
		return fmt.Sprintf("the target is missed by %s, with all of %s that the policy lets go", term.Size(f.Shortfall), english.Plural(f.Images, "image", ""))
	}
	return fmt.Sprintf("the target needs %s, and %d of %s that the policy lets go", term.Size(f.Needed), f.Chosen, english.Plural(f.Images, "image", ""))
}

// writeFit says what the target needs, and what is removed for it.
func (j *job) writeFit(w io.Writer, rep *sweep.Report, executed bool) {
	f := rep.Fit
	if f == nil || j.refusal != nil {
		return
	}
	if f.TargetFree != nil {
		fmt.Fprintf(w, "target: %s of %s free; %s %s free before\n", term.Size(*f.TargetFree), term.Size(f.Size), term.Size(f.FreeBefore), term.Either(executed, "were", "are"))
	}
	if f.MaxUsed != nil {
		fmt.Fprintf(w, "target: at most %s used; %s %s used before\n", term.Size(*f.MaxUsed), term.Size(*f.UsedBefore), term.Either(executed, "were", "are"))
	}
	if f.Needed == 0 {
		fmt.Fprint(w, "the target is met: nothing has to be removed\n\n")
		return
	}
	fmt.Fprintf(w, "%s to be freed; garbage frees %s, and with %d of %s that the policy lets go it is %s\n",
		term.Either(executed, term.Size(f.Needed)+" had", term.Size(f.Needed)+" have"), term.Size(f.Garbage), f.Chosen, english.Plural(f.Images, "image", ""), term.Size(f.Frees))
	if f.Shortfall > 0 {
		fmt.Fprintf(w, "the target is missed by %s; the largest repositories that are kept: %s\n", term.Size(f.Shortfall), largestText(f.Largest))
	}
	if executed {
		fmt.Fprintf(w, "free after the run: %s\n", term.Size(f.FreeAfter))
	}
	fmt.Fprintln(w)
}
