package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// complaint is one thing that failed, for one line.
type complaint struct{ name, text string }

// mostComplaints is how many of one kind are said: of a directory that cannot
// be read there may be a million.
const mostComplaints = 20

// complain says what failed, one thing a line, at most some of a kind. The
// kinds are what was wrong: a name is in each line, and in none of the kinds.
func (v *voice) complain(list []complaint) {
	said := map[string]int{}
	for _, c := range list {
		if said[c.text]++; said[c.text] <= mostComplaints {
			v.say("regsweep: %s: %s", c.name, c.text)
		}
	}
	kinds := []string{}
	for text, n := range said {
		if n > mostComplaints {
			kinds = append(kinds, text)
		}
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(said[b], said[a]), cmp.Compare(a, b)) })
	for _, text := range kinds {
		v.say("regsweep: and %s more: %s", comma(said[text]-mostComplaints), text)
	}
}

// sayFailures names what could not be removed or put back.
func (p *program) sayFailures(list []sweep.Failure) {
	complaints := []complaint{}
	for _, f := range list {
		for _, err := range leaves(f.Err) {
			text := withoutName(err.Error(), f.Path)
			if f.Gone {
				text = "it is gone, and something of it is left: " + text
			}
			complaints = append(complaints, complaint{f.Path, text})
		}
	}
	p.voice.complain(complaints)
}

// sayUnreadable names the paths that cannot be read.
func (p *program) sayUnreadable(problems []walker.Problem) {
	list := []complaint{}
	for _, problem := range problems {
		if problem.Kind == walker.IOError {
			list = append(list, complaint{problem.Path, problem.Detail})
		}
	}
	p.voice.complain(list)
}

// leaves are the errors that were joined into one.
func leaves(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || !strings.Contains(err.Error(), "\n") {
		return []error{err}
	}
	var list []error
	for _, e := range several.Unwrap() {
		list = append(list, leaves(e)...)
	}
	return list
}

// withoutName is what an error says besides the name of what failed, where the
// name is of the path or next to it.
func withoutName(text, path string) string {
	dir, _, _ := cutLast(path, '/')
	for _, name := range []string{path, dir} {
		if at := strings.Index(text, name); at >= 0 && name != "" {
			if end := strings.Index(text[at:], ": "); end >= 0 {
				return strings.TrimSpace(text[:at] + text[at+end+2:])
			}
		}
	}
	return text
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	at := strings.LastIndexByte(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

// failuresError says how many items could not be removed.
func failuresError(list []sweep.Failure) error {
	if len(list) == 0 {
		return nil
	}
	left := 0
	for _, f := range list {
		if f.Gone {
			left++
		}
	}
	err := &layout.HintError{Hint: "the report counts what is gone; once the cause is mended, the next run removes the rest"}
	switch n := len(list) - left; n {
	case 0:
		err.Err = fmt.Errorf("of %s that were removed something is left", english.Plural(left, "item", ""))
	default:
		err.Err = fmt.Errorf("%s not be removed; the others have been", english.Plural(n, "item could", "items could"))
	}
	return err
}
