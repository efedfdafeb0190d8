//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

const trashText = `
age 30d
image a/app:v1 layers=l1
image a/app:v2 layers=l2
image b:v1 layers=l3
orphan as=o
`

// TestTrashOnAnotherFilesystem mounts parts of a store: what cannot be renamed
// into the trash is refused before anything has changed.
func TestTrashOnAnotherFilesystem(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, c := range map[string]struct {
		part string
		says string
		args []string
	}{
		"blobs":        {"blobs", "blobs", []string{"rm", "a/app:v1", "--yes"}},
		"repositories": {"repositories", "repositories/a/app", []string{"untag", "a/app:v1", "--yes"}},
		"a repository": {"repositories/a/app", "repositories/a/app", []string{"rm", "a/app:v1", "--yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := layouttest.New(t, trashText)
			part := filepath.Join(s.Dir, c.part)
			aside := filepath.Join(t.TempDir(), "part")
			mustRun(t, "cp", "-a", part, aside)
			mount(t, part, "-t", "tmpfs", "none")
			mustRun(t, "cp", "-a", aside+"/.", part)
			before := s.Snapshot(t)
			r := runProgram(t, "", append(c.args, "--root", s.Root, "--trash")...)
			if r.status != statusFailed || !strings.Contains(r.stderr, c.says+" is on another filesystem than the trash; nothing has been removed") ||
				!strings.Contains(r.stderr, "without --trash") {
				t.Errorf("status %d\n%s", r.status, r.stderr)
			}
			same(t, "the store", before, s.Snapshot(t))
			if r := runProgram(t, "", append(c.args, "--root", s.Root)...); r.status != statusDone {
				t.Errorf("without --trash: status %d\n%s", r.status, r.stderr)
			}
		})
	}
}

// TestTrashWithoutSpace leaves ever fewer inodes for the trash's directories: a
// sweep either moves all, or nothing has changed and it says what to do.
func TestTrashWithoutSpace(t *testing.T) {
	layouttest.Long(t)
	needRoot(t)
	refused, moved := 0, 0
	for free := range 40 {
		root := openTemp(t)
		mount(t, root, "-t", "tmpfs", "-o", "nr_inodes=300", "none")
		s, err := layouttest.Build(filepath.Join(root, "reg"), trashText, layouttest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fillDir := filepath.Join(root, "fill")
		mustMkdir(t, fillDir)
		fill(t, fillDir)
		for i := range free {
			if err := os.Remove(filepath.Join(fillDir, fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		before := s.Snapshot(t)
		r := runProgram(t, "", "rm", "--root", s.Root, "a/app:v1", "--trash", "--yes", "-q")
		switch {
		case r.status == statusDone:
			moved++
		case r.status != statusFailed || !strings.Contains(r.stderr, "no space for the trash") || !strings.Contains(r.stderr, "nothing has been removed") ||
			!strings.Contains(r.stderr, "without --trash nothing needs space"):
			t.Errorf("with %d inodes: status %d\n%s", free, r.status, r.stderr)
		default:
			refused++
			same(t, fmt.Sprintf("the store, with %d inodes", free), before, s.Snapshot(t))
			if r := runProgram(t, "", "rm", "--root", s.Root, "a/app:v1", "--yes", "-q"); r.status != statusDone {
				t.Errorf("without --trash: status %d\n%s", r.status, r.stderr)
			}
		}
	}
	if refused < 10 || moved < 5 {
		t.Errorf("%d runs were refused, and %d moved what was to go", refused, moved)
	}
}

func mustMkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}
