package page

import (
	"bytes"
	"html"
	"strconv"
	"strings"
)

// writer writes markup. What comes from elsewhere goes through text, which
// makes it text.
type writer struct {
	buf   bytes.Buffer
	clean func(string) string
}

// raw writes markup of the page's own.
func (w *writer) raw(markup string) *writer {
	w.buf.WriteString(markup)
	return w
}

// text writes a text, for an element or the value of an attribute in double quotes.
func (w *writer) text(s string) *writer {
	if w.clean != nil {
		s = w.clean(s)
	}
	w.buf.WriteString(html.EscapeString(s))
	return w
}

// lines is text with its lines kept.
func (w *writer) lines(s string) *writer {
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			w.raw("\n")
		}
		w.text(line)
	}
	return w
}

// number writes a number.
func (w *writer) number(n int64) *writer { return w.raw(strconv.FormatInt(n, 10)) }

// section begins a section with its title.
func (w *writer) section(id, title, class string) *writer {
	w.raw(`<section id="`).raw(id).raw(`" class="`).raw(class).raw(`" aria-labelledby="`).raw(id).raw(`-title">` + "\n")
	return w.raw(`<h2 id="`).raw(id).raw(`-title">`).text(title).raw("</h2>\n")
}

// notes writes what is to be known about a section.
func (w *writer) notes(notes []string) *writer {
	for _, n := range notes {
		w.raw(`<p class="note">`).text(n).raw("</p>\n")
	}
	return w
}
