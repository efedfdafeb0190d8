package term

import (
	"bytes"
	"strings"
	"testing"
)

// Prose is folded at spaces, with an indent; a command stands on a line of its own
// and is never broken; a number stays beside what it counts.
func TestFold(t *testing.T) {
	for name, c := range map[string]struct {
		line  string
		width int
		want  []string
	}{
		"a line that fits":         {"one two", 7, []string{"one two"}},
		"a line that does not":     {"one two three", 9, []string{"one two", "  three"}},
		"an indent":                {"  one two three", 9, []string{"  one two", "    three"}},
		"no terminal":              {"one two: regsweep gc", 0, []string{"one two: regsweep gc"}},
		"a word that is too long":  {"one aaaaaaaaaaaa b", 8, []string{"one", "  aaaaaaaaaaaa", "  b"}},
		"a long word at first":     {"aaaaaaaaaaaa b", 8, []string{"aaaaaaaaaaaa", "  b"}},
		"a number":                 {"freed 12 MiB now", 9, []string{"freed", "  12 MiB", "  now"}},
		"a command":                {"to see it: regsweep ls a/b:v1", 80, []string{"to see it:", "  regsweep ls a/b:v1"}},
		"a command that is long":   {"  to see it: regsweep ls --root /a/b c", 12, []string{"  to see it:", "    regsweep ls --root /a/b c"}},
		"a command alone":          {"  regsweep ls --root /a/b c", 12, []string{"  regsweep ls --root /a/b c"}},
		"an error is no command":   {"regsweep: one two", 13, []string{"regsweep: one", "  two"}},
		"colours take no room":     {"\x1b[31mone\x1b[0m two", 7, []string{"\x1b[31mone\x1b[0m two"}},
		"colours in what is moved": {"one \x1b[31mtwo\x1b[0m", 5, []string{"one", "  \x1b[31mtwo\x1b[0m"}},
		"letters of several bytes": {"äöü ßßß x", 7, []string{"äöü ßßß", "  x"}},
		"a question":               {"remove it? [y/N] ", 16, []string{"remove it? [y/N] "}},
		"nothing":                  {"", 5, []string{""}},
	} {
		if got := strings.Split(Fold(c.line, c.width), "\n"); strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What is folded says what it said: no word is lost, whatever the width.
func FuzzFold(f *testing.F) {
	f.Add("to take it back: regsweep trash restore --root '/a b' RUN", 20)
	f.Add("  12 blobs (3.0 MiB) \x1b[31mgo\x1b[0m", 9)
	f.Fuzz(func(t *testing.T, line string, width int) {
		line = strings.ReplaceAll(line, "\n", " ")
		width %= 200
		if got, want := strings.Join(strings.Fields(Fold(line, width)), " "), strings.Join(strings.Fields(line), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if _, command := CutCommand(line); width > 0 && command != "" && !strings.HasSuffix(Fold(line, width), strings.TrimLeft(command, " ")) {
			t.Errorf("a command is broken: %q", Fold(line, width))
		}
	})
}

// What is written in pieces is folded as if it were written at once, and the last
// line needs no end.
func TestFoldingKeepsWhatIsNotATerminal(t *testing.T) {
	var out bytes.Buffer
	f := &Folding{W: &out}
	for _, piece := range []string{"one", " two\nthr", "ee", "\n\n", "four"} {
		if n, err := f.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := f.Flush(); err != nil || out.String() != "one two\nthree\n\nfour" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
