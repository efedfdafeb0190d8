package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// A push may have stored a blob again that the plan lists, and not linked it
// yet. With a grace of 0 its age does not keep it: that it is newer does.
func TestApplyLeavesOutABlobThatHasBeenStoredAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t, "age 30d\nimage a:v1\norphan as=o\norphan as=other")
	file := writePlan(t, s, "gc", "--grace", "0")
	data := filepath.Join(s.Dir, layout.BlobDir(s.Digest("o")), layout.Data)
	if err := os.Chtimes(data, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // files get their times from a clock that ticks slower than ours
	r := run(t, s, "apply", file, "-y")
	if r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	same(t, "what went", []string{"blob other"}, itemNames(s, r))
	if left, want := leftLines(s, r), "blob o: it has been written again since the plan was made"; !slices.Contains(left, want) {
		t.Errorf("skipped: %v", left)
	}
	if _, err := os.Stat(data); err != nil {
		t.Error(err)
	}
}
