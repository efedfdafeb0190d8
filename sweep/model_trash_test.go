//go:build unix

package sweep_test

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// TestModelTrash sweeps random stores into the trash. A restore makes each of
// them what it was, and emptying the trash leaves what a sweep without it does.
func TestModelTrash(t *testing.T) {
	onRandomStores(t, 160, (*census).checkTrash).atLeast(t, 50, "moved")
}

func (c *census) checkTrash(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 1, 18).Draw(t, "ops"))
	untagged := rapid.Bool().Draw(t, "-m")
	store, text := c.newStore(t, dir, text)
	if wrong := c.thereAndBack(store, untagged); len(wrong) > 0 {
		t.Fatalf("gc --trash, -m=%v:\n  %s\nin\n%s", untagged, withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// thereAndBack sweeps into the trash and restores, then does so again and
// empties the trash.
func (c *census) thereAndBack(s *layouttest.Store, untagged bool) (wrong complaints) {
	before := contents(s.Dir)
	run := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 4, trash: true}
	run.rules.DeleteUntagged = untagged
	swept := run.run()
	if swept.said() {
		wrong.add("the sweep says %v, %v", swept.err, swept.failures)
		return wrong
	}
	left := visible(contents(s.Dir))
	back := run.restore()
	if back.said() || len(back.conflicts) > 0 {
		wrong.add("the restore says %v, %v, %v", back.err, back.failures, back.conflicts)
	}
	c.add("moved", back.runs)
	if list := differences(before, contents(s.Dir)); len(list) > 0 {
		wrong.add("after the restore:")
		return append(wrong, list...)
	}
	if swept = run.run(); swept.said() {
		wrong.add("the second sweep says %v, %v", swept.err, swept.failures)
		return wrong
	}
	if emptied := run.empty(); emptied.said() || len(emptied.back) > 0 {
		wrong.add("emptying the trash says %v, %v, and puts back %v", emptied.err, emptied.failures, emptied.back)
	}
	return append(wrong, differences(left, visible(contents(s.Dir)))...)
}

// visible are the files of contents, without those in regsweep's own directory.
// Directories that a restore has made are too recent to go, with the signatures in them.
func visible(all map[string]string) map[string]string {
	for name := range all {
		if strings.HasPrefix(name, "/.regsweep/") || strings.HasSuffix(name, "/") || strings.Contains(name, "/signatures/") {
			delete(all, name)
		}
	}
	return all
}

// TestModelTrashPushes goes on pushing to random stores after a sweep into the
// trash. A restore overwrites nothing and shows nothing that is not whole, and
// of what is referenced by then nothing is lost when the trash is emptied.
func TestModelTrashPushes(t *testing.T) {
	onRandomStores(t, 160, (*census).checkTrashPushes).atLeast(t, 5, "back")
}

func (c *census) checkTrashPushes(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 4, 24).Draw(t, "ops"))
	untagged := rapid.Bool().Draw(t, "-m")
	lines := strings.Split(text, "\n")
	first := rapid.IntRange(len(lines)/2, len(lines)).Draw(t, "first")
	for _, empty := range []bool{false, true} {
		store, _ := c.newStore(t, dir, strings.Join(lines[:first], "\n"))
		if wrong := c.pushBetween(store, untagged, empty, lines[first:]); len(wrong) > 0 {
			t.Fatalf("-m=%v, empty %v, after line %d:\n  %s\nin\n%s", untagged, empty, first, withNames(store, strings.Join(wrong, "\n  ")), text)
		}
	}
}

func (c *census) pushBetween(s *layouttest.Store, untagged, empty bool, lines []string) (wrong complaints) {
	known := missing(s)
	run := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 4, trash: true}
	run.rules.DeleteUntagged = untagged
	if swept := run.run(); swept.said() {
		wrong.add("the sweep says %v, %v", swept.err, swept.failures)
		return wrong
	}
	for _, line := range lines {
		_ = s.Apply(line) // it may be about something that went, as a client's request may
	}
	before, lacked := visible(contents(s.Dir)), missing(s)
	inTrash := trashed(s.Dir)
	for ref, lacks := range lacked {
		known[ref] = lacks // it is the newest that counts
	}
	if empty {
		o := run.empty()
		c.add("back", len(o.back))
		if o.said() {
			wrong.add("emptying says %v, %v", o.err, o.failures)
		}
		for ref, lacks := range missing(s) {
			for _, part := range lacks {
				kind, digest, _ := strings.Cut(part, " ")
				alg, hex, _ := strings.Cut(digest, ":")
				repo := ref[:strings.IndexAny(ref, ":@")]
				if kind == "manifest" && !inTrash["/repositories/"+repo+"/_manifests/revisions/"+alg+"/"+hex+"/link"] {
					continue // a tag that names what was deleted keeps nothing
				}
				if inTrash["/blobs/"+alg+"/"+hex[:2]+"/"+hex+"/data"] && !exists(s.Dir+"/blobs/"+alg+"/"+hex[:2]+"/"+hex+"/data") {
					wrong.add("%s lacks %s, which was in the trash", ref, part)
				}
			}
		}
	} else {
		o := run.restore()
		c.add("conflicts", len(o.conflicts))
		if o.said() {
			wrong.add("the restore says %v, %v", o.err, o.failures)
		}
		again := run.restore()
		if again.said() || len(again.conflicts) != len(o.conflicts) {
			wrong.add("a second restore says %v %v %v, after %v", again.err, again.failures, again.conflicts, o.conflicts)
		}
	}
	after := contents(s.Dir)
	for name, was := range before {
		if after[name] != was {
			wrong.add("%s is %q, was %q", name, after[name], was)
		}
	}
	for _, l := range lost(s, known) {
		// Of an index that is back a client may have deleted a part meanwhile.
		if !strings.Contains(l, " lacks manifest ") {
			wrong.add("%s", l)
		}
	}
	return wrong
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// trashed are the paths of what is in the trash, as they were in the store.
func trashed(dir string) map[string]bool {
	all := map[string]bool{}
	for name := range contents(dir + "/.regsweep/trash") {
		if _, path, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/"); ok {
			all["/"+path] = true
		}
	}
	return all
}
