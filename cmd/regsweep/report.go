package main

import (
	"context"
)

// report writes the result to stdout, and sets the status by it.
func (j *job) report(ctx context.Context, executed bool) error {
	rep := j.newReport(executed)
	rep.Problems = j.confirmProblems(ctx, rep.Problems)
	j.status = verdictOf(rep)
	if met := j.fit != nil && j.fit.Needed == 0; !met && j.prune != nil && len(j.prune.decider.Short()) > 0 {
		j.status = statusFailed
	}
	j.fileReport(rep, executed)
	if j.output == "json" {
		return j.writeJSON(rep)
	}
	if j.quiet {
		return nil
	}
	return j.writeTable(j.out, rep, executed)
}
