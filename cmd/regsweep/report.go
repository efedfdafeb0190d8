package main

import (
	"context"
	"io"
	"slices"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/sweep"
)

// report writes the result to stdout, and sets the status by it.
func (j *job) report(ctx context.Context, executed bool) error {
	rep := j.newReport(executed)
	rep.Problems = j.confirmProblems(ctx, rep.Problems)
	j.status = verdictOf(rep)
	if met := j.fit != nil && j.fit.Needed == 0; !met && j.prune != nil && len(j.prune.decider.Short()) > 0 {
		j.status = statusFailed
	}
	run := j.newRun(rep, executed)
	j.fileReport(run)
	if j.output == "json" {
		return j.writeJSON(rep)
	}
	if j.quiet {
		return nil
	}
	return j.writeTable(j.out, run)
}

// fileReport keeps a report for the file.
func (j *job) fileReport(run *report.Run) {
	j.fileResult(run.Report)
	if j.filing.observer() != nil {
		run.Space = j.filing.space
	}
	if j.filing != nil {
		j.filing.run = run
	}
}

// fileNothing keeps the report of a run that has ended before it did anything.
func (j *job) fileNothing() {
	j.fileReport(j.newRun(j.newReport(true), true))
	if j.filing != nil {
		j.filing.nothing = true
	}
}

// writeTable writes a report for people.
func (j *job) writeTable(w io.Writer, run *report.Run) error {
	return run.WriteTable(&report.Screen{Writer: w, Ink: j.ink(j.common, w)})
}

// verdictOf is the status of a run that did what it was to do.
func verdictOf(rep *sweep.Report) int {
	if slices.ContainsFunc(rep.Problems, report.IsSerious) {
		return statusProblems
	}
	return statusDone
}

// writeJSON writes a result as one object on stdout.
func (p *program) writeJSON(result any) error {
	text, err := report.JSON(result)
	if err == nil {
		_, err = p.out.Write(text)
	}
	return err
}
