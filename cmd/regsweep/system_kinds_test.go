//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// kindsOnFilesystems are tests of what must never go, and of what is said, which
// need nothing of the machine's own filesystem. Some depend on the order in which
// directories are listed, which is another one on each.
const kindsOnFilesystems = `^Test(GuardsFollowTheEffect|GoneIsRemovedThoughItsDirectoryStays|PartsThatCannotBeChangedRefuseTheRun|ApplyAfterChanges|KeepDeletedReadsHistoriesThatHoldNoDigest|ProblemsAreThoseAfterTheRun)$`

// TestKindsOnFilesystems runs tests once more, whose stores are on the filesystems
// that stores are on.
func TestKindsOnFilesystems(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range filesystems()[1:] {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(on.mount(t), "tests")
			mustMkdir(t, dir)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			args, want := []string{"-test.count=1", "-test.short", "-test.v", "-test.run", kindsOnFilesystems}, 6
			if on.name == "bindfs" { // is slow
				args, want = append(args, "-test.skip", "ApplyAfterChanges"), 5
			}
			cmd := exec.Command(self, args...)
			cmd.Env = append(os.Environ(), "TMPDIR="+dir)
			out, err := cmd.CombinedOutput()
			if passed := strings.Count("\n"+string(out), "\n--- PASS"); err != nil || passed < want {
				t.Errorf("%v, %d passed\n%s", err, passed, out)
			}
		})
	}
}
