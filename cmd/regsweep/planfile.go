package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/outfile"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/planfile"
)

func (p *planning) add(f *pflag.FlagSet) {
	f.StringVar(&p.planFile, "plan", "", "with --dry-run: write the plan to `FILE`, for regsweep apply")
}

func (p *planning) verify(f *pflag.FlagSet, dryRun bool) error {
	switch {
	case !f.Changed("plan"):
		return nil
	case p.planFile == "":
		return errors.New("--plan is empty: it is a file")
	case p.planFile == "-":
		return &layout.HintError{Err: errors.New("--plan cannot be standard output, which has the report"), Hint: "name a file"}
	case !dryRun:
		return &layout.HintError{
			Err:  errors.New("--plan needs --dry-run"),
			Hint: "give both; regsweep apply FILE then carries the plan out",
		}
	}
	return nil
}

// verifyPlanFile makes sure, before anything is read, that a plan can be
// written where it is to be, outside of the store.
func (j *job) verifyPlanFile() (err error) {
	if j.planFile != "" {
		j.planTo, err = outfile.Open("--plan", j.planFile, j.place.Store)
	}
	return err
}

// realPath is the path without symbolic links.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// writePlan writes the plan down, wholly or not at all.
func (j *job) writePlan() error {
	if j.planFile == "" {
		return nil
	}
	h, err := j.planHeader()
	if err == nil {
		err = j.planTo.Write(func(w io.Writer) error { return j.plan.WriteFile(w, h) })
	}
	if err != nil {
		return &layout.HintError{Err: fmt.Errorf("--plan %q: %w", j.planFile, err), Hint: "the output above is still right; only the plan has not been written"}
	}
	return nil
}

func (j *job) planHeader() (h planfile.Header, err error) {
	r := &j.rules
	h = planfile.Header{
		Command: j.command, Time: r.Now, Grace: r.Grace, UploadsOlderThan: r.UploadsOlderThan,
		DeleteUntagged: r.DeleteUntagged, OlderThan: r.OlderThan,
	}
	if j.prune != nil && j.prune.used != nil {
		if h.Pulls, err = j.prune.source().written(); err != nil {
			return h, err
		}
	}
	if r.Selected != nil {
		h.Force, h.Named, h.Whole = r.Selected.Force, r.Selected.Exact(), slices.Sorted(slices.Values(r.Selected.Repositories()))
	}
	if h.Root, err = realPath(j.place.Root); err == nil {
		h.Store, err = realPath(j.place.Store)
	}
	return h, err
}
