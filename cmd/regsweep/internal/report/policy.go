package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep"
)

// writePruned says what a policy does: per repository, and with -v per tag.
func (run *Run) writePruned(w *Screen) {
	frees := "frees now"
	if run.Executed {
		frees = "freed"
	}
	switch {
	case run.Trash && run.Executed:
		frees = "moved to the trash"
	case run.Trash:
		frees = "moves to the trash"
	}
	run.writeDecisions(w)
	run.writeFit(w)
	run.writePrunedTable(w)
	if run.Plan.Empty() {
		run.writeKept(w)
		fmt.Fprintln(w)
		return
	}
	fmt.Fprintln(w, run.freedText(frees))
	run.writeKept(w)
	fmt.Fprintln(w)
}

// prunedCount is what is removed from one repository, by the plan.
type prunedCount struct{ tags, manifests int }

// prunedLines are the repositories that lose something, those that free most first.
func (run *Run) prunedLines() ([]sweep.RepositoryLine, map[string]prunedCount) {
	counts := map[string]prunedCount{}
	run.Plan.EachLine(run.Executed, func(l sweep.ItemLine) {
		c := counts[term.Valid(l.Repository)]
		switch l.Kind {
		case "tag":
			c.tags++
		case "manifest":
			c.manifests++
		default:
			return
		}
		counts[term.Valid(l.Repository)] = c
	})
	lines := slices.DeleteFunc(slices.Clone(run.Repositories), func(r sweep.RepositoryLine) bool { return counts[r.Name] == prunedCount{} })
	slices.SortStableFunc(lines, func(a, b sweep.RepositoryLine) int {
		return cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes)
	})
	return lines, counts
}

func (run *Run) writePrunedTable(w *Screen) {
	removed, freed := "TO REMOVE", "TO FREE"
	if run.Executed {
		removed, freed = "REMOVED", "FREED"
	}
	t := term.Table{Columns: []term.Column{
		{Title: "REPOSITORY", Least: 20},
		{Title: "TAGS KEPT", Right: true},
		{Title: removed, Right: true},
		{Title: "MANIFESTS " + removed, Right: true, Drop: 1},
		{Title: freed, Right: true},
	}}
	lines, counts := run.prunedLines()
	if len(lines) == 0 {
		run.writeNothing(w)
		return
	}
	most := len(lines)
	if !run.Verbose {
		most = min(Shown, most)
	}
	for _, r := range lines[:most] {
		c := counts[r.Name]
		t.Add(term.Harmless(r.Name), term.Comma(r.Tags-c.tags), term.Comma(c.tags), term.Comma(c.manifests), term.Size(r.ReclaimableBytes))
	}
	if err := t.Show(w.Writer); err != nil {
		return // as every other line of the report would be
	}
	if more := len(lines) - most; more > 0 {
		fmt.Fprintf(w, "and %s more, which -v lists\n", term.Comma(more))
	}
}

// writeNothing says that nothing was done, and how it came to that.
func (run *Run) writeNothing(w *Screen) {
	switch {
	case run.Refused:
		fmt.Fprintln(w, "the policy is refused: nothing would be removed")
	case run.DryRun:
		fmt.Fprintln(w, "the policy removes nothing: nothing would be done")
	default:
		fmt.Fprintln(w, "the policy removes nothing: nothing has been done")
	}
}

// writeKept names what is kept whatever the rules say.
func (run *Run) writeKept(w *Screen) {
	c := run.Retention
	things := func(tags, untagged int) string {
		text := english.Plural(tags, "tag", "")
		if untagged > 0 {
			text += " and " + english.Plural(untagged, "untagged manifest", "")
		}
		return text
	}
	if p := c.Protected; p.Tags+p.Untagged > 0 {
		fmt.Fprintf(w, "protected: %s, %s\n", things(p.Tags, p.Untagged), term.Size(p.Bytes))
		list := slices.DeleteFunc(slices.Clone(run.Policy.Repositories), func(r PolicyRepository) bool { return r.Protected == 0 })
		for i := range list[:min(Shown, len(list))] {
			r := &list[i]
			text := strings.Join(r.First, ", ")
			if more := r.Protected - len(r.First); more > 0 {
				text += fmt.Sprintf(" and %s more", term.Comma(more))
			}
			fmt.Fprintln(w, term.Harmless(fmt.Sprintf("  %s, by %s", text, strings.Join(r.By, ", "))))
		}
		if more := len(list) - Shown; more > 0 {
			fmt.Fprintf(w, "  and in %s more repositories\n", term.Comma(more))
		}
	}
	if c.Timeless > 0 {
		fmt.Fprintf(w, "%s whose time is missing or absurd: kept\n", term.Comma(c.Timeless))
	}
	run.writeUnmatched(w)
	if c.Undecidable > 0 {
		fmt.Fprintf(w, "%s that cannot be judged, since something is wrong with them: kept\n", term.Comma(c.Undecidable))
	}
}

// writeUnmatched names in the table what of the policy selects nothing.
func (run *Run) writeUnmatched(w *Screen) {
	list := run.Policy.Unmatched
	most := len(list)
	if !run.Verbose {
		most = min(Shown, most)
	}
	for i := range list[:most] {
		fmt.Fprintf(w, "selects nothing: %s\n", term.Harmless(list[i]))
	}
	if more := len(list) - most; more > 0 {
		fmt.Fprintf(w, "and %s more, which -v lists\n", term.Comma(more))
	}
}
