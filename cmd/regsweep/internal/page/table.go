package page

import (
	"bytes"
	"fmt"

	"github.com/dustin/go-humanize"
)

// Kind says what is in a column.
type Kind uint8

// The kinds of columns.
const (
	Text   Kind = iota
	Word        // a text that is not broken
	Code        // a command or a path
	Digest      // is shown in short where there is no room
	Number      // a count or a size, with its value
	Time        // with its value, in seconds since 1970
)

// Column is a column of a table. Its title is the page's own text.
type Column struct {
	Title string
	Kind  Kind
	// First says that the rows are in the order of this column, the largest first.
	First bool
}

// Cell is a text and, in a column of numbers or times, what it is sorted by.
type Cell struct {
	Text  string
	Value int64
}

// Row is a row of a table.
type Row struct {
	Cells  []Cell
	Map    []int64 // what the map needs to know of it, or nil
	Swatch string  // the class of its share of a bar, or ""
}

// Table is rows that can be sorted and searched. It keeps as many as it has room
// for and counts the others.
type Table struct {
	ID, Title string
	Columns   []Column
	Notes     []string // in front of the table
	Clean     func(string) string

	// Plain says that it is a few figures: nobody sorts or searches them.
	Plain bool
	// Most is how many rows are kept, and MostBytes in how many bytes of markup.
	Most, MostBytes int
	Where           string // where the others can be found

	rows, foot  writer
	shown, left int
	full        bool
	used        []bool // the columns that have something in them
}

// Add adds a row, if there is room.
func (t *Table) Add(cells ...Cell) { t.AddRow(Row{Cells: cells}) }

// AddRow is Add with what the map needs; ok is false if there was no room.
func (t *Table) AddRow(r Row) (ok bool) {
	if t.Full() {
		t.left++
		return false
	}
	before := t.rows.buf.Len()
	t.rows.clean = t.Clean
	t.row(&t.rows, r)
	if t.MostBytes > 0 && t.rows.buf.Len() > t.MostBytes {
		t.rows.buf.Truncate(before)
		t.full = true
		t.left++
		return false
	}
	t.shown++
	return true
}

// Full reports whether there is no room for another row.
func (t *Table) Full() bool { return t.full || t.Most > 0 && t.shown >= t.Most }

// Skip counts rows that are not given to it.
func (t *Table) Skip(n int) { t.left += n }

// Sum adds a row below all others, which stays there.
func (t *Table) Sum(r Row) {
	t.foot.clean = t.Clean
	t.row(&t.foot, r)
}

// Rows is how many rows there are, shown or not.
func (t *Table) Rows() int { return t.shown + t.left }

func (t *Table) row(w *writer, r Row) {
	if t.used == nil {
		t.used = make([]bool, len(t.Columns))
	}
	w.raw("<tr")
	if r.Map != nil {
		w.raw(` data-map="`)
		for i, n := range r.Map {
			if i > 0 {
				w.raw(" ")
			}
			w.number(n)
		}
		w.raw(`"`)
	}
	w.raw(">")
	for i, c := range r.Cells {
		open, end := "<td", "</td>"
		if i == 0 && t.Plain {
			open, end = `<th scope="row"`, "</th>"
		}
		w.raw(open)
		t.used[i] = t.used[i] || c.Text != ""
		kind := t.Columns[i].Kind
		if (kind == Number || kind == Time) && c.Text != "" {
			w.raw(` data-v="`).number(c.Value).raw(`"`)
		}
		if c.Text == "" {
			w.raw(` class="none"`) // which takes no room on a narrow screen
		}
		w.raw(">")
		if i == 0 && r.Swatch != "" {
			w.raw(`<span class="swatch `).raw(r.Swatch).raw(`"></span> `)
		}
		switch {
		case c.Text == "":
		case kind == Code:
			w.raw("<code>").lines(c.Text).raw("</code>")
		case kind == Digest:
			w.raw("<code class=\"digest\">").text(c.Text).raw("</code>")
		case t.Plain && i == 0:
			w.text(c.Text)
		default:
			w.raw("<bdi>").digests(c.Text, (*writer).shortDigest).raw("</bdi>")
		}
		w.raw(end)
	}
	w.raw("</tr>\n")
}

func (t *Table) write(w *writer) {
	class := "list"
	if t.Plain {
		class = "figures"
	}
	title := t.Title
	if !t.Plain {
		title += " (" + humanize.Comma(int64(t.Rows())) + ")"
	}
	w.section(t.ID, title, class).notes(t.Notes)
	t.writeTable(w)
	if t.left > 0 {
		w.raw(`<p class="note left">`).text(fmt.Sprintf("%s of %s rows are on this page; %s", humanize.Comma(int64(t.shown)), humanize.Comma(int64(t.Rows())), t.Where)).raw("</p>\n")
	}
	w.raw("</section>\n")
}

// writeTable writes the table alone.
func (t *Table) writeTable(w *writer) {
	class := "data"
	if t.Plain {
		class = "plain"
	}
	w.raw(`<table class="`).raw(class).raw(`" aria-labelledby="`).raw(t.ID).raw("-title\">\n<thead><tr>")
	for _, c := range t.Columns {
		switch c.Title {
		case "":
			w.raw("<td></td>")
		default:
			w.raw(`<th scope="col"`)
			if c.Kind == Number || c.Kind == Time {
				w.raw(` data-number`)
			}
			if c.First {
				w.raw(` aria-sort="descending"`)
			}
			w.raw(">").text(c.Title).raw("</th>")
		}
	}
	w.raw("</tr></thead>\n<tbody>\n").raw(t.rows.buf.String()).raw("</tbody>\n")
	if t.foot.buf.Len() > 0 {
		w.raw("<tfoot>\n").raw(t.foot.buf.String()).raw("</tfoot>\n")
	}
	w.raw("</table>\n")
}

// style writes what differs from table to table: which columns are numbers, those
// without anything in them, and the titles that stand in each cell where the
// screen is narrow.
func (t *Table) style(b *bytes.Buffer) {
	rule := func(cells string, column int, declarations string) {
		fmt.Fprintf(b, "#%s %s:nth-child(%d){%s}\n", t.ID, cells, column+1, declarations)
	}
	for i, c := range t.Columns {
		switch {
		case !t.Plain && t.used != nil && !t.used[i]:
			rule(":is(td,th)", i, "display:none")
		case c.Kind == Number:
			rule(":is(td,th)", i, "text-align:right;white-space:nowrap")
		case c.Kind == Word:
			rule("td", i, "white-space:nowrap")
		}
	}
	if t.Plain {
		return
	}
	b.WriteString("@media screen and (max-width:46rem){\n")
	for i, c := range t.Columns {
		if i > 0 {
			rule("td", i, fmt.Sprintf("text-align:left;white-space:normal}\n#%s td:nth-child(%d)::before{content:%q", t.ID, i+1, c.Title+" "))
		}
	}
	b.WriteString("}\n")
}
