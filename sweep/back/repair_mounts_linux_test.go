package back_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// The same where blobs/ is mounted on its own, so that nothing can be renamed from
// there to the trash: a copy goes there, and then the damaged data.
func TestRepairAcrossMountsFailsOrIsKilledAnywhere(t *testing.T) {
	harm := func(t *testing.T) *layouttest.Store {
		t.Helper()
		s := memoryStore(t, harmed)
		blobs := filepath.Join(s.Dir, layout.Blobs)
		if err := unix.Mount(blobs, blobs, "", unix.MS_BIND, ""); err != nil {
			if os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1" {
				t.Fatal(err)
			}
			t.Skipf("mount: %v: run the tests as root, in a container with --privileged", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(blobs, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	replica := memoryStore(t, whole)
	t.Run("alone, is killed", func(t *testing.T) { disturbRepairs(t, harm, "", true) })
	t.Run("with a replica, is killed", func(t *testing.T) { disturbRepairs(t, harm, replica.Root, true) })
	t.Run("with a replica, fails", func(t *testing.T) { disturbRepairs(t, harm, replica.Root, false) })
}
