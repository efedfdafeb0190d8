package main

import (
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// fileReport keeps a report for the file, and what only the page has.
func (j *job) fileReport(rep *sweep.Report, executed bool) {
	j.fileResult(rep)
	if j.filing.observer() == nil {
		return
	}
	f := j.filing.page
	f.next, f.outcome = j.next(rep), j.outcome(rep, executed)
	f.totals, f.verb = j.totals(rep, executed), verb(executed)
	f.outsideGone = j.plan.BytesWithin(executed, f.outside)
	f.gone = map[string]bool{}
	j.plan.EachLine(executed, func(l sweep.ItemLine) {
		if l.Kind == "tag" {
			f.gone[l.Repository+":"+l.Name] = true
		}
	})
	f.going = j.goingTable(rep, executed)
	if j.prune != nil {
		f.pruned = j.prunedPage(rep, executed)
		var text strings.Builder
		j.writeStaying(&text, rep)
		f.stays = strings.Split(strings.TrimSpace(text.String()), "\n")
	}
}

// page is the report as one page that needs nothing else.
func (e *ending) page(runErr error) ([]byte, error) {
	p := &page.Page{Headline: e.f.line, Clean: term.Harmless, Foot: pageFoot()}
	var checked *checkReport
	rep := e.report
	if runErr != nil {
		p.Outcome = "it failed: nothing has been done" // unless it got further
	}
	switch {
	case rep != nil && e.planned:
		p.Outcome = e.f.page.outcome
	case rep == nil:
		rep = e.f.nothingDone()
		rep.Problems = *e.problems
		if checked, _ = e.f.result.(*checkReport); checked != nil {
			rep.ElapsedSeconds = checked.Checked.ElapsedSeconds
			p.Outcome = checkedOutcome(checked)
		}
	}
	p.About = []page.Fact{{Name: "store", Text: rep.Root}, {Name: "begun", Text: rep.Started.Format("2006-01-02 15:04:05 UTC")}, {Name: "took", Text: seconds(rep.ElapsedSeconds).String()}}
	if rep.DryRun {
		p.About = append(p.About, page.Fact{Name: "dry run:", Text: "nothing has been removed"})
	}
	if runErr != nil {
		p.Error = runErr.Error()
	}
	switch {
	case checked != nil:
		p.Sections = append(p.Sections, checkedSection(&checked.Checked))
	case e.planned:
		p.Sections = append(p.Sections, e.planSections()...)
	}
	p.Sections = append(p.Sections, problemSections(rep)...)
	if e.planned {
		p.Sections = append(p.Sections, e.storeSections()...)
	}
	return p.HTML()
}

func pageFoot() string {
	v, _ := buildVersion()
	return "Written by regsweep " + v + ". This page is complete in itself and asks nothing of any network."
}

// planSections say what goes, and what that changes.
func (e *ending) planSections() (list []page.Section) {
	f := e.f.page
	if len(f.next) > 0 {
		list = append(list, &page.List{ID: "next", Title: "Next", Lines: f.next, Command: "regsweep "})
	}
	list = append(list, e.totalsSection(), e.countsSection())
	if f.pruned != nil {
		list = append(list, f.pruned)
	}
	if len(f.stays) > 0 && f.stays[0] != "" {
		list = append(list, &page.List{ID: "stays", Title: "What the policy keeps whatever its rules say, and what it does not know", Lines: f.stays})
	}
	if f.going != nil && f.going.Rows() > 0 {
		list = append(list, f.going)
	}
	if n := len(e.report.LeftOut); n > 0 {
		list = append(list, leftOutTable(e.report.LeftOut))
	}
	return list
}

// storeSections say where the space is.
func (e *ending) storeSections() (list []page.Section) {
	if repositories := e.repositoriesTable(); repositories.Rows() > 0 {
		list = append(list, &page.Map{Title: "Where the space is", Goes: e.f.page.verb}, repositories)
	}
	for _, t := range []*page.Table{e.imagesTable(), keptTable(e.report), itemsTable(e.report)} {
		if t.Rows() > 0 {
			list = append(list, t)
		}
	}
	return list
}

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
		do, breaks := strings.Join(linesOfTheirOwn(cureLines(p)), "\n"), someOf(p.Breaks)
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

// checkedSection says what a check has looked at.
func checkedSection(c *checked) page.Section {
	t := &page.Table{ID: "checked", Title: "What was checked", Plain: true, Clean: term.Harmless, Columns: []page.Column{{}, {Title: "number", Kind: page.Number}, {Title: "size", Kind: page.Number}}}
	count := func(name string, n int64) { t.Add(textCell(name), countCell(n)) }
	count("repositories", int64(c.Repositories))
	count("tags", int64(c.Tags))
	count("manifests", int64(c.Manifests))
	count("layer links", int64(c.LayerLinks))
	count("entries of tags' histories", int64(c.HistoryEntries))
	t.Add(textCell("blobs"), countCell(c.Blobs), sizeCell(c.Bytes))
	t.Add(textCell("of these read"), countCell(c.BlobsRead), sizeCell(c.BytesRead))
	t.Notes = checkedNotes(c)
	return t
}
