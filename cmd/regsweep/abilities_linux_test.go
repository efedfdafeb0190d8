//go:build !portable

package main

import (
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// On a network filesystem that cannot do what a sweep needs, a sweep touches
// nothing. A full one is no such filesystem.
func TestSweepAsksANetworkFilesystemFirst(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	for _, c := range []struct {
		op     disk.Op
		err    error
		status int
	}{
		{disk.OpRename, syscall.EIO, statusFailed},
		{disk.OpRename, syscall.ENOSPC, statusDone},
		{disk.OpLink, syscall.EPERM, statusDone},
	} {
		t.Run(c.op.String()+" "+c.err.Error(), func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			s := build(t, filepath.Join(from, "store"), "age 40d\nimage a:v1\norphan as=orphan")
			mountBindfs(t, from, to)
			before := s.Snapshot(t)
			tried := false
			files := &disk.FS{Fault: func(op disk.Op, path string) error {
				if op != c.op || !strings.HasPrefix(path, disk.ProbeName) {
					return nil
				}
				tried = true
				return c.err
			}}
			var out, errs strings.Builder
			p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: files, settling: 1}
			status := p.main([]string{"gc", "--yes", "--root", filepath.Join(to, "store")})
			if status != c.status || !tried {
				t.Errorf("status %d, want %d; was it tried: %v\n%s", status, c.status, tried, errs.String())
			}
			if c.status == statusDone {
				return
			}
			after := s.Snapshot(t)
			maps.DeleteFunc(after, func(path, _ string) bool { return strings.HasPrefix(path, ".regsweep") })
			same(t, "the store", before, after)
			if !strings.Contains(errs.String(), "doctor --root") {
				t.Errorf("it does not say what shows more:\n%s", errs.String())
			}
		})
	}
}
