package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// document is a page as a reader without scripts has it.
type document struct {
	testing.TB
	text string
	root *html.Node
}

// pageOf runs a command with a page and returns that.
func pageOf(t testing.TB, s *layouttest.Store, args ...string) document {
	t.Helper()
	d, _ := pageAndStatus(t, s, args...)
	return d
}

func pageAndStatus(t testing.TB, s *layouttest.Store, args ...string) (document, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	r := runProgram(t, "", append(args, "--root", s.Root, "--report", file)...)
	return parsePage(t, readFile(t, file)), r.status
}

func parsePage(t testing.TB, text string) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document{t, text, root}
}

// pageAndReport runs a dry run twice, for its page and for its JSON.
func pageAndReport(t testing.TB, s *layouttest.Store, args ...string) (document, sweep.Report) {
	t.Helper()
	r := runProgram(t, "", append(args, "--root", s.Root, "-o", "json")...)
	var rep sweep.Report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	return pageOf(t, s, args...), rep
}

// each calls fn for every element.
func (d document) each(fn func(*html.Node)) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode {
			fn(n)
		}
	}
}

func attribute(n *html.Node, key string) (value string, ok bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// byID is the element with an ID, or nil.
func (d document) byID(id string) (found *html.Node) {
	d.each(func(n *html.Node) {
		if v, ok := attribute(n, "id"); ok && v == id {
			found = n
		}
	})
	return found
}

// textOf is the text of the element with this ID. Without such an element it is "".
func (d document) textOf(id string) string {
	if n := d.byID(id); n != nil {
		return textIn(n)
	}
	return ""
}

func textIn(n *html.Node) string {
	var text strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			text.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

// pageRow is a row of a table by the titles of its columns.
type pageRow struct {
	text  map[string]string
	value map[string]int64
}

// rows are the rows of the table in the element with an ID.
func (d document) rows(id string) (list []pageRow) {
	d.Helper()
	in := d.byID(id)
	if in == nil {
		return nil
	}
	var titles []string
	for n := range in.Descendants() {
		if n.Type != html.ElementNode || n.Data != "tr" {
			continue
		}
		var cells []*html.Node
		for c := range n.ChildNodes() {
			if c.Type == html.ElementNode {
				cells = append(cells, c)
			}
		}
		if titles == nil {
			for _, c := range cells {
				titles = append(titles, textIn(c))
			}
			continue
		}
		row := pageRow{map[string]string{}, map[string]int64{}}
		for i, c := range cells {
			row.text[titles[i]] = textIn(c)
			if v, ok := attribute(c, "data-v"); ok {
				n, err := strconv.ParseInt(v, 10, 64)
				if err != nil {
					d.Errorf("%s: %v", id, err)
				}
				row.value[titles[i]] = n
			}
		}
		list = append(list, row)
	}
	return list
}

// row is the row of a table that begins with a name.
func (d document) row(id, name string) pageRow {
	d.Helper()
	for _, r := range d.rows(id) {
		if r.text[""] == name || r.text["repository"] == name {
			return r
		}
	}
	d.Errorf("the table %s has no row %q", id, name)
	return pageRow{}
}

// sha256Of is the digest of a text as a policy has it.
func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
