package pulls

import (
	"compress/flate"
	"errors"
	"strings"
)

// document puts together a JSON object that is on several lines: registries send
// notifications like that, and receivers store them as they come.
type document struct {
	text            strings.Builder
	depth           int
	quoted, escaped bool
}

func (d *document) open() bool { return d.depth > 0 }

// drop returns what there is of a document that has no end.
func (d *document) drop() (lost string) {
	if d.open() {
		lost = d.text.String()
	}
	*d = document{}
	return lost
}

// take gets a line. It reports whether that is part of a document, and returns
// the one that ends with it, and what there is of one that has turned out to
// have no end.
func (d *document) take(line string) (part bool, whole, lost string) {
	start := line == "{"
	if start || d.text.Len()+len(line) > longestDocument {
		lost = d.drop()
	}
	if !start && !d.open() {
		return false, "", lost
	}
	for i := range len(line) {
		if d.next(line[i]); d.depth == 0 {
			whole = d.text.String() + line[:i+1]
			*d = document{}
			if strings.TrimSpace(line[i+1:]) == "{" { // the next one, without a line feed before it
				_, _, _ = d.take("{")
			}
			return true, whole, lost
		}
	}
	d.text.WriteString(line)
	d.text.WriteByte('\n')
	return true, "", lost
}

// next takes the next byte.
func (d *document) next(c byte) {
	switch {
	case d.escaped:
		d.escaped = false
	case d.quoted && c == '\\':
		d.escaped = true
	case c == '"':
		d.quoted = !d.quoted
	case d.quoted:
	case c == '{':
		d.depth++
	case c == '}':
		d.depth--
	}
}

// isFlate reports whether an error is about compressed data that is damaged.
func isFlate(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt)
}
