package report

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep"
)

// LargestText names the largest repositories that are kept.
func LargestText(list []sweep.KeptRepository) string {
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
		return fmt.Sprintf("the target is missed by %s, even without the %s that the policy does not keep", term.Size(f.Shortfall), english.Plural(f.Images, "image", ""))
	}
	return fmt.Sprintf("the target needs %s, and %d of %s that the policy does not keep", term.Size(f.Needed), f.Chosen, english.Plural(f.Images, "image", ""))
}

// writeFit says what the target needs, and what is removed for it.
func (run *Run) writeFit(w *Screen) {
	f := run.Fit
	if f == nil || run.Refused {
		return
	}
	if f.TargetFree != nil {
		fmt.Fprintf(w, "target: %s of %s free; %s %s free before\n", term.Size(*f.TargetFree), term.Size(f.Size), term.Size(f.FreeBefore), term.Either(run.Executed, "were", "are"))
	}
	if f.MaxUsed != nil {
		fmt.Fprintf(w, "target: at most %s used; %s %s used before\n", term.Size(*f.MaxUsed), term.Size(*f.UsedBefore), term.Either(run.Executed, "were", "are"))
	}
	if f.Needed == 0 {
		fmt.Fprint(w, "the target is met: nothing has to be removed\n\n")
		return
	}
	fmt.Fprintf(w, "%s to be freed; garbage frees %s, and together with %d of %s that the policy does not keep, %s\n",
		term.Either(run.Executed, term.Size(f.Needed)+" had", term.Size(f.Needed)+" have"), term.Size(f.Garbage), f.Chosen, english.Plural(f.Images, "image", ""), term.Size(f.Frees))
	if f.Shortfall > 0 {
		fmt.Fprintf(w, "the target is missed by %s; the largest repositories that are kept: %s\n", term.Size(f.Shortfall), LargestText(f.Largest))
	}
	if run.Executed {
		fmt.Fprintf(w, "free after the run: %s\n", term.Size(f.FreeAfter))
	}
	fmt.Fprintln(w)
}
