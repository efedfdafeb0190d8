package main

import (
	"context"
	"slices"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/walker"
)

// confirmProblems looks once more at problems, unless the registry is known to
// be read-only: while it works, a tag may be half removed for a moment. What is
// not found again was none. What the run cured is not looked for.
func (j *job) confirmProblems(ctx context.Context, list []walker.Problem) []walker.Problem {
	if j.place.Config.ReadOnly || !slices.ContainsFunc(list, isDoubted) {
		return list
	}
	again := new(walker.Findings)
	if !pause(ctx, j.settling) {
		return list
	}
	j.plan.Look().Store.Look(ctx, j.w.With(again), nil)
	if ctx.Err() != nil {
		return list
	}
	return foundAgain(list, again)
}

// confirm is confirmProblems of a check.
func (r *reading) confirm(ctx context.Context) {
	if r.place.Config.ReadOnly || !slices.ContainsFunc(r.w.Findings.Problems(), isDoubted) || !pause(ctx, r.settling) {
		return
	}
	again := new(walker.Findings)
	r.store.Inspect(ctx, r.w.With(again))
	if ctx.Err() != nil {
		return
	}
	there := found(again)
	r.w.Findings.Keep(func(p *walker.Problem) bool { return there == nil || !isDoubted(*p) || there[nameOfProblem(p)] })
}

// isDoubted reports whether a registry's work may look like a problem. Blobs do
// not change, and are looked at twice by who finds something about them.
func isDoubted(p walker.Problem) bool {
	switch p.Kind {
	case walker.UnknownFile, walker.IOError, walker.WrongSize, walker.CorruptBlob:
		return false
	}
	return !p.Cured
}

// foundAgain are the problems that another look has found, too.
func foundAgain(list []walker.Problem, again *walker.Findings) []walker.Problem {
	there := found(again)
	if there == nil {
		return list
	}
	return slices.DeleteFunc(list, func(p walker.Problem) bool { return isDoubted(p) && !there[nameOfProblem(&p)] })
}

// found are the problems of a look, or nil if it could not read everything.
func found(f *walker.Findings) map[string]bool {
	if f.Unreadable() > 0 {
		return nil
	}
	there := map[string]bool{}
	for _, p := range f.Problems() {
		there[nameOfProblem(&p)] = true
	}
	return there
}

func nameOfProblem(p *walker.Problem) string { return p.Kind + " " + term.Valid(p.Path) }

// pause waits, and reports whether that was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
