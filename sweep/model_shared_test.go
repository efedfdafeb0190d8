//go:build unix

package sweep_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
)

// TestModelShared gives parts of random stores several names, by symbolic links,
// hard links and, where this is allowed, mounts, and runs gc, gc -m, rm and prune on them, with and without the
// trash: whatever could be pulled by following links, and is not named, can be
// pulled afterwards.
// To see one again: go test ./sweep -run TestModelShared -rapid.seed=N.
func TestModelShared(t *testing.T) {
	c := onRandomStores(t, 192, (*census).checkShared)
	if c == nil {
		return
	}
	if n := c.counts["mount"]; n < 8 && (n > 0 || os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1") {
		t.Errorf("only %d mounts in all stores: as root, with the right to mount, there are more", n)
	}
	c.atLeast(t, 8,
		"whole", "removed", "refused", "symlink", "hard link", "equal", "moved", "link", "directory", "data",
		"gc", "gc -m", "rm", "prune", "trash", "restore", "emptied",
	)
}

func (c *census) checkShared(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 3, 14).Draw(t, "ops"))
	seed, n := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 5).Draw(t, "shared")
	command := rapid.SampledFrom([]string{"gc", "gc -m", "rm", "prune"}).Draw(t, "command")
	trash := rapid.SampledFrom([]string{"", "", "empty", "restore"}).Draw(t, "trash")
	store, text := c.newStore(t, dir, text)
	s := &sharer{c: c, dir: store.Dir, r: rand.New(rand.NewPCG(seed, 1)), at: store.Now.Add(-30 * 24 * time.Hour)}
	defer s.unmount()
	for range n {
		s.share(false)
	}
	if s.r.IntN(2) == 0 {
		s.share(true) // last: a mounted directory cannot be moved
	}
	run := pipeline{dir: store.Dir, rules: usual(store.Now), jobs: 4, trash: trash != ""}
	run.rules.DeleteUntagged = command == "gc -m"
	v := &verdicts{seed: uint32(seed), share: 2, said: map[string]bool{}, goes: map[string]bool{}, held: map[string]bool{}}
	var targets []mark.Target
	switch command {
	case "rm":
		if targets = drawTargets(t, pullableIn(store), false); len(targets) == 0 {
			return
		}
		run.rules.Selected = mark.Select(targets)
	case "prune":
		run.rules.Selected = mark.NewPruning(v.judge)
	}
	c.add(command, 1)
	may := func(ref string) bool { return mayGo(store, command, ref, targets, v) }
	if command != "prune" { // whose judge decides in the run
		may = remember(pullableIn(store), may)
	}
	wrong := c.compareShared(store, run, trash, may)
	if len(wrong) > 0 {
		what := strings.Join(append(wrong, s.done...), "\n  ")
		t.Fatalf("%s %v, trash: %q\n  %s\nin\n%s", command, withNames(store, fmt.Sprint(targets)), trash, withNames(store, what), text)
	}
}

// compareShared runs a command, and says what can not be pulled afterwards. A
// reference may go if the plan names it, and the command may.
func (c *census) compareShared(s *layouttest.Store, run pipeline, trash string, may func(ref string) bool) (wrong complaints) {
	before := pullableIn(s)
	removed := map[string]bool{}
	done := run.runUnlessRefused()
	if done == nil {
		c.add("refused", 1)
	} else {
		if done.said() {
			wrong.add("the run says %v, %v", done.err, done.failures)
		}
		if done.plan != nil {
			for _, l := range lines(done.plan, true) {
				removed[nameOf(l)] = true
				c.add("removed", 1)
			}
		}
	}
	check := func(when string) {
		after := pullableIn(s)
		for _, ref := range before {
			if there := slices.Contains(after, ref); !there && !(removed[ref] && may(ref)) && !c.lacksRemoved(s, ref, removed) {
				wrong.add("%s could be pulled and cannot %s; the plan names it: %v; it lacks %v", ref, when, removed[ref], s.Missing(ref))
			}
			c.add("whole", 1)
		}
	}
	check("after the run")
	if trash == "" || done == nil {
		return wrong
	}
	c.add("trash", 1)
	c.add(trash, 1)
	if trash == "restore" {
		if o := run.restore(); o.said() {
			wrong.add("the restore says %v, %v", o.err, o.failures)
		}
	} else {
		o := run.empty() // it refuses where a name in the store leads there
		for _, f := range o.failures {
			wrong.add("the trash keeps %s: %v", f.Path, f.Err)
		}
		if o.err == nil && len(o.failures) == 0 {
			c.add("emptied", 1)
		}
	}
	check("after that of the trash: " + trash)
	return wrong
}

// lacksRemoved reports whether all that a reference lacks are manifests that the
// plan names: children of an index go where a command may take them.
func (c *census) lacksRemoved(s *layouttest.Store, ref string, removed map[string]bool) bool {
	lacks := s.Missing(ref)
	for _, part := range lacks {
		digest, ok := strings.CutPrefix(part, "manifest ")
		if !ok || !removed[target(ref).Repository+"@"+digest] || strings.HasSuffix(ref, "@"+digest) {
			return false
		}
	}
	return len(lacks) > 0
}

// remember asks what may go while all of it is there.
func remember(refs []string, may func(ref string) bool) func(ref string) bool {
	all := map[string]bool{}
	for _, ref := range refs {
		all[ref] = may(ref)
	}
	return func(ref string) bool { return all[ref] }
}

// mayGo reports whether a command may take a reference away: one that it names,
// a tag of an image that it names, what goes with that, or garbage by its rules.
func mayGo(s *layouttest.Store, command, ref string, targets []mark.Target, v *verdicts) bool {
	this := target(ref)
	along := strings.HasPrefix(this.Tag, "sha256-") // it follows its subject
	switch command {
	case "gc":
		return false
	case "gc -m":
		return this.Tag == "" || along
	case "prune":
		return v.said[ref] || along || this.Tag == ""
	}
	for _, t := range targets {
		if t.Repository != this.Repository {
			continue
		}
		if along || this.Tag == "" || t.Tag == "" && t.Digest.IsZero() || digestOf(s, t) == digestOf(s, this) {
			return true
		}
	}
	return false
}

func digestOf(s *layouttest.Store, t mark.Target) string {
	if t.Tag == "" {
		return t.Digest.String()
	}
	l, _ := readLink(s.Dir + "/" + layout.Object{Kind: layout.TagCurrent, Repository: t.Repository, Tag: t.Tag}.Path())
	return l.target
}

func nameOf(l sweep.ItemLine) string {
	switch l.Kind {
	case "tag":
		return l.Repository + ":" + l.Name
	case "manifest":
		return l.Repository + "@" + l.Digest
	}
	return l.Kind
}

// runUnlessRefused runs as the command does, or returns nil if it would refuse.
func (p pipeline) runUnlessRefused() *outcome {
	if p.rules.Selected == nil {
		return p.run()
	}
	refused := false
	var o *outcome
	p.refuse = func(l *mark.Look) bool {
		refused = l.Borrowed != "" || len(p.rules.Selected.Refusals(l)) > 0
		return refused
	}
	if o = p.run(); refused {
		return nil
	}
	return o
}

// pullableIn are the references that can be pulled, by following links.
func pullableIn(s *layouttest.Store) (refs []string) {
	var find func(name string, depth int)
	find = func(name string, depth int) {
		dir := s.Dir + "/repositories/" + name
		for _, child := range namesOrNone(dir) {
			switch {
			case child == "_manifests":
				for _, tag := range namesOrNone(dir + "/_manifests/tags") {
					refs = append(refs, name+":"+tag)
				}
				for _, alg := range namesOrNone(dir + "/_manifests/revisions") {
					for _, hex := range namesOrNone(dir + "/_manifests/revisions/" + alg) {
						refs = append(refs, name+"@"+alg+":"+hex)
					}
				}
			case !strings.HasPrefix(child, "_") && depth < 4:
				find(path.Join(name, child), depth+1)
			}
		}
	}
	find("", 0)
	return slices.DeleteFunc(refs, func(ref string) bool {
		return strings.Contains(ref, ".regsweep") || len(s.Missing(ref)) > 0
	})
}

// namesOrNone are the names in a directory; none if there is no such directory.
func namesOrNone(dir string) (list []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
