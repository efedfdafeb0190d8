package report

import (
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
)

// Page is the report as one page that needs nothing else.
func (e *Ending) Page() ([]byte, error) {
	rep := e.Report
	p := &page.Page{Headline: e.Line, Clean: term.Harmless, Foot: "Written by regsweep " + e.Version + ". This page is self-contained and needs no network."}
	elapsed := rep.ElapsedSeconds
	switch {
	case e.Run != nil && e.Nothing:
		p.Outcome = "nothing has been removed"
	case e.Run != nil:
		p.Outcome = e.Run.outcome()
	case e.Check != nil:
		p.Outcome, elapsed = checkedOutcome(e.Check), e.Check.Checked.ElapsedSeconds
	case e.Err != nil:
		p.Outcome = "it failed: nothing has been done"
	}
	p.About = []page.Fact{{Name: "store", Text: rep.Root}, {Name: "begun", Text: rep.Started.Format("2006-01-02 15:04:05 UTC")}, {Name: "took", Text: seconds(elapsed).String()}}
	if rep.DryRun {
		p.About = append(p.About, page.Fact{Name: "dry run:", Text: "nothing has been removed"})
	}
	if e.Err != nil {
		p.Error = e.Err.Error()
	}
	switch {
	case e.Check != nil:
		p.Sections = append(p.Sections, checkedSection(&e.Check.Checked))
	case e.Run != nil:
		p.Sections = append(p.Sections, e.Run.planSections()...)
	}
	p.Sections = append(p.Sections, problemSections(rep)...)
	if e.Run != nil {
		p.Sections = append(p.Sections, e.Run.storeSections()...)
	}
	return p.HTML()
}

// planSections say what is removed, and what that changes.
func (run *Run) planSections() (list []page.Section) {
	if len(run.Next) > 0 {
		list = append(list, &page.List{ID: "next", Title: "Next", Lines: run.Next, Command: "regsweep "})
	}
	list = append(list, run.totalsSection(), run.countsSection())
	if run.Policy != nil {
		list = append(list, run.prunedPage())
		var text strings.Builder
		run.writeKept(&Screen{Writer: &text})
		if kept := strings.Split(strings.TrimSpace(text.String()), "\n"); kept[0] != "" {
			list = append(list, &page.List{ID: "stays", Title: "What the policy keeps whatever its rules say, and what it does not know", Lines: kept})
		}
	}
	if removed := run.removedTable(); removed.Rows() > 0 {
		list = append(list, removed)
	}
	if n := len(run.Skipped); n > 0 {
		list = append(list, skippedTable(run.Skipped))
	}
	return list
}

// storeSections say where the space is.
func (run *Run) storeSections() (list []page.Section) {
	s := &storePage{Run: run}
	if repositories := s.repositoriesTable(); repositories.Rows() > 0 {
		list = append(list, &page.Map{Title: "Where the space is", Removed: run.verb()}, repositories)
	}
	for _, t := range []*page.Table{s.imagesTable(), keptTable(run.Report), itemsTable(run.Report)} {
		if t.Rows() > 0 {
			list = append(list, t)
		}
	}
	return list
}
