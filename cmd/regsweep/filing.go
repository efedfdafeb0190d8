package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/outfile"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

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
	to, err := outfile.Open("--report", f.path, place.Store)
	if err != nil {
		return err
	}
	f.to, f.harmed = to, false
	return nil
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
	end := report.Ending{
		Command: f.command, Line: f.line, Root: f.root, DryRun: f.dryRun, Started: f.started, At: time.Now(),
		Success: success, Err: runErr, Run: f.run, Nothing: f.nothing,
	}
	end.Version, _ = buildVersion()
	switch result := f.result.(type) {
	case *sweep.Report:
		end.Report = result
	case nil:
		if f.lists && filepath.Ext(f.path) != endProm {
			return nil // what there is from before is told by its age
		}
		if !f.lists {
			// A command that did not get so far, but may have found problems.
			end.Report = f.nothingDone()
			f.result = end.Report
		}
	case problemLister:
		problems := result.ProblemList()
		end.Problems = &problems
	}
	if end.Report != nil {
		end.Problems = &end.Report.Problems
		if runErr != nil {
			end.Report.Error = term.Valid(runErr.Error())
		}
	}
	var text []byte
	var err error
	switch filepath.Ext(f.path) {
	case endJSON:
		text, err = report.JSON(f.result)
	case endProm:
		text = end.Metrics()
	default:
		if end.Check, _ = f.result.(*report.Check); end.Check != nil {
			end.Report = f.nothingDone()
			end.Report.Problems = *end.Problems
		}
		text, err = end.Page()
	}
	if err == nil {
		err = f.write(text)
	}
	if err != nil {
		return &layout.HintError{Err: fmt.Errorf("--report %q: %w", f.path, err), Hint: "the output above is still right; only the report's file has not been written"}
	}
	return nil
}

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
		if f.to, err = outfile.Find(f.path); err == nil {
			err = f.to.Try()
		}
	}
	defer f.to.Close()
	if err != nil {
		return err
	}
	return f.to.Write(func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// observer is who has to be told about the repositories for the file, or nil.
func (f *filing) observer() mark.Observer {
	if !f.isPage() {
		return nil
	}
	if f.space == nil {
		f.space = &report.Space{Images: inspect.NewImages(report.MostImages)}
	}
	return f.space.Images
}

func (f *filing) isPage() bool { return f != nil && filepath.Ext(f.path) == endHTML }

// settle keeps for the page what is known of a look before there is another one.
func (f *filing) settle(look *mark.Look) {
	if f.observer() != nil {
		f.space.Outside, f.space.OutsideBytes = f.space.Images.Outside(look)
	}
}
