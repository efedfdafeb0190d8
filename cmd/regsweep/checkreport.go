package main

import (
	"fmt"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
)

// checkSchema is the version of check's JSON.
const checkSchema = "regsweep/check/v1"

func (r *reading) reportCheck(c *report.Check) error {
	if r.rules.PullThrough {
		r.voice.Warn("this is a pull-through cache, which has only what somebody has asked for: missing blobs are not reported")
	}
	report.ValidProblems(c.Problems)
	c.Checked.Where = r.where
	if c.Schema == "" {
		c.Schema, c.Root = checkSchema, term.Valid(r.place.Root)
	}
	if r.fileResult(c); r.output == "json" {
		return r.writeJSON(c)
	}
	if r.quiet {
		return nil
	}
	return c.WriteText(&report.Screen{Writer: r.out, Ink: r.ink(r.common, r.out)}, r.verbose)
}

// judgeCheck sets the status. If something cannot be read, it has not been checked,
// and the check has failed.
func (r *reading) judgeCheck() error {
	if n := r.sayUnreadable(); n > 0 {
		return &layout.HintError{
			Err:  fmt.Errorf("%s cannot be read; everything else has been checked", english.Plural(n, "path", "")),
			Hint: "run as a user who can read the store, or repair the filesystem first",
		}
	}
	if r.w.Findings.Serious() > 0 {
		r.status = statusProblems
	}
	return nil
}
