package layouttest

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Unmount lets go of a filesystem, which is written in full by that. It is tried for
// half a minute while it is busy: a process that another test is just about to start
// holds what was open here, and a file that is closed is so for a filesystem's
// program a moment later.
func Unmount(t testing.TB, at string) {
	t.Helper()
	err := unix.Unmount(at, 0)
	for end := time.Now().Add(30 * time.Second); err == unix.EBUSY && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		err = unix.Unmount(at, 0)
	}
	if err != nil {
		t.Errorf("unmount %s: %v", at, err)
		_ = unix.Unmount(at, unix.MNT_DETACH)
	}
}
