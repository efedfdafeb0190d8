package page

import (
	"bytes"
	"strings"
)

// Part is a share of a bar.
type Part struct {
	Class string // of the style
	Name  string
	Value int64
}

// Bar is parts that add up to something, as a bar and as a table of figures.
type Bar struct {
	*Table
	Parts []Part
}

// barWidth is that of the bar, in units of its own.
const barWidth = 10000

func (b *Bar) write(w *writer) {
	w.section(b.ID, b.Title, "figures").notes(b.Notes)
	all := int64(0)
	var names []string
	for _, p := range b.Parts {
		all += p.Value
		names = append(names, p.Name)
	}
	if all > 0 {
		// It says what the table says.
		w.raw(`<svg id="bar" role="img" viewBox="0 0 10000 200" preserveAspectRatio="none" aria-label="`).text("shares of " + strings.Join(names, ", ") + ", as in the table").raw("\">")
		at := int64(0)
		for _, p := range b.Parts {
			wide := int64(float64(p.Value) / float64(all) * barWidth)
			w.raw(`<rect class="`).raw(p.Class).raw(`" data-v="`).number(p.Value).raw(`" x="`).number(at).raw(`" y="0" height="200" width="`).number(wide).raw(`"><title>`).text(p.Name).raw("</title></rect>")
			at += wide
		}
		w.raw("</svg>\n")
	}
	b.writeTable(w)
	w.raw("</section>\n")
}

// Figures are several tables in one section.
type Figures struct {
	ID, Title string
	Tables    []*Table
	Notes     []string
}

func (f *Figures) write(w *writer) {
	w.section(f.ID, f.Title, "figures")
	for _, t := range f.Tables {
		w.raw(`<div id="`).raw(t.ID).raw(`"><h3 id="`).raw(t.ID).raw(`-title">`).text(t.Title).raw("</h3>\n")
		t.writeTable(w)
		w.notes(t.Notes).raw("</div>\n")
	}
	w.notes(f.Notes).raw("</section>\n")
}

func (f *Figures) style(b *bytes.Buffer) {
	for _, t := range f.Tables {
		t.style(b)
	}
}

// List is a list of texts. What stands after the last ": " of one that has a
// command is shown as that.
type List struct {
	ID, Title string
	Lines     []string
	// Command is how a command begins.
	Command string
}

func (l *List) write(w *writer) {
	w.section(l.ID, l.Title, "lines").raw("<ul>\n")
	for _, line := range l.Lines {
		w.raw("<li>")
		if at := strings.Index(line, ": "+l.Command); l.Command != "" && at >= 0 {
			w.text(line[:at+2]).raw("<code>").text(line[at+2:]).raw("</code>")
		} else {
			w.text(line)
		}
		w.raw("</li>\n")
	}
	w.raw("</ul>\n</section>\n")
}

func (*List) style(*bytes.Buffer) {}

// Map is where the script draws the tables with the IDs repositories and images
// as a map. Without scripts it is not shown.
type Map struct {
	Title   string
	Removed string // what becomes of what the plan removes
}

func (m *Map) write(w *writer) {
	w.raw("<div id=\"map-place\" hidden>\n").section("map", m.Title, "map")
	w.raw(`<nav id="crumbs" aria-label="Place in the map"></nav>` + "\n" + `<div id="treemap" role="group" aria-label="Sizes of what is here"></div>` + "\n")
	w.raw(`<p class="key"><span class="swatch shared"></span> shared with others <span class="swatch unique"></span> unique <span class="swatch reclaim"></span> <span id="key-reclaim">`).text(m.Removed)
	w.raw(`</span> <span class="hint" id="map-hint"></span></p>` + "\n</section>\n</div>\n")
}

func (*Map) style(*bytes.Buffer) {}
