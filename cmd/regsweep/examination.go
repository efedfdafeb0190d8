package main

import (
	"fmt"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/walker/disk"
)

// judgeAbilities says what follows from what a filesystem cannot do: an error if
// a sweep cannot work there, and what its user has to see to otherwise.
func judgeAbilities(p *disk.Probe) (level, consequence string) {
	switch {
	case p.Lacks[disk.Renames] != nil || p.Lacks[disk.Syncs] != nil:
		return levelError, "a sweep fails here"
	case p.Lacks[disk.Locks] != nil:
		return levelWarning, "make sure that one run at a time works on the store"
	case p.Lacks[disk.NoReplace] != nil && p.Lacks[disk.SecondNames] != nil:
		return levelWarning, "a sweep looks before it gives a name back: stop pushes while it runs"
	case p.Lacks[disk.Times] != nil:
		return levelWarning, "this host's clock counts"
	}
	return levelOK, ""
}

// doctorSchema names the version of the JSON of doctor.
const doctorSchema = "regsweep/doctor/v1"

// The levels of findings.
const (
	levelOK      = "ok"
	levelWarning = "warning" // it works, and is worth a look
	levelError   = "error"   // a run that removes would fail or be refused, or the registry cannot work
)

// finding is one thing that doctor has looked at.
type finding struct {
	Kind    string `json:"kind"`
	Level   string `json:"level"`
	Detail  string `json:"detail"`
	Command string `json:"command"` // what cures it, or shows more; "" where there is nothing to do
}

// doctorResult is what doctor prints.
type doctorResult struct {
	Schema   string    `json:"schema"`
	Root     string    `json:"root"`
	Findings []finding `json:"findings"`
}

// doctorOptions are what doctor was asked to do.
type doctorOptions struct {
	common
	arg string
}

// examination is one look at a set-up.
type examination struct {
	*program
	*doctorOptions
	place    locate.Place
	dir      *disk.Dir // the store's
	mounts   *disk.Mounts
	findings []finding

	readOnly bool   // the store's filesystem is mounted so
	obstacle string // why nothing is tried in the store, or ""
}

// find adds a finding.
func (e *examination) find(kind, level, command, format string, args ...any) {
	e.findings = append(e.findings, finding{kind, level, term.Valid(fmt.Sprintf(format, args...)), command})
}

func (e *examination) count(level string) (n int) {
	for i := range e.findings {
		if e.findings[i].Level == level {
			n++
		}
	}
	return n
}
