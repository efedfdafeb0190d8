package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

func (run *Run) writeProblems(w *Screen) {
	if len(run.Problems) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", w.Ink.Bold(problemsTitle(run.Report)))
	list := slices.Clone(run.Problems)
	slices.SortStableFunc(list, func(a, b walker.Problem) int {
		return cmp.Compare(rank(a.Kind), rank(b.Kind))
	})
	if !run.Verbose {
		list = list[:min(Shown, len(list))]
	}
	for _, p := range list {
		kind, line := w.Ink.Yellow(term.Harmless(p.Kind)), fmt.Sprintf("%s: %s", p.Path, p.Detail)
		if rank(p.Kind) > 0 {
			kind = w.Ink.Dim(term.Harmless(p.Kind))
		}
		switch {
		case p.Cured:
			kind, line = w.Ink.Dim(term.Harmless(p.Kind)), line+"; "+curedBy(run.DryRun)
		case len(p.Breaks) > 0:
			line += "; it breaks " + strings.Join(p.Breaks, ", ")
		}
		fmt.Fprintf(w, "  %s %s\n", kind, term.Harmless(line))
		for _, line := range cureLines(&p) {
			fmt.Fprintf(w, "    %s\n", term.Harmless(line))
		}
	}
	if more := len(run.Problems) - len(list); more > 0 {
		fmt.Fprintf(w, "  and %s more, which -v lists\n", term.Comma(more))
	}
}

// problemsTitle counts the problems that there are after the run.
func problemsTitle(rep *sweep.Report) string {
	cured, left := 0, 0
	for i := range rep.Problems {
		if rep.Problems[i].Cured {
			cured++
		} else {
			left++
		}
	}
	text := "problems after the run: " + term.Comma(left)
	if rep.DryRun {
		text = "problems: " + term.Comma(left)
	}
	if cured > 0 {
		text += fmt.Sprintf("; %s %s", term.Comma(cured), curedBy(rep.DryRun))
	}
	return text
}

func curedBy(dryRun bool) string {
	if dryRun {
		return "would be cured by this run"
	}
	return "cured by this run"
}

// rank puts unknown files after what matters.
func rank(kind string) int {
	if kind == walker.UnknownFile {
		return 1
	}
	return 0
}

// cureLines say to people what can be done about a problem, in this order: a
// cure, a replica, a push, and what gives it up.
func cureLines(p *walker.Problem) (lines []string) {
	if p.Cured {
		return nil
	}
	if p.Cure != "" {
		lines = append(lines, "cure: "+p.Cure)
	}
	if p.Replica != "" {
		lines = append(lines, "with a copy of the registry, or an OCI layout, in DIR: "+p.Replica)
	}
	if len(p.Breaks) > 0 && (p.LastResort != "" || p.Replica != "" || p.Cure == "") {
		then := "push again "
		switch {
		case p.Cure != "" && p.Replica != "": // the cure alone does not bring them back
			then = "then push again "
		case p.Cure != "":
			then = "or push again "
		}
		lines = append(lines, then+SomeOf(p.Breaks)+" ("+PushClients+")")
	}
	if p.LastResort != "" {
		lines = append(lines, "as the last resort, which loses "+SomeOf(p.Loses)+": "+p.LastResort)
	}
	return lines
}

// PushClients says with which client an image is pushed again.
const PushClients = "with skopeo, docker or podman; crane skips a tag that exists, and needs another one"

// SomeOf names some of many.
func SomeOf(names []string) string {
	if more := len(names) - ShownBroken; more > 0 {
		return strings.Join(names[:ShownBroken], ", ") + " and " + term.Comma(more) + " more"
	}
	return strings.Join(names, ", ")
}

// ShownBroken is how many of the images that a problem breaks a table names.
const ShownBroken = 5

// problemSections are the problems with their cures, and the unknown files.
func problemSections(rep *sweep.Report) (list []page.Section) {
	problems := pageTable("problems", "Problems", mostPageProblems, page.Column{Title: "kind", Kind: page.Word}, page.Column{Title: "path", Kind: page.Code},
		page.Column{Title: "what is wrong"}, page.Column{Title: "breaks"}, page.Column{Title: "what to do", Kind: page.Code})
	unknown := pageTable("unknown", "Unknown files", mostPageProblems, page.Column{Title: "path", Kind: page.Code}, page.Column{Title: "what it is"})
	unknown.Notes = []string{"the layout does not define these names: they are left where they are, and are not a problem"}
	if slices.ContainsFunc(rep.Problems, func(p walker.Problem) bool { return p.Cured }) {
		problems.Notes = []string{problemsTitle(rep)}
	}
	for i := range rep.Problems {
		p := &rep.Problems[i]
		if p.Kind == walker.UnknownFile {
			unknown.Add(textCell(p.Path), textCell(p.Detail))
			continue
		}
		if problems.Full() {
			problems.Skip(1)
			continue
		}
		do, breaks := strings.Join(linesOfTheirOwn(cureLines(p)), "\n"), SomeOf(p.Breaks)
		if len(do) > mostPageText {
			do = "the cure names many images: the JSON report has it"
		}
		if p.Cured {
			do, breaks = curedBy(rep.DryRun), ""
		}
		problems.Add(textCell(p.Kind), textCell(p.Path), textCell(p.Detail), textCell(breaks), page.Cell{Text: do})
	}
	for _, t := range []*page.Table{problems, unknown} {
		if t.Rows() > 0 {
			list = append(list, t)
		}
	}
	return list
}

// linesOfTheirOwn puts the command at the end of a line on the next one.
func linesOfTheirOwn(lines []string) (list []string) {
	for _, line := range lines {
		prose, command := term.CutCommand(line)
		for _, part := range []string{prose, command} {
			if part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// ValidProblems makes valid what JSON is to have of problems.
func ValidProblems(list []walker.Problem) {
	for i := range list {
		p := &list[i]
		for _, text := range []*string{&p.Path, &p.Detail, &p.Cure, &p.LastResort} {
			*text = term.Valid(*text)
		}
		p.Breaks, p.Loses = validAll(p.Breaks), validAll(p.Loses)
	}
}

func validAll(list []string) []string {
	if list == nil {
		return nil
	}
	all := make([]string, len(list))
	for i, text := range list {
		all[i] = term.Valid(text)
	}
	return all
}

// IsSerious reports whether the store has a problem still.
func IsSerious(p walker.Problem) bool { return p.Kind != walker.UnknownFile && !p.Cured }
