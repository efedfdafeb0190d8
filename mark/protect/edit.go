package protect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Ended reports whether a line's last day is over.
func (l *Line) Ended(now time.Time) bool {
	return !l.Until.IsZero() && !now.Before(l.Until.AddDate(0, 0, 1))
}

// Words are what the line says, for people: its pattern, note and last day.
func (l *Line) Words() string {
	text := l.Pattern
	if l.Note != "" {
		text += " (" + l.Note + ")"
	}
	if !l.Until.IsZero() {
		text += " until " + l.Until.Format(time.DateOnly)
	}
	return text
}

// Digest is the digest that the line names, or none.
func (l *Line) Digest() layout.Digest {
	if e, err := parsePattern(l.Pattern); err == nil {
		return e.digest
	}
	return layout.Digest{}
}

// String is the line as it stands in a list.
func (l *Line) String() string {
	text := l.Pattern
	if !l.Until.IsZero() {
		text += " " + untilKey + l.Until.Format(time.DateOnly)
	}
	if l.Note != "" {
		text += " " + noteMark + " " + l.Note
	}
	return text
}

// ParseLine reads one line that names something.
func ParseLine(text string) (Line, error) {
	e, err := parseLine(text)
	switch {
	case err != nil:
		return Line{}, err
	case e == nil:
		return Line{}, fmt.Errorf("%q names nothing", text)
	}
	return e.Line, nil
}

// Lines are the lines of the list that name something, in their order.
func (p *List) Lines() (lines []*Line) {
	if p == nil {
		return nil
	}
	for _, e := range p.entries {
		lines = append(lines, &e.Line)
	}
	return lines
}

// AddLines adds lines to the text of a list, each in the place of one that has its
// pattern. The rest of the text stays as it is.
func AddLines(text string, lines []Line) string {
	old := split(text)
	for i := range lines {
		l := &lines[i]
		at := slices.IndexFunc(old, func(one string) bool { return patternOf(one) == l.Pattern })
		if at < 0 {
			old = append(old, l.String())
			continue
		}
		old[at] = l.String()
	}
	return join(old)
}

// RemovePatterns removes the lines that have one of the patterns, and returns
// those patterns that no line has.
func RemovePatterns(text string, patterns []string) (rest string, unknown []string) {
	lines := split(text)
	for _, p := range patterns {
		left := slices.DeleteFunc(slices.Clone(lines), func(one string) bool { return patternOf(one) == p })
		if len(left) == len(lines) {
			unknown = append(unknown, p)
		}
		lines = left
	}
	return join(lines), unknown
}

// patternOf is the pattern of a line, or "".
func patternOf(text string) string {
	if e, err := parseLine(strings.TrimPrefix(text, byteOrderMark)); err == nil && e != nil {
		return e.Pattern
	}
	return ""
}

func split(text string) (lines []string) {
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		lines = append(lines, strings.TrimSuffix(line, "\r"))
	}
	return lines
}

func join(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
