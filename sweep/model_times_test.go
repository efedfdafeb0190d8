//go:build unix

package sweep_test

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
)

// extremes are years that filesystems keep and that programs fail at: before
// 1970, times of nothing, and those after 2262 that do not fit into 64 bits of
// nanoseconds. ext4 ends in 2446.
var extremes = []int{1902, 1960, 1970, 2038, 2262, 2263, 2400, 2446}

// TestModelTimes gives parts of random stores extreme times: what is dated in
// the future is recent, and what is very old is just old.
// To see one again: go test ./sweep -run TestModelTimes -rapid.seed=N.
func TestModelTimes(t *testing.T) {
	c := onRandomStores(t, 192, (*census).checkTimes)
	if c == nil {
		return
	}
	for _, year := range extremes {
		for _, what := range []string{layout.Link, layout.Data, "directory"} {
			if label := what + " of " + strconv.Itoa(year); c.counts[label] < 8 {
				t.Errorf("only %d of %q in all stores", c.counts[label], label)
			}
		}
	}
	c.atLeast(t, 10, "blob", "manifest", "tag", "layerLink", "whole")
}

func (c *census) checkTimes(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 2, 12).Draw(t, "ops"))
	seed, untagged := rapid.Uint64().Draw(t, "seed"), rapid.Bool().Draw(t, "-m")
	store, text := c.newStore(t, dir, text)
	done, err := c.setExtremes(store.Dir, rand.New(rand.NewPCG(seed, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := c.compare(store, untagged); len(wrong) > 0 {
		t.Fatalf("gc, -m=%v:\n  %s\nin\n%s\nwith\n  %s", untagged, strings.Join(wrong, "\n  "), text, withNames(store, strings.Join(done, "\n  ")))
	}
}

// setTime is os.Chtimes for any year.
func setTime(path string, at time.Time) error {
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, 0)
}

// setExtremes gives every third part of a store an extreme time, and says which.
func (c *census) setExtremes(dir string, r *rand.Rand) (done []string, err error) {
	paths := pathsOf(dir)
	for i := len(paths) - 1; i >= 0 && err == nil; i-- { // directories after what is in them
		if r.IntN(3) > 0 {
			continue
		}
		year := extremes[r.IntN(len(extremes))]
		at := time.Date(year, time.April, 12, 1, 2, 3, 4, time.UTC)
		if year == 1970 {
			at = time.Unix(0, 0)
		}
		err = setTime(dir+paths[i], at)
		done = append(done, strconv.Itoa(year)+" "+paths[i])
		what := filepath.Base(paths[i])
		if strings.HasSuffix(paths[i], "/") {
			what = "directory"
		}
		c.add(what+" of "+strconv.Itoa(year), 1)
	}
	return done, err
}
