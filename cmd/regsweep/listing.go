package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/walker/disk"
)

// lsOptions are what ls was asked to list.
type lsOptions struct {
	common
	sort      string
	olderThan ago
	filter    lsFilter
	form      lsForm
	noTrunc   bool

	registry string // a path in place of --root
	patterns []name.Pattern
	unread   int // manifests that were to be listed and cannot be read
}

// lsFilter says which things are listed, and in which direction.
type lsFilter struct{ untagged, reverse bool }

// lsForm says what is listed of a repository, if not its manifests.
type lsForm struct{ tags, history, deleted bool }

// isOlder reports whether something was pushed long enough ago to be listed.
func (r *reading) isOlder(o *lsOptions, pushed int64) bool {
	ago := retention.Ago(o.olderThan)
	return ago.IsZero() || pushed <= disk.Nanoseconds(ago.From(r.rules.Now))
}

// heading says of a JSON object which one it is, and of which store.
type heading struct {
	Schema string `json:"schema"`
	Root   string `json:"root"`
}

func (r *reading) heading(name string) heading {
	return heading{"regsweep/" + name + "/v1", term.Valid(r.place.Root)}
}

// listing is a list in all forms in which it can be written.
type listing struct {
	result any        // for JSON
	rows   any        // structs, for TSV
	table  term.Table // for people
	names  []string
	notes  []string // below the table
}

// writeListing writes a list as it was asked for.
func (r *reading) writeListing(o *lsOptions, l *listing) error {
	if r.fileResult(l.result); o.output == "json" {
		return r.writeJSON(l.result)
	}
	if o.output == "tsv" {
		return term.WriteTSV(r.out, l.rows, !o.quiet)
	}
	var text strings.Builder
	if o.quiet {
		for _, name := range l.names {
			fmt.Fprintln(&text, term.Harmless(name))
		}
		_, err := r.out.Write([]byte(text.String()))
		return err
	}
	width := term.Width(r.out)
	if o.noTrunc {
		width = 0
	}
	if err := l.table.Write(&text, width); err != nil {
		return err
	}
	notes := l.notes
	if len(l.table.Hidden) > 0 {
		notes = append(notes, l.table.HiddenText("-o tsv and -o json have all"))
	}
	for i, note := range notes {
		if i == 0 {
			text.WriteString("\n")
		}
		fmt.Fprintln(&text, term.Harmless(note))
	}
	_, err := r.out.Write([]byte(text.String()))
	return err
}

// timeText is a time for JSON, or nil for 0 and all times before 1970.
func timeText(nanoseconds int64) *string {
	if nanoseconds <= 0 {
		return nil
	}
	text := time.Unix(0, nanoseconds).UTC().Format(time.RFC3339)
	return &text
}

// day is a time for people, to the minute.
func (r *reading) day(nanoseconds int64) string {
	if nanoseconds <= 0 {
		return "-"
	}
	return time.Unix(0, nanoseconds).UTC().Format("2006-01-02 15:04")
}
