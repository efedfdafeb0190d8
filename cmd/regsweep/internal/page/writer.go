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

// lines is text with its lines kept, in which digests are broken in few places.
func (w *writer) lines(s string) *writer {
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			w.raw("\n")
		}
		w.digests(line, (*writer).brokenDigest)
	}
	return w
}

// digests is text with the digests in it written in a way of their own: they have
// no place at which they may well be broken.
func (w *writer) digests(s string, write func(*writer, string)) *writer {
	for {
		from, to := digestIn(s)
		if from < 0 {
			return w.text(s)
		}
		w.text(s[:from])
		write(w, s[from:to])
		s = s[to:]
	}
}

// shortDigest writes a digest of which a line shows the beginning.
func (w *writer) shortDigest(d string) { w.raw(`<span class="digest">`).text(d).raw("</span>") }

// brokenDigest writes a digest that may be broken after every 16 digits, and
// nowhere else.
func (w *writer) brokenDigest(d string) {
	algorithm, hex := d[:strings.IndexByte(d, ':')+1], d[strings.IndexByte(d, ':')+1:]
	w.raw(`<span class="hash">`).text(algorithm)
	for len(hex) > 16 {
		w.text(hex[:16]).raw("<wbr>")
		hex = hex[16:]
	}
	w.text(hex).raw("</span>")
}

// leastDigest is how many digits the shortest digest has.
const leastDigest = 64

// digestIn is where the first digest of a text is, with the algorithm in front of
// it, or -1.
func digestIn(s string) (from, to int) {
	for from < len(s) {
		if !isHex(s[from]) {
			from++
			continue
		}
		for to = from; to < len(s) && isHex(s[to]); {
			to++
		}
		if to-from >= leastDigest {
			for _, algorithm := range []string{"sha256:", "sha384:", "sha512:"} {
				if strings.HasSuffix(s[:from], algorithm) {
					from -= len(algorithm)
				}
			}
			return from, to
		}
		from = to
	}
	return -1, -1
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

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
