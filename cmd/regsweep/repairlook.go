package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
)

// round looks twice, and plans what is to be done about what was found both times.
func (j *repairJob) round(ctx context.Context, readData bool) (*back.Repair, error) {
	findings, err := j.look(ctx, readData)
	if err != nil {
		return nil, err
	}
	j.problems = findings
	if j.found == nil {
		j.found = findings
	}
	j.progress.Phase("reading what is damaged", nil)
	defer j.progress.Rest()
	return back.NewRepair(ctx, j.store, findings, j.sources, !j.foreign)
}

// look finds what is wrong, and looks at it again after a pause, as a registry
// may be at work.
func (j *repairJob) look(ctx context.Context, readData bool) ([]walker.Problem, error) {
	list, data, err := j.inspect(ctx, readData)
	if err != nil {
		return nil, err
	}
	if readData {
		j.data = data
	} else {
		data = j.stillData()
	}
	if len(list)+len(data) == 0 || j.place.Config.ReadOnly {
		return slices.Concat(data, list), nil
	}
	if !pause(ctx, 2*j.settling) {
		return nil, context.Cause(ctx)
	}
	blind := j.blind
	again, _, err := j.inspect(ctx, false)
	if err != nil {
		return nil, err
	}
	j.blind = j.blind || blind
	there := map[string]bool{}
	for i := range again {
		there[nameOfProblem(&again[i])] = true
	}
	list = slices.DeleteFunc(list, func(p walker.Problem) bool { return !there[nameOfProblem(&p)] })
	return slices.Concat(data, list), nil
}

// stillData are the findings about data that no round has cured.
func (j *repairJob) stillData() (list []walker.Problem) {
	cured := map[string]bool{}
	for _, s := range j.done {
		cured[s.Path] = true
	}
	for _, p := range j.data {
		if !cured[p.Path] {
			list = append(list, p)
		}
	}
	return list
}

// inspect looks at everything once. What cannot be read of links and manifests
// is an error: nothing may be concluded from it.
func (j *repairJob) inspect(ctx context.Context, readData bool) (list, data []walker.Problem, err error) {
	seen := new(walker.Progress)
	w := walker.New(j.store, walker.Options{Jobs: j.width.most, InOrder: j.width.inOrder, Progress: seen, Thorough: true})
	defer w.Close()
	j.progress.Phase("reading blobs", readingBlobs(seen))
	defer j.progress.Rest()
	store := mark.Read(ctx, w, j.rules)
	j.progress.Phase("checking repositories", readingRepositories(seen))
	store.Inspect(ctx, w)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	j.remnants = w.Findings.Remnants()
	if j.blind = j.canExchange(w.Findings); j.blind {
		return slices.DeleteFunc(w.Findings.Problems(), func(p walker.Problem) bool { return p.Kind != walker.IOError }), nil, nil
	}
	if n := w.Findings.Unreadable(); n > 0 {
		j.sayUnreadable(w.Findings.Problems())
		return nil, nil, &layout.HintError{
			Err:  fmt.Errorf("%s cannot be read: nothing more is changed", english.Plural(n, "path", "")),
			Hint: "run as a user who can read the store, or repair the filesystem first",
		}
	}
	list = serious(w.Findings.Problems())
	if !readData {
		return list, nil, nil
	}
	started := time.Now()
	count := new(mark.DataRead)
	j.progress.Phase("reading data", readingData(count, started))
	bad := store.ReadData(ctx, w, store.Choose(mark.Share{Part: 1}, j.rules.Now), count)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	of := w.With(new(walker.Findings))
	for i := range list { // so that nothing is said twice
		of.Findings.Add(list[i])
	}
	store.ReportData(ctx, of, bad)
	for _, p := range of.Findings.Problems() {
		if p.Kind == walker.CorruptBlob || p.Kind == walker.IOError {
			data = append(data, p)
		}
	}
	return list, data, nil
}

// canExchange reports whether all that cannot be read are data of which a source
// has a copy. These come first: nothing is concluded before they can be read.
func (j *repairJob) canExchange(f *walker.Findings) bool {
	for _, p := range f.Problems() {
		if p.Kind != walker.IOError {
			continue
		}
		o, err := layout.Parse(p.Path)
		if err != nil || o.Kind != layout.BlobData || !slices.ContainsFunc(j.sources, func(s *back.Replica) bool { return s.Has(o.Digest) }) {
			return false
		}
	}
	return f.Unreadable() > 0
}

// serious leaves out what is not a problem.
func serious(list []walker.Problem) []walker.Problem {
	return slices.DeleteFunc(list, func(p walker.Problem) bool { return p.Kind == walker.UnknownFile })
}
