package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/term"
)

// table is text in columns. Cells must be harmless.
type table struct {
	columns []column
	rows    [][]string
	// paint, if not nil, gets each line for a terminal; the titles are row -1.
	paint func(row int, line string) string
	// hidden are the titles of the columns that write has left out.
	hidden []string
}

// column is how one column is written.
type column struct {
	title string
	right bool // numbers
	// least is the width to which it may be shortened on a terminal that is
	// too narrow; 0 is never.
	least int
	// drop says when it is left out on a terminal that is still too narrow: 1
	// is first, 0 never.
	drop int
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write fits the table into a width; 0 is as wide as it gets.
func (t *table) write(w io.Writer, width int) error {
	widths := t.widths()
	for !shrink(t.columns, widths, width) && t.dropOne() {
		widths = t.widths()
	}
	var text strings.Builder
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	if strings.Join(titles, "") != "" {
		t.line(&text, -1, titles, widths)
	}
	for i, row := range t.rows {
		t.line(&text, i, row, widths)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// show writes the table as wide as the terminal behind w, and says which columns
// it has left out; JSON has them.
func (t *table) show(w io.Writer) error {
	if err := t.write(w, terminalWidth(w)); err != nil || len(t.hidden) == 0 {
		return err
	}
	_, err := fmt.Fprintln(w, t.hiddenText("-o json has all"))
	return err
}

// hiddenText says which columns are left out.
func (t *table) hiddenText(others string) string {
	return fmt.Sprintf("hidden, for want of width: %s; %s", strings.Join(t.hidden, ", "), others)
}

func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = columnsOf(c.title)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	return widths
}

const gap = "  "

// dropOne leaves out the column that can best be done without.
func (t *table) dropOne() bool {
	first := -1
	for i, c := range t.columns {
		if c.drop > 0 && (first < 0 || c.drop < t.columns[first].drop) {
			first = i
		}
	}
	if first < 0 {
		return false
	}
	t.hidden = append(t.hidden, t.columns[first].title)
	t.columns = slices.Delete(slices.Clone(t.columns), first, first+1)
	for i := range t.rows {
		t.rows[i] = slices.Delete(t.rows[i], first, first+1)
	}
	return true
}

// shrink takes from the widest column that may be shortened until all fit, if
// they can.
func shrink(columns []column, widths []int, width int) (fits bool) {
	total := -len(gap)
	for _, n := range widths {
		total += n + len(gap)
	}
	for width > 0 && total > width {
		widest := -1
		for i, c := range columns {
			if c.least > 0 && widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
		total--
	}
	return true
}

func (t *table) line(text *strings.Builder, row int, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		cell = cutText(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-columnsOf(cell))
		if i > 0 {
			line.WriteString(gap)
		}
		if t.columns[i].right {
			cell = pad + cell
		} else {
			cell += pad
		}
		line.WriteString(cell)
	}
	trimmed := strings.TrimRight(line.String(), " ")
	if t.paint != nil {
		trimmed = t.paint(row, trimmed)
	}
	fmt.Fprintln(text, trimmed)
}

// cutText shortens a text to a width. Of an image's name with its digest the
// repository is shortened, since the digest is what names it.
func cutText(text string, width int) string {
	if columnsOf(text) <= width {
		return text
	}
	if name, digest, ok := strings.Cut(text, "@"); ok && columnsOf(digest)+2 < width {
		return cutText(name, width-1-columnsOf(digest)) + "@" + digest
	}
	n := 0
	for at, r := range text {
		if n += wideLetters.RuneWidth(r); n > width-1 {
			return text[:at] + "…"
		}
	}
	return text
}

// wholeDigest is a digest in a text for people.
var wholeDigest = regexp.MustCompile(`\b(sha256|sha384|sha512):[0-9a-f]{64,128}\b`)

// shortDigests cuts the digests in a line that is too wide to as much as ls shows
// of them; rm and why take that, too.
func shortDigests(line string, width int) string {
	if width <= 0 || columnsOf(line) <= width {
		return line
	}
	return wholeDigest.ReplaceAllStringFunc(line, func(d string) string { return digestCell(d, true) })
}

// shortenDigests cuts the digests in all cells, if the table is too wide.
func (t *table) shortenDigests(width int) {
	total := -len(gap)
	for _, n := range t.widths() {
		total += n + len(gap)
	}
	if width <= 0 || total <= width {
		return
	}
	for _, row := range t.rows {
		for i := range row {
			row[i] = shortDigests(row[i], 1)
		}
	}
}

// terminalWidth is that of the terminal behind a stream, or 0.
func terminalWidth(stream any) int {
	if f := fileOf(stream); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 0
}
