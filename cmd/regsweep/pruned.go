package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/sweep"
)

// writePruned says what a policy does: per repository, and with -v per tag.
func (j *job) writePruned(w io.Writer, rep *sweep.Report, executed bool) {
	frees := "frees now"
	if executed {
		frees = "freed"
	}
	switch {
	case j.trash && executed:
		frees = "went to the trash"
	case j.trash:
		frees = "goes to the trash"
	}
	j.writeDecisions(w, executed)
	j.writeFit(w, rep, executed)
	j.writePrunedTable(w, rep, executed)
	if j.plan.Empty() {
		j.writeStaying(w, rep)
		fmt.Fprintln(w)
		return
	}
	fmt.Fprintln(w, freedText(frees, rep))
	j.writeStaying(w, rep)
	fmt.Fprintln(w)
}

// prunedCount is what goes from one repository, by the plan.
type prunedCount struct{ tags, manifests int }

// prunedLines are the repositories that lose something, those that free most first.
func (j *job) prunedLines(rep *sweep.Report, executed bool) ([]sweep.RepositoryLine, map[string]prunedCount) {
	counts := map[string]prunedCount{}
	j.plan.EachLine(executed, func(l sweep.ItemLine) {
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
	lines := slices.DeleteFunc(slices.Clone(rep.Repositories), func(r sweep.RepositoryLine) bool { return counts[r.Name] == prunedCount{} })
	slices.SortStableFunc(lines, func(a, b sweep.RepositoryLine) int {
		return cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes)
	})
	return lines, counts
}

func (j *job) writePrunedTable(w io.Writer, rep *sweep.Report, executed bool) {
	removed, freed := "TO REMOVE", "TO FREE"
	if executed {
		removed, freed = "REMOVED", "FREED"
	}
	t := term.Table{Columns: []term.Column{
		{Title: "REPOSITORY", Least: 20},
		{Title: "TAGS KEPT", Right: true},
		{Title: removed, Right: true},
		{Title: "MANIFESTS " + removed, Right: true, Drop: 1},
		{Title: freed, Right: true},
	}}
	lines, counts := j.prunedLines(rep, executed)
	if len(lines) == 0 {
		j.writeNothing(w)
		return
	}
	most := len(lines)
	if !j.verbose {
		most = min(shown, most)
	}
	for _, r := range lines[:most] {
		c := counts[r.Name]
		t.Add(term.Harmless(r.Name), term.Comma(r.Tags-c.tags), term.Comma(c.tags), term.Comma(c.manifests), term.Size(r.ReclaimableBytes))
	}
	if err := t.Show(w); err != nil {
		return // as every other line of the report would be
	}
	if more := len(lines) - most; more > 0 {
		fmt.Fprintf(w, "and %s more, which -v lists\n", term.Comma(more))
	}
}

// writeNothing says that nothing was done, and how it came to that.
func (j *job) writeNothing(w io.Writer) {
	switch {
	case j.refusal != nil:
		fmt.Fprintln(w, "the policy is refused: nothing would be removed")
	case j.dryRun:
		fmt.Fprintln(w, "the policy removes nothing: nothing would be done")
	default:
		fmt.Fprintln(w, "the policy removes nothing: nothing has been done")
	}
}

// writeStaying names what stays whatever the rules say.
func (j *job) writeStaying(w io.Writer, rep *sweep.Report) {
	c := rep.Retention
	things := func(tags, untagged int) string {
		text := english.Plural(tags, "tag", "")
		if untagged > 0 {
			text += " and " + english.Plural(untagged, "untagged manifest", "")
		}
		return text
	}
	if p := c.Protected; p.Tags+p.Untagged > 0 {
		fmt.Fprintf(w, "protected: %s, %s\n", things(p.Tags, p.Untagged), term.Size(p.Bytes))
		list := slices.DeleteFunc(slices.Clone(j.prune.repositories), func(r prunedRepository) bool { return r.protected == 0 })
		for i := range list[:min(shown, len(list))] {
			r := &list[i]
			text := strings.Join(r.first, ", ")
			if more := r.protected - len(r.first); more > 0 {
				text += fmt.Sprintf(" and %s more", term.Comma(more))
			}
			fmt.Fprintln(w, term.Harmless(fmt.Sprintf("  %s, by %s", text, strings.Join(r.by, ", "))))
		}
		if more := len(list) - shown; more > 0 {
			fmt.Fprintf(w, "  and in %s more repositories\n", term.Comma(more))
		}
	}
	if c.Timeless > 0 {
		fmt.Fprintf(w, "%s of which the time is missing or absurd: kept\n", term.Comma(c.Timeless))
	}
	j.writeUnmatched(w)
	if c.Held > 0 {
		fmt.Fprintf(w, "%s that cannot be judged, since something is wrong with them: kept\n", term.Comma(c.Held))
	}
}
