package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// filing is the report that --report asks for. It is written when the run has
// ended, however that was.
type filing struct {
	path    string
	command string
	line    string // the whole command line
	dryRun  bool
	root    string
	started time.Time
	// result is what -o json prints: a *sweep.Report of the commands that make
	// one. It is nil if the run did not get so far.
	result   any
	lists    bool             // the command makes no report, only a list or an answer
	problems []walker.Problem // of a run that did not get so far
	harmed   bool             // the file must not be written
	to       *destination     // nil if the run did not get so far

	page *pageFacts // nil unless it is a page
}

// endings are the kinds of files that --report writes.
const (
	endJSON = ".json"
	endHTML = ".html"
	endProm = ".prom"
)

// verifyReport holds the ending of --report against those that a command
// knows. A command that makes no report knows none.
func (c *common) verifyReport(known ...string) error {
	if c.reportFile == "" || slices.Contains(known, filepath.Ext(c.reportFile)) {
		return nil
	}
	var hint string
	switch n := len(known); n {
	case 0:
		return fmt.Errorf("--report: this command makes none")
	case 1:
		hint = "this command writes " + known[0]
	default:
		hint = "its name ends in " + strings.Join(known[:n-1], ", ") + " or " + known[n-1]
	}
	return &layout.HintError{Err: term.Quoted("--report %s has another ending", c.reportFile), Hint: hint}
}

// file makes it known that a command's report is to be written to a file.
func (p *program) file(command string, c *common, dryRun bool) {
	if c.reportFile != "" {
		p.filing = &filing{path: c.reportFile, command: command, line: term.CommandLine(p.args), dryRun: dryRun, root: c.root, started: time.Now()}
	}
}

// fileList is file for a command that makes no report, but a list or an answer:
// if it fails, there is nothing to write.
func (p *program) fileList(command string, c *common) {
	if p.file(command, c, false); p.filing != nil {
		p.filing.lists = true
	}
}

// verifyPlace refuses a file that could not be written in the end, or that
// would be one more file in the store.
func (f *filing) verifyPlace(place *locate.Place) error {
	if f == nil {
		return nil
	}
	f.root, f.harmed = place.Root, true
	to, err := openDestination("--report", f.path, place)
	if err != nil {
		return err
	}
	f.to, f.harmed = to, false
	return nil
}

// isBelow reports whether a directory is one of the store's, by whatever name.
func isBelow(dir, store string) bool {
	var parts []fs.FileInfo
	for _, part := range []string{"", layout.Blobs, layout.Repositories} {
		if info, err := os.Stat(filepath.Join(store, part)); err == nil {
			parts = append(parts, info)
		}
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && slices.ContainsFunc(parts, func(p fs.FileInfo) bool { return os.SameFile(p, info) }) {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}

// fileResult keeps for the file what -o json prints.
func (p *program) fileResult(result any) {
	if p.filing != nil {
		p.filing.result = result
	}
}

// fileProblems keeps for the file what a run that made no plan has found.
func (j *job) fileProblems() {
	if j.filing != nil && j.w != nil {
		j.filing.problems = j.w.Findings.Problems()
	}
}

// finish writes the file. The error that it returns is about that.
func (f *filing) finish(runErr error, success bool) error {
	if f == nil || f.harmed || errors.As(runErr, new(*usageError)) {
		return nil
	}
	rep, isReport := f.result.(*sweep.Report)
	end := ending{f: f, at: time.Now(), success: success, planned: isReport}
	switch {
	case isReport:
		end.report = rep
	case f.result == nil && f.lists:
		if filepath.Ext(f.path) != endProm {
			return nil // what there is from before is told by its age
		}
	case f.result == nil:
		// A command that did not get so far, but may have found problems.
		end.report = f.nothingDone()
		f.result = end.report
	}
	if end.report != nil {
		end.problems = &end.report.Problems
		if runErr != nil {
			end.report.Error = term.Valid(runErr.Error())
		}
	} else if list, ok := f.result.(problemLister); ok {
		problems := list.problemList()
		end.problems = &problems
	}
	var text []byte
	var err error
	switch filepath.Ext(f.path) {
	case endJSON:
		text, err = encodeJSON(f.result)
	case endProm:
		text = end.metrics()
	default:
		text, err = end.page(runErr)
	}
	if err == nil {
		err = f.write(text)
	}
	if err != nil {
		return &layout.HintError{Err: fmt.Errorf("--report %q: %w", f.path, err), Hint: "what is said above about the store holds; only the report's file has not been written"}
	}
	return nil
}

// ending is a run that has ended, for the file.
type ending struct {
	f       *filing
	at      time.Time
	success bool
	planned bool          // it got as far as a plan
	report  *sweep.Report // nil of commands that make none
	// problems are those of the report or result, which may be an empty list; nil of commands that look for none.
	problems *[]walker.Problem
}

// problemLister is a result that is no report and tells problems.
type problemLister interface{ problemList() []walker.Problem }

// nothingDone is the report of a run that did not get as far as a plan.
func (f *filing) nothingDone() *sweep.Report {
	rep := &sweep.Report{
		Schema: sweep.Schema, Command: f.command, DryRun: f.dryRun, Root: term.Valid(f.root), Started: f.started.UTC(),
		ElapsedSeconds: time.Since(f.started).Seconds(), Repositories: []sweep.RepositoryLine{}, Problems: []walker.Problem{},
	}
	rep.Problems = append(rep.Problems, f.problems...)
	for i := range rep.Problems {
		rep.Problems[i].Path, rep.Problems[i].Detail = term.Valid(rep.Problems[i].Path), term.Valid(rep.Problems[i].Detail)
	}
	return rep
}

// write writes the file.
func (f *filing) write(text []byte) (err error) {
	if f.to == nil {
		if f.to, err = findDestination(f.path); err == nil {
			err = f.to.try()
		}
	}
	defer f.to.close()
	if err != nil {
		return err
	}
	return f.to.write(func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
