// Package page writes a report as one HTML page that needs nothing else. All
// figures and tables are markup, which a mail reader or a browser without
// scripts shows; the script adds a map, and sorts and searches the tables.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
)

// Page is a report for people. Its texts are shown as text, whatever they hold.
type Page struct {
	Headline string // the command line
	Outcome  string // what came of it
	About    []Fact
	Error    string // why it failed, in lines, or ""
	Sections []Section
	Foot     string

	// Clean makes a text harmless that may hold control characters; nil leaves texts alone.
	Clean func(string) string
}

// Fact is a small text with what it is.
type Fact struct{ Name, Text string }

// Section is a part of a page: a *Table, *Bar, *List or *Map.
type Section interface {
	write(*writer)
	style(*bytes.Buffer)
}

//go:embed assets
var assets embed.FS

// scripts are in the order in which they follow each other.
func scripts() []string { return []string{"base.js", "table.js", "treemap.js", "main.js"} }

// HTML returns the page.
func (p *Page) HTML() ([]byte, error) {
	var err error
	read := func(name string) []byte {
		text, readErr := assets.ReadFile("assets/" + name)
		err = cmp.Or(err, readErr)
		return text
	}
	var style, script bytes.Buffer
	style.Write(read("style.css"))
	for _, s := range p.Sections {
		s.style(&style)
	}
	for _, name := range scripts() {
		script.Write(read(name))
	}
	w := &writer{clean: p.Clean}
	p.head(w, style.Bytes(), script.Bytes())
	p.body(w)
	w.raw("<script>").raw(script.String()).raw("</script>\n</body>\n</html>\n")
	return w.buf.Bytes(), err
}

// head lets nothing act but this style and this script, and nothing be fetched.
func (p *Page) head(w *writer, style, script []byte) {
	w.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	w.raw(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src '`)
	w.raw(hashOf(style)).raw("'; script-src '").raw(hashOf(script)).raw("'\">\n")
	w.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n")
	w.raw("<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n<title>").text(p.Headline).raw("</title>\n")
	w.raw("<style>").raw(string(style)).raw("</style>\n</head>\n")
}

func (p *Page) body(w *writer) {
	w.raw("<body>\n<header>\n<p class=\"brand\">regsweep</p>\n<h1><code>").text(p.Headline).raw("</code></h1>\n")
	if p.Outcome != "" {
		w.raw("<p id=\"outcome\">").text(p.Outcome).raw("</p>\n")
	}
	w.raw("<p id=\"about\">")
	for i, f := range p.About {
		if i > 0 {
			w.raw(" · ")
		}
		w.text(f.Name).raw(" <span>").text(f.Text).raw("</span>")
	}
	w.raw("</p>\n</header>\n<main>\n")
	if p.Error != "" {
		w.raw("<p id=\"error\" role=\"alert\">").lines(p.Error).raw("</p>\n")
	}
	for _, s := range p.Sections {
		s.write(w)
	}
	w.raw("</main>\n<footer><p>").text(p.Foot).raw("</p></footer>\n")
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
