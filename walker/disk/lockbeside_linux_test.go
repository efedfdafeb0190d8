//go:build !portable

package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// distantStore opens a store as on a network filesystem on which no lock can be
// taken of what unlockable says.
func distantStore(t *testing.T, root string, unlockable func(path string) bool) *Dir {
	t.Helper()
	f := &FS{Fault: func(op Op, path string) error {
		if op == OpLock && unlockable(path) {
			return unix.ENOLCK
		}
		return nil
	}}
	d, err := f.OpenStore(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.kernel.slow = true
	return d
}

func isStore(path string) bool { return path == "" }

func isAny(string) bool { return true }

// Where directories cannot be locked, a file in the store is: two containers that
// share no directory for temporary files, or have none, do not meet.
func TestLockOfAStoreWhoseDirectoryCannotBeLocked(t *testing.T) {
	root := t.TempDir()
	for _, temporary := range []string{t.TempDir(), filepath.Join(root, "absent")} {
		t.Setenv("TMPDIR", temporary)
		lock, err := distantStore(t, root, isStore).Lock()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", t.TempDir())
		if second, err := distantStore(t, root, isStore).Lock(); !errors.Is(err, ErrLocked) || second != nil {
			t.Errorf("a second lock: %v", err)
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(temporary); len(left) > 0 {
			t.Errorf("%s was made in the directory for temporary files", left[0].Name())
		}
	}
	// Whoever removes the file of a run that hangs can go on.
	hangs, err := distantStore(t, root, isStore).Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Release()
	if err := os.Remove(filepath.Join(root, LockName)); err != nil {
		t.Fatal(err)
	}
	next, err := distantStore(t, root, isStore).Lock()
	if err != nil {
		t.Fatalf("after the file has been removed: %v", err)
	}
	defer next.Release()
	if _, err := distantStore(t, root, isStore).Lock(); !errors.Is(err, ErrLocked) {
		t.Errorf("beside the one that goes on: %v", err)
	}
}

// Nobody holds the right to change a store if the file that stands for it cannot be
// made or is something else.
func TestLockIsRefusedWithoutTheFileThatStandsForTheDirectory(t *testing.T) {
	for name, spoil := range map[string]func(at string) error{
		"a link":      func(at string) error { return os.Symlink("elsewhere", at) },
		"a directory": func(at string) error { return os.Mkdir(at, 0o755) },
	} {
		root := t.TempDir()
		if err := spoil(filepath.Join(root, LockName)); err != nil {
			t.Fatal(err)
		}
		lock, err := distantStore(t, root, isStore).Lock()
		if name == "a directory" && err == nil { // a lock of that is as good
			lock.Release()
			continue
		}
		if lock != nil || err == nil || !strings.Contains(err.Error(), LockName) {
			t.Errorf("%s: %v, %v", name, lock, err)
		}
		if _, err := os.Lstat(filepath.Join(root, "elsewhere")); err == nil {
			t.Errorf("%s: it was followed", name)
		}
	}
}

// On a filesystem without any locks, those who share a directory for temporary
// files do not meet, and what others put there is not followed.
func TestLockOnAFilesystemWithoutLocks(t *testing.T) {
	root, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	lock, err := distantStore(t, root, isAny).Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := distantStore(t, root, isAny).Lock(); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	lock.Release()
	made, err := filepath.Glob(filepath.Join(temporary, "regsweep-*.lock"))
	if err != nil || len(made) != 1 {
		t.Fatalf("%q, %v", made, err)
	}
	if err := os.Remove(made[0]); err != nil {
		t.Fatal(err)
	}
	for _, spoil := range []func() error{
		func() error { return os.Symlink(filepath.Join(temporary, "elsewhere"), made[0]) },
		func() error { return unix.Mkfifo(made[0], 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if lock, err := distantStore(t, root, isAny).Lock(); err == nil {
			lock.Release()
		} else if !strings.Contains(err.Error(), made[0]) {
			t.Errorf("the error names no file: %v", err)
		}
		if _, err := os.Lstat(filepath.Join(temporary, "elsewhere")); err == nil {
			t.Error("a link was followed")
		}
		if err := os.Remove(made[0]); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", filepath.Join(temporary, "absent"))
	if _, err := distantStore(t, root, isAny).Lock(); !Gone(err) || !strings.Contains(err.Error(), "absent") {
		t.Errorf("without a directory for temporary files: %v", err)
	}
}
