package report

import (
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
)

// How much of a report the page has: a browser draws it all, and the file
// should stay below five megabytes. What is left out is summed up and said.
const (
	MostImages       = 200 // of one repository
	mostPageImages   = 3000
	mostPageRepos    = 4000
	MostRemoved      = 3000
	mostPageItems    = 2000
	mostPageKept     = 2000
	mostPageProblems = 1000
	mostPageBytes    = 1_200_000 // of one table
	mostPageText     = 2000      // of one cell
)

// pageTable is a table of the page with room for many rows.
func pageTable(id, title string, most int, columns ...page.Column) *page.Table {
	return &page.Table{ID: id, Title: title, Columns: columns, Most: most, MostBytes: mostPageBytes, Clean: term.Harmless, Where: "the JSON report has all of them"}
}

func textCell(s string) page.Cell {
	if len(s) > mostPageText {
		s = strings.ToValidUTF8(s[:mostPageText], "") + " ... and more, which the JSON report has"
	}
	return page.Cell{Text: s}
}

func sizeCell(n int64) page.Cell { return page.Cell{Text: term.Size(n), Value: n} }

func countCell[N int | int64](n N) page.Cell {
	return page.Cell{Text: humanize.Comma(int64(n)), Value: int64(n)}
}
