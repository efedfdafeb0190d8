//go:build unix

package sweep_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// TestModelTrash sweeps random stores into the trash. A restore makes each of
// them what it was, and emptying the trash leaves what a sweep without it does.
func TestModelTrash(t *testing.T) {
	c, checks := randomStores(t, 160, 48, (*census).checkTrash)
	t.Logf("in the stores: %v", c.counts)
	if !t.Failed() && checks >= 160 && c.counts["moved"] < 50 {
		t.Errorf("only %d runs moved anything", c.counts["moved"])
	}
}

func (c *census) checkTrash(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 1, 18).Draw(t, "ops"))
	untagged := rapid.Bool().Draw(t, "-m")
	root := filepath.Join(dir, strconv.Itoa(c.add("stores", 1)))
	defer func() { _ = os.RemoveAll(root) }() // what is left of it is no part of the test
	store, text, err := build(root, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if wrong := c.thereAndBack(store, untagged); len(wrong) > 0 {
		for i := range wrong {
			wrong[i] = withNames(store, wrong[i])
		}
		t.Fatalf("gc --trash, -m=%v:\n  %s\nin\n%s", untagged, strings.Join(wrong, "\n  "), text)
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
// Directories that a restore has made are too young to go, with the signatures in them.
func visible(all map[string]string) map[string]string {
	for name := range all {
		if strings.HasPrefix(name, "/.regsweep/") || strings.HasSuffix(name, "/") || strings.Contains(name, "/signatures/") {
			delete(all, name)
		}
	}
	return all
}
