//go:build linux

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"golang.org/x/sys/unix"
)

// Where the replica is on the same filesystem, and that can, a blob that is
// copied shares its blocks; elsewhere it is a copy. Both are what they should be.
func TestRepairClonesBlobsWhereTheFilesystemCan(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	const text = "age 30d\nimage a:v1 layers=big:24000k as=x\n"
	for kind, clones := range map[string]bool{"xfs": true, "btrfs": true, "ext4": false} {
		t.Run(kind, func(t *testing.T) {
			dir := loopImage(t, kind)
			replica := build(t, filepath.Join(dir, "replica"), text)
			s := build(t, filepath.Join(dir, "registry"), text+"damage missing blob big\n")
			binary(t) // which may take longer than a run has
			used := func() int64 {
				syncHere(t, dir)
				var st syscall.Statfs_t
				if err := syscall.Statfs(dir, &st); err != nil {
					t.Fatal(err)
				}
				return int64(st.Blocks-st.Bfree) * int64(st.Bsize) //nolint:unconvert // not on every platform
			}
			before := used()
			r := system{}.run(t, "repair", "--root", s.Root, "--from", replica.Root, "--yes")
			if r.status != statusDone {
				t.Fatalf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			if grown := used() - before; (grown < 12<<20) != clones {
				t.Errorf("it takes %d bytes more", grown)
			}
			good, err := os.ReadFile(dataOf(replica, "big"))
			if err != nil {
				t.Fatal(err)
			}
			if is, err := os.ReadFile(dataOf(s, "big")); err != nil || string(is) != string(good) {
				t.Errorf("the copy is not what it should be: %v", err)
			}
		})
	}
}

// syncHere writes what a filesystem has in memory, and nothing of others, which
// other tests may be about to cut off.
func syncHere(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
}
