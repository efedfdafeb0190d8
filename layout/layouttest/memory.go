package layouttest

import (
	"os"
	"testing"
)

// Memory returns a directory in memory, where there is one, for a test: no disk has
// to be waited for. It is removed at the end of the test, as far as that can be done.
func Memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "regsweep-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left of it is no part of the test
	return dir
}
