package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/sweep"
)

// writeApplied says which plan is carried out, which tags go, and what is left out.
func (j *job) writeApplied(w io.Writer, rep *sweep.Report, executed bool) {
	fmt.Fprintf(w, "%s\n", appliedText(j.applied))
	verb, ink, width := "goes", j.ink(j.common, w), term.Width(w)
	if executed {
		verb = "went"
	}
	j.plan.EachLine(executed, func(l sweep.ItemLine) {
		if l.Kind == "tag" {
			line := fmt.Sprintf("  tag %s:%s  %s  %s", term.Harmless(l.Repository), term.Harmless(l.Name), l.Digest, verb)
			fmt.Fprintln(w, ink.Red(term.ShortDigests(line, width)))
		}
	})
	if n := len(rep.LeftOut); n > 0 {
		fmt.Fprintf(w, "left out: %s\n", term.Comma(n))
		most := n
		if !j.verbose {
			most = min(shown, n)
		}
		for i := range rep.LeftOut[:most] {
			fmt.Fprintln(w, term.ShortDigests("  "+term.Harmless(leftOutText(&rep.LeftOut[i])), width))
		}
		if n > most {
			fmt.Fprintf(w, "  and %s more, which -v lists\n", term.Comma(n-most))
		}
	}
	fmt.Fprintln(w)
}

func leftOutText(l *sweep.LeftOutLine) string {
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

// leftOut are the items of the plan that stay, for the report.
func (j *job) leftOut() []sweep.LeftOutLine {
	list := j.plan.LeftOut(j.applied.Listing)
	for i := range list {
		list[i].Repository, list[i].Name = term.Valid(list[i].Repository), term.Valid(list[i].Name)
	}
	return list
}
