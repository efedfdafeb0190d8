package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// What the system cannot read is never taken for something that says nothing,
// not even where only a time or a platform is read.
func TestWhatTheSystemCannotReadEndsTheRun(t *testing.T) {
	const text = "image a:v1 layers=l1 as=x created=2024-05-01 age=9d\nimage a:v2 layers=l2 as=y created=2024-06-01 age=8d\nimage a:v3 layers=l3 as=z created=2024-07-01 age=7d"
	policy := filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(policy, []byte("version: 1\nrules:\n  - repositories: [a]\n    tags: [{match: ['*'], keep: {last: 1}}]\n    age: created\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := func(s *layouttest.Store) string { return s.Digest("x.config").Hex() + "/data" }
	layer := func(s *layouttest.Store) string { return "_layers/sha256/" + s.Digest("l1").Hex() + "/link" }
	for name, c := range map[string]struct {
		args []string
		op   disk.Op
		path func(*layouttest.Store) string
	}{
		"ls: a configuration":    {[]string{"ls", "a"}, disk.OpRead, config},
		"ls: a layer link":       {[]string{"ls", "a"}, disk.OpStat, layer},
		"prune: a configuration": {[]string{"prune", "--policy", policy, "-y"}, disk.OpRead, config},
	} {
		t.Run(name, func(t *testing.T) {
			s := layouttest.New(t, text)
			before, fired := s.Snapshot(t), false
			files := &disk.FS{Fault: func(op disk.Op, path string) error {
				if op != c.op || !strings.HasSuffix(path, c.path(s)) {
					return nil
				}
				fired = true
				return syscall.EIO
			}}
			var said strings.Builder
			p := &program{in: strings.NewReader(""), out: &strings.Builder{}, voice: &term.Voice{W: &said}, files: files}
			if status := p.main(append(c.args, "--root", s.Root, "--jobs", "1")); status != 1 || !fired || !strings.Contains(said.String(), c.path(s)) {
				t.Errorf("status %d, fault fired: %v, it says: %s", status, fired, said.String())
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}
