package term

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Table is text in columns. Cells must be harmless.
type Table struct {
	Columns []Column
	rows    [][]string
	// paint, if not nil, gets each line for a terminal; the titles are row -1.
	Paint func(row int, line string) string
	// hidden are the titles of the columns that write has left out.
	Hidden []string
}

// Column is how one column is written.
type Column struct {
	Title string
	Right bool // numbers
	// least is the width to which it may be shortened on a terminal that is
	// too narrow; 0 is never.
	Least int
	// drop says when it is left out on a terminal that is still too narrow: 1
	// is first, 0 never.
	Drop int
}

// Add appends a row, which has one cell for each column.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write fits the table into a width; 0 is as wide as it gets.
func (t *Table) Write(w io.Writer, width int) error {
	widths := t.widths()
	for !shrink(t.Columns, widths, width) && t.dropOne() {
		widths = t.widths()
	}
	var text strings.Builder
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = c.Title
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

// Show writes the table as wide as the terminal behind w, and says which columns
// it has left out; JSON has them.
func (t *Table) Show(w io.Writer) error {
	if err := t.Write(w, Width(w)); err != nil || len(t.Hidden) == 0 {
		return err
	}
	_, err := fmt.Fprintln(w, t.HiddenText("-o json has all"))
	return err
}

// HiddenText says which columns are left out.
func (t *Table) HiddenText(others string) string {
	return fmt.Sprintf("hidden, because the terminal is too narrow: %s; %s", strings.Join(t.Hidden, ", "), others)
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = ColumnsOf(c.Title)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], ColumnsOf(cell))
		}
	}
	return widths
}

const gap = "  "

// dropOne leaves out the column that can best be done without.
func (t *Table) dropOne() bool {
	first := -1
	for i, c := range t.Columns {
		if c.Drop > 0 && (first < 0 || c.Drop < t.Columns[first].Drop) {
			first = i
		}
	}
	if first < 0 {
		return false
	}
	t.Hidden = append(t.Hidden, t.Columns[first].Title)
	t.Columns = slices.Delete(slices.Clone(t.Columns), first, first+1)
	for i := range t.rows {
		t.rows[i] = slices.Delete(t.rows[i], first, first+1)
	}
	return true
}

// shrink takes from the widest column that may be shortened until all fit, if
// they can.
func shrink(columns []Column, widths []int, width int) (fits bool) {
	total := -len(gap)
	for _, n := range widths {
		total += n + len(gap)
	}
	for width > 0 && total > width {
		widest := -1
		for i, c := range columns {
			if c.Least > 0 && widths[i] > c.Least && (widest < 0 || widths[i] > widths[widest]) {
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

func (t *Table) line(text *strings.Builder, row int, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		cell = cutText(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-ColumnsOf(cell))
		if i > 0 {
			line.WriteString(gap)
		}
		if t.Columns[i].Right {
			cell = pad + cell
		} else {
			cell += pad
		}
		line.WriteString(cell)
	}
	trimmed := strings.TrimRight(line.String(), " ")
	if t.Paint != nil {
		trimmed = t.Paint(row, trimmed)
	}
	fmt.Fprintln(text, trimmed)
}

// cutText shortens a text to a width. Of an image's name with its digest the
// repository is shortened, since the digest is what names it.
func cutText(text string, width int) string {
	if ColumnsOf(text) <= width {
		return text
	}
	if name, digest, ok := strings.Cut(text, "@"); ok && ColumnsOf(digest)+2 < width {
		return cutText(name, width-1-ColumnsOf(digest)) + "@" + digest
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

// ShortDigests cuts the digests in a line that is too wide to as much as ls shows
// of them; rm and why take that, too.
func ShortDigests(line string, width int) string {
	if width <= 0 || ColumnsOf(line) <= width {
		return line
	}
	return wholeDigest.ReplaceAllStringFunc(line, func(d string) string { return ShortDigest(d, true) })
}

// ShortenDigests cuts the digests in all cells, if the table is too wide.
func (t *Table) ShortenDigests(width int) {
	total := -len(gap)
	for _, n := range t.widths() {
		total += n + len(gap)
	}
	if width <= 0 || total <= width {
		return
	}
	for _, row := range t.rows {
		for i := range row {
			row[i] = ShortDigests(row[i], 1)
		}
	}
}
