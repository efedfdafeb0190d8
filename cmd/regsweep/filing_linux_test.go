package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"golang.org/x/sys/unix"
)

// On a full disk the sweep is done, and the report's file is what fails.
func TestReportFileOnAFullDisk(t *testing.T) {
	needRoot(t)
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
		lacking(t, "no mounts here: %v", err)
	}
	t.Cleanup(func() { layouttest.Unmount(t, dir) })
	r := runProgram(t, "", "gc", "--root", s.Root, "--report", filepath.Join(dir, "a.html"))
	if r.status != statusFailed || s.Has("o") || !strings.Contains(r.stderr, "no space left") || !strings.Contains(r.stdout, "removed") {
		t.Errorf("status %d, the blob is there: %v\n%s%s", r.status, s.Has("o"), r.stdout, r.stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
