package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/planfile"
)

// writeApplied says which plan is carried out, which tags go, and what is skipped.
func (run *Run) writeApplied(w *Screen) {
	fmt.Fprintf(w, "%s\n", appliedText(run.Applied))
	verb, width := run.verb(), term.Width(w.Writer)
	run.Plan.EachLine(run.Executed, func(l sweep.ItemLine) {
		if l.Kind == "tag" {
			line := fmt.Sprintf("  tag %s:%s  %s  %s", term.Harmless(l.Repository), term.Harmless(l.Name), l.Digest, verb)
			fmt.Fprintln(w, w.Ink.Red(term.ShortDigests(line, width)))
		}
	})
	if n := len(run.Skipped); n > 0 {
		fmt.Fprintf(w, "skipped: %s\n", term.Comma(n))
		most := n
		if !run.Verbose {
			most = min(Shown, n)
		}
		for i := range run.Skipped[:most] {
			fmt.Fprintln(w, term.ShortDigests("  "+term.Harmless(skippedText(&run.Skipped[i])), width))
		}
		if n > most {
			fmt.Fprintf(w, "  and %s more, which -v lists\n", term.Comma(n-most))
		}
	}
	fmt.Fprintln(w)
}

func skippedText(l *sweep.SkippedLine) string {
	name := l.Repository
	switch {
	case l.Kind == "tag" || l.Kind == "tagHistory":
		name += ":" + l.Name
	case name == "":
		name = l.Name
	case l.Name != "":
		name += "/" + l.Name
	}
	return strings.Join(strings.Fields(l.Kind+" "+name+" "+l.Digest), " ") + ": " + l.Reason
}

// appliedText says in the table what is carried out.
func appliedText(plan *planfile.Plan) string {
	return fmt.Sprintf("a plan of %s, made %s: %s items", plan.Command, plan.Time.UTC().Format(time.DateTime)+" UTC", term.Comma(int(plan.Items)))
}
