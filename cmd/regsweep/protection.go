package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/sweep"
)

// protection reads the list of --protect. One that is empty is refused.
func (p *program) protection(r *removal, f *pflag.FlagSet) (*protect.List, error) {
	if !f.Changed("protect") {
		return nil, nil
	}
	list, err := p.readProtection(r.protect)
	if err != nil {
		return nil, err
	}
	if list.Empty() && !r.allowEmpty {
		return nil, &layout.HintError{
			Err:  fmt.Errorf("--protect %q is empty: the command that should write the list may have failed", r.protect),
			Hint: "leave the flag out, or give --allow-empty with it",
		}
	}
	return list, nil
}

func (p *program) readProtection(file string) (*protect.List, error) {
	if file == "-" {
		return protection(p.in, "standard input")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--protect: %w", err)
	}
	defer f.Close()
	return protection(f, file)
}

// protection reads the list; what is wrong in it is wrong usage.
func protection(r io.Reader, name string) (*protect.List, error) {
	p, err := protect.Read(r, name)
	if err != nil {
		return nil, usage(fmt.Errorf("--protect: %w", err))
	}
	return p, nil
}

// readLocks reads what the store itself protects, and ends the lines of all
// lists whose last day is over. The run's clock is known.
func (j *job) readLocks() (err error) {
	if j.lists.locks, err = sweep.ReadLocks(j.store); err != nil {
		return locksError(err, j.place.Store)
	}
	j.lists.listed.Expire(j.rules.Now)
	j.lists.locks.Expire(j.rules.Now)
	j.rules.Protect = protect.Join(j.lists.listed, j.lists.locks.List)
	return nil
}

func locksUnknown(err error) error {
	return fmt.Errorf("it is not known what the store protects: %w", err)
}

func locksError(err error, store string) error {
	return &layout.HintError{
		Err:  fmt.Errorf("%w; nothing has been removed", locksUnknown(err)),
		Hint: fmt.Sprintf("repair or remove %s/%s: what it names would not be safe", store, sweep.LocksPath),
	}
}

// locksChanged is asked before the first removal: a prompt may have stood for an
// hour.
func (j *job) locksChanged() error {
	now, err := sweep.ReadLocks(j.store)
	if err != nil {
		return locksError(err, j.place.Store)
	}
	if bytes.Equal(now.Text, j.lists.locks.Text) {
		return nil
	}
	return &layout.HintError{
		Err:  errors.New("what the store protects has changed since the plan was made: nothing has been removed"),
		Hint: "run this again",
	}
}

// sayMatches says what of the lists names nothing, or not what it was to name,
// and refuses a list of which no line names anything.
func (j *job) sayMatches() error {
	listed := j.lists.listed.Matches()
	j.sayLines("--protect", &listed)
	locks := j.lists.locks.Matches()
	j.sayLines("the store's list of locks", &locks)
	if j.allowEmpty || !listed.None() {
		return nil
	}
	return &layout.HintError{
		Err:  fmt.Errorf("no line of --protect %q names anything in this store: nothing has been removed", j.protect),
		Hint: "it may be the list of another store; if it is right, give --allow-empty",
	}
}

// fewLines is how many lines of a list are named without -v.
const fewLines = 3

func (j *job) sayLines(list string, m *protect.Matches) {
	if n := len(m.Unmatched); n > 0 {
		verb := "name"
		if n == 1 {
			verb = "names"
		}
		j.voice.Say("warning: %s: %d of %s %s nothing here", list, n, english.Plural(m.Lines, "line", ""), verb)
		if j.verbose {
			for _, l := range m.Unmatched {
				j.voice.Say("  line %d: %s", l.Number, l.Pattern)
			}
		}
	}
	j.sayEach(list, m.Blobs, "it names a blob that is not an image: only the blob is kept")
	for i, l := range m.Expired {
		if i == fewLines && !j.verbose {
			j.voice.Warn("%s: %d more lines have ended", list, len(m.Expired)-i)
			break
		}
		j.voice.Warn("%s, line %d: %s protects nothing any more: its last day was %s", list, l.Number, l.Pattern, l.Until.Format("2006-01-02"))
	}
}

func (j *job) sayEach(list string, lines []*protect.Line, what string) {
	for i, l := range lines {
		if i == fewLines && !j.verbose {
			j.voice.Warn("%s: %d more lines are like this", list, len(lines)-i)
			return
		}
		j.voice.Warn("%s, line %d: %s: %s", list, l.Number, l.Pattern, what)
	}
}
