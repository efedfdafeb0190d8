//go:build unix

package sweep_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// TestModelAway removes images by name from random stores: what stays can be
// pulled as before, what goes is gone, what was garbage before is left alone,
// and sizes are what a removal really frees.
// To see one again: go test ./sweep -run TestModelAway -rapid.seed=N.
func TestModelAway(t *testing.T) {
	c := onRandomStores(t, 800, (*census).checkAway)
	c.atLeast(t, 4, "blob", "manifest", "tag", "tagHistory", "layerLink", "repository", "whole", "refused", "unique")
}

// TestModelAwayFound is what TestModelAway found once, small.
func TestModelAwayFound(t *testing.T) {
	for name, c := range map[string]struct{ text, remove string }{} {
		t.Run(name, func(t *testing.T) {
			s := layouttest.New(t, c.text)
			census := &census{counts: map[string]int{}}
			for _, wrong := range census.compareAway(s, []mark.Target{target(c.remove)}, true, false) {
				t.Error(wrong)
			}
		})
	}
}

func (c *census) checkAway(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 2, 14).Draw(t, "ops"))
	force, tagsOnly := rapid.Bool().Draw(t, "force"), rapid.IntRange(0, 5).Draw(t, "what") == 5
	store, text := c.newStore(t, dir, text)
	targets := drawTargets(t, references(store.Dir), tagsOnly)
	if len(targets) == 0 {
		return
	}
	wrong := c.compareSizes(store, targets[0].Repository)
	wrong = append(wrong, c.compareAway(store, targets, force, tagsOnly)...)
	if len(wrong) > 0 {
		names := []string{}
		for _, t := range targets {
			names = append(names, withNames(store, t.String()))
		}
		t.Fatalf("rm %v, --force=%v, tags only %v:\n  %s\nin\n%s", names, force, tagsOnly, withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// drawTargets chooses among the names that there are.
func drawTargets(t *rapid.T, refs []string, tagsOnly bool) (targets []mark.Target) {
	if tagsOnly {
		refs = slices.DeleteFunc(refs, func(r string) bool { return strings.Contains(r, "@") })
	}
	if len(refs) == 0 {
		return nil
	}
	for range rapid.IntRange(1, 3).Draw(t, "targets") {
		chosen := target(rapid.SampledFrom(refs).Draw(t, "target"))
		if !tagsOnly && rapid.IntRange(0, 7).Draw(t, "whole") == 7 {
			chosen = mark.Target{Repository: chosen.Repository}
		}
		targets = append(targets, chosen)
	}
	return targets
}

func target(ref string) mark.Target {
	if name, digest, ok := strings.Cut(ref, "@"); ok {
		d, err := layout.ParseDigest(digest)
		if err != nil {
			panic(err)
		}
		return mark.Target{Repository: name, Digest: d}
	}
	name, tag, _ := strings.Cut(ref, ":")
	return mark.Target{Repository: name, Tag: tag}
}

// awayRun is a pipeline that takes names away.
func awayRun(s *layouttest.Store, targets []mark.Target, force, tagsOnly bool) pipeline {
	rules := usual(s.Now)
	rules.DeleteUntagged = false
	rules.Selected = mark.Select(targets)
	rules.Selected.Force, rules.Selected.TagsOnly = force, tagsOnly
	return pipeline{dir: s.Dir, rules: rules, jobs: 4, dry: true}
}

// compareAway removes targets, and says what the contract would have otherwise.
func (c *census) compareAway(s *layouttest.Store, targets []mark.Target, force, tagsOnly bool) (wrong complaints) {
	plain := usual(s.Now)
	plain.DeleteUntagged = false
	garbage := keysOf(pipeline{dir: s.Dir, rules: plain, jobs: 4, dry: true}.run())
	run := awayRun(s, targets, force, tagsOnly)
	dry := run.run()
	if dry.said() {
		wrong.add("the dry run says %v, %v", dry.err, dry.failures)
		return wrong
	}
	if refused := run.rules.Selected.Refusals(dry.plan.Look()); len(refused) > 0 {
		c.add("refused", 1)
		return nil
	}
	plan := lines(dry.plan, false)
	removed := map[string]bool{}
	for _, l := range plan {
		c.add(l.Kind, 1)
		switch l.Kind {
		case "tag":
			removed[l.Repository+":"+l.Name] = true
		case "manifest":
			removed[l.Repository+"@"+l.Digest] = true
		}
		if tagsOnly && l.Kind != "tag" {
			wrong.add("untag takes a %s", l.Kind)
		}
	}
	mayLeave := tagsOnly && dangles(s, removed)
	before, disk := missing(s), measure(s.Dir)
	run = awayRun(s, targets, force, tagsOnly)
	run.dry = false
	done := run.run()
	if done.said() {
		wrong.add("the run says %v, %v", done.err, done.failures)
		return wrong
	}
	if !slices.Equal(lines(done.plan, true), plan) {
		wrong.add("the run removed other things than the dry run said")
	}
	wrong = append(wrong, numbers(dry, done, disk, measure(s.Dir))...)
	wrong = append(wrong, c.pulls(s, before, removed)...)
	wrong = append(wrong, partition(s, garbage, keysOf(dry), keysOf(pipeline{dir: s.Dir, rules: plain, jobs: 4, dry: true}.run()), targets, mayLeave)...)
	return wrong
}

// pulls compares what can be pulled with what could be.
func (c *census) pulls(s *layouttest.Store, before map[string][]string, removed map[string]bool) (wrong complaints) {
	after := missing(s)
	for _, ref := range slices.Sorted(maps.Keys(before)) {
		lacks, there := after[ref]
		if removed[ref] {
			if there {
				wrong.add("%s was removed and is there", ref)
			}
			continue
		}
		if !there {
			wrong.add("%s was not removed and is gone", ref)
		}
		for _, part := range lacks {
			digest, _ := strings.CutPrefix(part, "manifest ")
			if !slices.Contains(before[ref], part) && !removed[target(ref).Repository+"@"+digest] {
				wrong.add("%s stays and lacks %s", ref, part)
			}
		}
		c.add("whole", 1)
	}
	return wrong
}

// partition says what is wrong with who removes what: garbage is the same
// before and after, without what went along since its blobs did.
func partition(s *layouttest.Store, before, removed, after map[string]bool, targets []mark.Target, mayLeave bool) (wrong complaints) {
	whole := slices.ContainsFunc(targets, func(t mark.Target) bool { return t == mark.Target{Repository: t.Repository} })
	for k := range removed {
		if kind, _, _ := strings.Cut(k, " "); before[k] && (kind == "blob" || kind == "manifest") {
			wrong.add("it was garbage before, which is gc's: %s", k)
		}
	}
	for k := range before {
		// An entry of a tag's history may have gone with its tag.
		if !removed[k] && !after[k] && !strings.HasPrefix(k, "repository ") && !strings.HasPrefix(k, "tagHistory ") && !whole {
			wrong.add("it was garbage before, was not removed, and is none now: %s", k)
		}
	}
	for k := range after {
		kind, _, _ := strings.Cut(k, " ")
		// A tag may be all that keeps what no manifest link names.
		if !before[k] && (kind == "blob" || kind == "manifest" || kind == "tag") && !whole && !mayLeave {
			wrong.add("it is garbage now and was none before: %s", k)
		}
	}
	return wrong
}

// dangles reports whether any of the tags that go names what no manifest link
// names: registry 2.1.0 wrote such tags, and fresh ones are left by a delete.
func dangles(s *layouttest.Store, refs map[string]bool) bool {
	for ref := range refs {
		at := strings.LastIndexByte(ref, ':')
		if strings.Contains(ref, "@") {
			continue
		}
		path := layout.Object{Kind: layout.TagCurrent, Repository: ref[:at], Tag: ref[at+1:]}.Path()
		content, err := os.ReadFile(filepath.Join(s.Dir, path))
		if err != nil {
			continue
		}
		d, err := layout.ParseLink(content)
		if err == nil && !s.HasPath(layout.Object{Kind: layout.RevisionLink, Repository: ref[:at], Digest: d}.Path()) {
			return true
		}
	}
	return false
}

func keysOf(o *outcome) map[string]bool {
	all := map[string]bool{}
	if o.plan != nil {
		for _, l := range lines(o.plan, false) {
			all[key(l.Kind, l.Repository, l.Name, l.Digest)] = true
		}
	}
	return all
}

// compareSizes compares the unique size of every manifest with what its removal
// would free, and its size with that of the blobs that a client would get.
func (c *census) compareSizes(s *layouttest.Store, repository string) (wrong complaints) {
	infos, err := survey(s, repository)
	if err != nil {
		wrong.add("the survey says %v", err)
	}
	for _, m := range infos {
		run := awayRun(s, []mark.Target{{Repository: repository, Digest: m.Digest}}, true, false)
		dry := run.run()
		if dry.said() {
			wrong.add("the dry run says %v", dry.err)
			continue
		}
		if refused := run.rules.Selected.Refusals(dry.plan.Look()); len(refused) > 0 {
			wrong.add("%s@%s: %v", repository, m.Digest, refused)
			continue
		}
		c.add("unique", 1)
		if frees := dry.report().Removed.Bytes; frees != m.UniqueBytes {
			wrong.add("%s@%s: its unique size is %d, its removal frees %d: %v", repository, m.Digest, m.UniqueBytes, frees, lines(dry.plan, false))
		}
	}
	return wrong
}

// survey asks for the sizes of a repository's manifests.
func survey(s *layouttest.Store, repository string) ([]mark.ManifestInfo, error) {
	files := &disk.FS{}
	dir, err := files.OpenStore(s.Dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	rules := usual(s.Now)
	rules.DeleteUntagged = false
	w := walker.New(dir, walker.Options{})
	defer w.Close()
	question := mark.NewSurvey(repository)
	look := mark.Read(context.Background(), w, rules).Observe(context.Background(), w, question)
	infos, _ := question.Manifests(look, repository)
	return infos, nil
}
