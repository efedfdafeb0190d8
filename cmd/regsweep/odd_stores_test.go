//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// Where there are manifests but no tag, the tags may be elsewhere.
func TestStoresWithoutATagGetANote(t *testing.T) {
	t.Parallel()
	for text, noted := range map[string]bool{"age 30d\nimage a as=x\norphan\n": true, "age 30d\nimage a:v1\norphan\n": false} {
		s := layouttest.New(t, text)
		r := runProgram(t, "", "gc", "--dry-run", "--root", s.Root)
		if r.status != statusDone || strings.Contains(r.stderr, "OpenShift, GitLab and Harbor") != noted {
			t.Errorf("%q: status %d\n%s", text, r.status, r.stderr)
		}
	}
}

// Two stores may have files in common by hard links, as a copy made for safety
// has: what goes in one is untouched in the other.
func TestHardLinkedCopyOfAStoreIsUntouched(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\nimage a:v1 layers=x\nlayer a dead\norphan as=o\n")
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-Rpl", s.Root, copied).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	blob := filepath.Join(copied, "docker/registry/v2", expand(s, []string{blobPath("o")})[0])
	if r := runProgram(t, "", "gc", "--root", s.Root); r.status != statusDone || s.Has("o") {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	if _, err := os.Stat(blob); err != nil {
		t.Error(err)
	}
	if r := runProgram(t, "", "check", "--read-data", "--root", copied); r.status != statusDone {
		t.Errorf("the copy: status %d\n%s", r.status, r.stdout)
	}
}

// A directory below _uploads that is no upload, but has the parts of a
// repository, is left where it is, however old.
func TestRepositoryBelowUploadsIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\nimage a:v1 layers=x\nimage c:v1 layers=y\nmkdir repositories/a/_uploads/b\n"+
		"move repositories/c/_manifests repositories/a/_uploads/b/_manifests\nmove repositories/c/_layers repositories/a/_uploads/b/_layers\n")
	r := runProgram(t, "", "gc", "-m", "--older-than", "0", "--root", s.Root)
	if r.status != statusDone || !s.HasPath("repositories/a/_uploads/b/_manifests/tags/v1/current/link") {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if lacks := s.Missing("a:v1"); lacks != nil {
		t.Error(lacks)
	}
}
