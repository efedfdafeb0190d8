package term

import (
	"strings"
	"testing"
)

// Letters of Chinese, Japanese and Korean take two columns of a terminal, and one
// that combines with the letter before takes none: what follows stays in line.
func TestWideLettersKeepColumnsInLine(t *testing.T) {
	tab := &Table{Columns: []Column{{Title: "note", Least: 6}, {Title: "ends"}}}
	notes := []string{"plain", "保護された画像", "e\u0301te\u0301", "한국어"}
	for _, note := range notes {
		tab.Add(note, "END")
	}
	for _, width := range []int{0, 15, 14, 12} {
		var text strings.Builder
		if err := tab.Write(&text, width); err != nil {
			t.Fatal(err)
		}
		at := -1
		for line := range strings.Lines(text.String()) {
			before, _, found := strings.Cut(line, "END")
			if !found {
				continue
			}
			if n := ColumnsOf(before); at < 0 {
				at = n
			} else if n != at {
				t.Errorf("at %d columns, %q begins at %d and not at %d\n%s", width, line, n, at, text.String())
			}
			if n := ColumnsOf(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Errorf("%d columns of %d: %q", n, width, line)
			}
		}
		if at < 0 {
			t.Errorf("no row in %q", text.String())
		}
	}
	if n := ColumnsOf("保護"); n != 4 {
		t.Errorf("two wide letters take %d columns", n)
	}
}
