//go:build unix

package sweep_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/planfile"
)

// TestModelPlan writes plans for random stores down and carries them out: on an
// unchanged store that removes what the command itself would; after random
// pushes and deletes nothing goes that is not listed, and whatever stays can be
// pulled as before, with no grace at all.
// To see one again: go test ./sweep -run TestModelPlan -rapid.seed=N.
func TestModelPlan(t *testing.T) {
	c := onRandomStores(t, 800, (*census).checkPlan)
	c.atLeast(t, 20, "gc", "gc -m", "rm", "untag", "prune", "skipped", "carried out", "unchanged", "whole", "a tag that names nothing")
}

// planned is one command that makes plans.
type planned struct {
	command  string
	targets  []mark.Target
	force    bool
	verdicts func() *verdicts
	grace    time.Duration
}

func (c *census) checkPlan(t *rapid.T, dir string) {
	text, changes := renderTwo(
		rapid.SliceOfN(rapid.Custom(drawOp), 2, 14).Draw(t, "ops"),
		rapid.SliceOfN(rapid.Custom(drawOp), 1, 6).Draw(t, "changes"),
	)
	p := planned{
		command: rapid.SampledFrom([]string{"gc", "gc -m", "rm", "untag", "prune"}).Draw(t, "command"),
		force:   rapid.Bool().Draw(t, "force"),
		grace:   rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "grace"),
	}
	seed, share := rapid.Uint32().Draw(t, "seed"), rapid.Uint32Range(1, 4).Draw(t, "share")
	p.verdicts = func() *verdicts {
		return &verdicts{seed: seed, share: share, said: map[string]bool{}, goes: map[string]bool{}, held: map[string]bool{}}
	}
	var stores [3]*layouttest.Store
	for i := range stores {
		stores[i], text = c.newStore(t, dir, text)
	}
	if p.command == "rm" || p.command == "untag" {
		if p.targets = drawTargets(t, references(stores[0].Dir), p.command == "untag"); len(p.targets) == 0 {
			return
		}
	}
	c.spoilTag(t, stores[:2])
	wrong := c.compareUnchanged(&p, stores[0], stores[1])
	if len(wrong) == 0 {
		var more complaints
		more, changes = c.compareChanged(&p, stores[2], changes)
		wrong = append(wrong, more...)
	}
	if len(wrong) > 0 {
		t.Fatalf("%s %v, force %v, grace %v:\n  %s\nin\n%s\nthen\n%s", p.command, p.targets, p.force, p.grace, withNames(stores[2], strings.Join(wrong, "\n  ")), text, changes)
	}
}

// spoilTag has the link of some tag hold no digest, in stores that are the same.
func (c *census) spoilTag(t *rapid.T, stores []*layouttest.Store) {
	text := rapid.SampledFrom([]string{"whole", "whole", "", "no digest"}).Draw(t, "a tag's link")
	links := slices.DeleteFunc(pathsOf(stores[0].Dir), func(path string) bool { return !strings.HasSuffix(path, "/current/link") })
	if text == "whole" || len(links) == 0 {
		return
	}
	c.add("a tag that names nothing", 1)
	link := rapid.SampledFrom(links).Draw(t, "tag")
	for _, s := range stores {
		path := filepath.Join(s.Dir, link)
		info, err := os.Stat(path)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err == nil {
			err = os.Chtimes(path, info.ModTime(), info.ModTime())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// renderTwo makes a store's text, and that of what is done to it later.
func renderTwo(before, after []op) (text, changes string) {
	s := &scribe{homes: map[string][]string{}, lines: []string{"mkdir repositories"}}
	for i := range before {
		s.write(&before[i])
	}
	n := len(s.lines)
	for i := range after {
		after[i].Age = "30s"
		s.write(&after[i])
	}
	return strings.Join(s.lines[:n], "\n"), strings.Join(s.lines[n:], "\n")
}

// pipeline is the command itself, a minute before the store's present.
func (p *planned) pipeline(s *layouttest.Store) pipeline {
	rules := usual(s.Now.Add(-time.Minute))
	rules.Grace, rules.Times = p.grace, true
	rules.DeleteUntagged = p.command == "gc -m"
	switch p.command {
	case "rm", "untag":
		rules.Selected = mark.Select(p.targets)
		rules.Selected.Force, rules.Selected.TagsOnly = p.force, p.command == "untag"
	case "prune":
		rules.Selected = mark.NewPruning(p.verdicts().judge)
	}
	return pipeline{dir: s.Dir, rules: rules, jobs: 4, dry: true}
}

// write makes a plan and writes it down; "" is one that is refused.
func (p *planned) write(s *layouttest.Store) (string, error) {
	run := p.pipeline(s)
	dry := run.run()
	if dry.said() {
		return "", fmt.Errorf("the dry run says %w, %v", dry.err, dry.failures)
	}
	if run.rules.Selected != nil && (len(run.rules.Selected.Refusals(dry.plan.Look())) > 0 || dry.plan.Look().Borrowed != "") {
		return "", nil
	}
	h := planfile.Header{
		Root: "/r", Store: "/r/s", Command: strings.TrimSuffix(p.command, " -m"), Time: run.rules.Now,
		Grace: run.rules.Grace, UploadsOlderThan: run.rules.UploadsOlderThan,
	}
	if h.Command == "gc" {
		h.DeleteUntagged, h.OlderThan = run.rules.DeleteUntagged, run.rules.OlderThan
	}
	h.Named = h.Command == "untag"
	if h.Command == "rm" {
		h.Force, h.Whole = p.force, slices.Sorted(slices.Values(run.rules.Selected.Repositories()))
	}
	var text bytes.Buffer
	err := dry.plan.WriteFile(&text, h)
	return text.String(), err
}

// applying is a pipeline that carries a plan out at the store's present.
func applying(s *layouttest.Store, text string) (pipeline, *planfile.Plan, error) {
	plan, err := planfile.Read(strings.NewReader(text))
	if err != nil {
		return pipeline{}, nil, err
	}
	rules := plan.Rules()
	rules.Now = s.Now
	return pipeline{dir: s.Dir, rules: rules, jobs: 4}, plan, nil
}

func (c *census) compareUnchanged(p *planned, s, other *layouttest.Store) (wrong complaints) {
	text, err := p.write(s)
	if err != nil {
		wrong.add("%v", err)
		return wrong
	}
	if text == "" {
		c.add("refused", 1)
		return nil
	}
	if again, err := p.write(s); again != text || err != nil {
		wrong.add("the plan is another one the second time: %v", err)
	}
	c.add(p.command, 1)
	direct := p.pipeline(other)
	direct.dry = false
	if o := direct.run(); o.said() {
		wrong.add("the run says %v, %v", o.err, o.failures)
	}
	run, plan, err := applying(s, text)
	if err != nil {
		wrong.add("%v in\n%s", err, text)
		return wrong
	}
	o := run.run()
	if o.said() {
		wrong.add("apply says %v, %v", o.err, o.failures)
		return wrong
	}
	if left := o.plan.Skipped(plan.Listing); len(left) > 0 {
		wrong.add("skipped: %v", left)
	}
	if got := diff(pathsOf(other.Dir), pathsOf(s.Dir)); got != "" {
		wrong.add("the command itself leaves other things (-):%s\nby\n%s", got, text)
	}
	c.add("unchanged", 1)
	return wrong
}

func (c *census) compareChanged(p *planned, s *layouttest.Store, changes string) (wrong complaints, done string) {
	text, err := p.write(s)
	if err != nil || text == "" {
		return nil, ""
	}
	var lines []string
	for line := range strings.Lines(changes) {
		if err := s.Apply(line); err == nil {
			lines = append(lines, line)
		}
	}
	done = strings.Join(lines, "") + "\nby\n" + text
	kept := writtenSince(s)
	before, blobs := missing(s), pathsOf(s.Dir+"/blobs")
	run, _, err := applying(s, text)
	if err != nil {
		wrong.add("%v", err)
		return wrong, done
	}
	run.dry = true
	dry := run.run()
	run, plan, _ := applying(s, text)
	o := run.run()
	if dry.said() || o.said() {
		wrong.add("apply says %v, %v; %v, %v", dry.err, dry.failures, o.err, o.failures)
		return wrong, done
	}
	if !slices.Equal(linesOf(dry, false), linesOf(o, true)) {
		wrong.add("it removed other things than its dry run said")
	}
	removed := map[string]bool{}
	for _, l := range linesOf(o, true) {
		if !strings.Contains(text, "\n"+planLine(l)) {
			wrong.add("it is not in the plan and went: %v", l)
		}
		switch l.Kind {
		case "tag":
			removed[l.Repository+":"+l.Name] = true
		case "manifest":
			removed[l.Repository+"@"+l.Digest] = true
		}
	}
	c.add("carried out", len(linesOf(o, true)))
	c.add("skipped", len(o.plan.Skipped(plan.Listing)))
	wrong = append(wrong, c.pulls(s, before, removed)...)
	wrong = append(wrong, unlisted(s, blobs, text)...)
	for path := range kept {
		if !s.HasPath(path) {
			wrong.add("it was written after the plan and is gone: %s", path)
		}
	}
	run, _, _ = applying(s, text)
	if second := run.run(); second.said() || len(linesOf(second, true)) > 0 {
		wrong.add("the second time it says %v, and removes %v", second.err, linesOf(second, true))
	}
	return wrong, done
}

func linesOf(o *outcome, executed bool) []sweep.ItemLine { return lines(o.plan, executed) }

// planLine is how the line of an item begins in a plan.
func planLine(l sweep.ItemLine) string {
	word := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	return strings.Join([]string{l.Kind, word(l.Repository), word(l.Name), word(l.Digest)}, " ") + " "
}

// writtenSince are the links that have been written since the plan, by their
// paths: none of them may go.
func writtenSince(s *layouttest.Store) map[string]bool {
	since := map[string]bool{}
	for _, path := range pathsOf(s.Dir) {
		if strings.HasSuffix(path, "/link") && strings.Contains(path, "/_manifests/revisions/") && modified(s.Dir+path).After(s.Now.Add(-time.Minute)) {
			since[strings.TrimPrefix(path, "/")] = true
		}
	}
	return since
}

// unlisted demands that the blobs which are gone are in the plan, and that no
// name is left that regsweep gives.
func unlisted(s *layouttest.Store, before []string, text string) (wrong complaints) {
	after := map[string]bool{}
	for _, path := range pathsOf(s.Dir + "/blobs") {
		after[path] = true
	}
	for _, path := range before {
		parts := strings.Split(path, "/")
		if !after[path] && strings.HasSuffix(path, "/data") && !strings.Contains(text, "\nblob - - "+parts[1]+":"+parts[3]+" ") {
			wrong.add("it is not in the plan and is gone: %s", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if strings.Contains(path, ".regsweep") {
			wrong.add("it is left: %s", path)
		}
	}
	return wrong
}
