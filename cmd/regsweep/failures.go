package main

import (
	"fmt"
	pathpkg "path"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep/tree"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// sayFailures names what could not be removed or put back.
func (p *program) sayFailures(list []tree.Failure) {
	complaints := []term.Complaint{}
	for _, f := range list {
		for _, err := range leaves(f.Err) {
			text := withoutName(err.Error(), f.Path)
			if f.Gone {
				text = "it is removed, but a part of it is left: " + text
			}
			complaints = append(complaints, term.Complaint{Name: f.Path, Text: text})
		}
	}
	p.voice.Complain(complaints)
}

// sayUnreadable names the paths that cannot be read.
func (p *program) sayUnreadable(problems []walker.Problem) {
	list := []term.Complaint{}
	for _, problem := range problems {
		if problem.Kind == walker.IOError {
			list = append(list, term.Complaint{Name: problem.Path, Text: problem.Detail})
		}
	}
	p.voice.Complain(list)
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

// withoutName is the text of an error without a path that is shown beside it, or the
// directory of that path. Of a name below the path, the rest stays.
func withoutName(text, path string) string {
	if path == "" {
		return text
	}
	// In the trash there are paths that end with the same names: these stay whole.
	begins := func(before string) bool { return before == "" || strings.HasSuffix(before, " ") }
	if before, below, ok := strings.Cut(text, path+"/"); ok && begins(before) {
		return before + below
	}
	for _, name := range []string{path, pathpkg.Dir(path)} {
		if before, after, ok := strings.Cut(text, name+": "); ok && begins(before) {
			return strings.TrimSpace(before + after)
		}
	}
	return text
}

// failuresError says how many items could not be removed.
func failuresError(list []tree.Failure) error {
	if len(list) == 0 {
		return nil
	}
	left := 0
	for _, f := range list {
		if f.Gone {
			left++
		}
	}
	err := &layout.HintError{Hint: "the report counts what was removed; once the cause is fixed, the next run removes the rest"}
	switch n := len(list) - left; n {
	case 0:
		err.Err = fmt.Errorf("%s only in part", english.Plural(left, "item was removed", "items were removed"))
	default:
		err.Err = fmt.Errorf("%s not be removed; the others were removed", english.Plural(n, "item could", "items could"))
	}
	return err
}
