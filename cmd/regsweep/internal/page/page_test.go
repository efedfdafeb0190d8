package page

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A table keeps as many rows as it has room for, and counts the others.
func TestTableSaysWhatItLacks(t *testing.T) {
	for name, table := range map[string]*Table{"rows": {Most: 10}, "bytes": {MostBytes: 10 * len("<tr><td><bdi>row 1</bdi></td></tr>\n")}} {
		table.ID, table.Title, table.Columns, table.Where = "t", "Things", []Column{{Title: "name"}}, "look elsewhere"
		for i := range 30 {
			table.Add(Cell{Text: fmt.Sprintf("row %d", i%10)})
		}
		table.Skip(70)
		var w writer
		table.write(&w)
		text := w.buf.String()
		if n := strings.Count(text, "<bdi>"); n != 10 || !strings.Contains(text, "10 of 100 rows are on this page; look elsewhere") || !strings.Contains(text, "Things (100)") {
			t.Errorf("%s: %d rows: %s", name, n, text)
		}
	}
}

// Whatever a text holds, the page has no element and no attribute for it.
func TestTextsAreText(t *testing.T) {
	hostile := `</style></script><img src=x onerror=alert(1)>"><svg onload='alert(1)'>&lt;!--`
	rows := func(id string, plain bool) *Table {
		table := &Table{ID: id, Title: hostile, Plain: plain, Notes: []string{hostile}, Columns: []Column{{Title: "a"}, {Title: "b", Kind: Code}, {Title: "c", Kind: Digest}, {Title: "d", Kind: Number}, {Title: "e", Kind: Time}}}
		cell := Cell{Text: hostile, Value: 3}
		table.Add(cell, cell, cell, cell, cell)
		table.Sum(Row{Cells: []Cell{cell, cell, cell, cell, cell}, Map: []int64{1, 2}})
		return table
	}
	p := &Page{
		Headline: hostile, Outcome: hostile, About: []Fact{{hostile, hostile}}, Error: hostile + "\n" + hostile, Foot: hostile,
		Sections: []Section{
			rows("t", false), &Bar{Table: rows("u", true), Parts: []Part{{"live", hostile, 2}, {"removed", hostile, 1}}},
			&Figures{ID: "f", Title: hostile, Tables: []*Table{rows("v", true)}, Notes: []string{hostile}},
			&List{ID: "l", Title: hostile, Lines: []string{hostile + ": regsweep " + hostile}, Command: "regsweep "}, &Map{Title: hostile, Removed: hostile},
		},
	}
	text, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, "onerror=alert(1)") {
			shown++
		}
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "img", "iframe", "object", "form":
			t.Errorf("there is an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" {
				t.Errorf("there is an attribute %s of %s", a.Key, n.Data)
			}
		}
	}
	if shown < 30 {
		t.Errorf("the text is shown %d times only", shown)
	}
}

// Sections whose columns are empty hide these, and numbers are told from texts.
func TestStyleFollowsTheTables(t *testing.T) {
	table := &Table{ID: "t", Columns: []Column{{Title: "a"}, {Title: "b"}, {Title: "c", Kind: Number}}}
	table.Add(Cell{Text: "x"}, Cell{}, Cell{Text: "1", Value: 1})
	text, err := (&Page{Sections: []Section{table}}).HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"#t :is(td,th):nth-child(2){display:none}", "#t :is(td,th):nth-child(3){text-align:right", `#t td:nth-child(3)::before{content:"c "}`} {
		if !strings.Contains(string(text), rule) {
			t.Errorf("the style lacks %s", rule)
		}
	}
}

// In a sentence a digest is cut short and never broken; in a command or path it is
// whole, and broken after every 16 digits only.
func TestDigestsHaveRoom(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 4)
	for _, c := range []struct{ text, want string }{
		{"it names sha256:" + hash + ", which is gone", `it names <span class="digest">sha256:` + hash + `</span>, which is gone`},
		{"a/" + hash + "/link", `a/<span class="digest">` + hash + `</span>/link`},
		{"sha512:" + hash + hash + " sha256:" + hash, `<span class="digest">sha512:` + hash + hash + `</span> <span class="digest">sha256:` + hash + `</span>`},
		{"no digest: sha256:0123 <b> " + hash[:63], "no digest: sha256:0123 &lt;b&gt; " + hash[:63]},
		{hash, `<span class="digest">` + hash + `</span>`},
		{"", ""},
	} {
		w := &writer{}
		if got := w.digests(c.text, (*writer).shortDigest).buf.String(); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	w := &writer{}
	if got, want := w.lines("rm a@sha256:"+hash).buf.String(), `rm a@<span class="hash">sha256:0123456789abcdef<wbr>0123456789abcdef<wbr>0123456789abcdef<wbr>0123456789abcdef</span>`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
