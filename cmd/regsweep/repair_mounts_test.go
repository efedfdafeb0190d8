//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// onItsOwn mounts another filesystem over a directory of a store, with what was in
// it; or the directory itself, which the system takes for another one as well.
func onItsOwn(t *testing.T, dir string, bind bool) {
	t.Helper()
	if bind {
		mount(t, dir, "--bind", dir)
		return
	}
	aside := filepath.Join(openTemp(t), "was")
	mustRun(t, "cp", "-a", dir, aside)
	mount(t, dir, "-t", "tmpfs", "-o", "mode=755", "regsweep-test")
	mustRun(t, "cp", "-a", aside+"/.", dir)
}

// Nothing can be renamed into a trash that is on another filesystem than the blobs
// or the links. What is replaced is copied there, and trash restore copies it back.
func TestRepairWhereTheTrashIsOnAnotherFilesystem(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	const damage = "damage wrong-digest blob base\ndamage zero layer a/app l2\ndamage mismatch revision a/app x3 to=x1\ndamage zero tag c/app:t\ndamage missing blob l1"
	for name, c := range map[string]struct {
		dir  string
		bind bool
	}{
		"blobs on a filesystem of their own":        {"blobs", false},
		"a directory of blobs, mounted on itself":   {"blobs/sha256", true},
		"repositories on a filesystem of their own": {"repositories", false},
		"regsweep's own on another one":             {".regsweep", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replica := replicaOf(t)
			for _, from := range [][]string{nil, {"--from", replica.Root}} {
				s := damaged(t, damage)
				if err := os.MkdirAll(filepath.Join(s.Dir, c.dir), 0o755); err != nil {
					t.Fatal(err)
				}
				onItsOwn(t, filepath.Join(s.Dir, c.dir), c.bind)
				refs := referencesOf(t, replica)
				before := canBePulled(s, refs)
				status := statusDone
				if from == nil {
					status = statusProblems
				}
				v, r := repairing(t, s, status, from...)
				for ref := range before {
					if s.Missing(ref) != nil {
						t.Errorf("%q: %s cannot be pulled any more", from, ref)
					}
				}
				for _, found := range checkFinds(t, s) {
					if from != nil || !strings.HasPrefix(found, "missingBlob ") {
						t.Errorf("%q: there still is %s\n%s", from, found, r.stderr)
					}
				}
				for _, path := range s.Tree(t) {
					if strings.HasSuffix(path, ".tmp") {
						t.Errorf("%q: %s is left", from, path)
					}
				}
				if v.Trashed == "" {
					t.Fatalf("%q: nothing is in the trash: %+v", from, v)
				}
				if r := runProgram(t, "", "trash", "restore", v.Trashed, "--root", s.Root, "--yes"); r.status != statusDone {
					t.Errorf("%q: trash restore: status %d\n%s%s", from, r.status, r.stdout, r.stderr)
				}
				was := damaged(t, damage)
				for _, path := range files(filepath.Join(was.Dir, "blobs")) {
					isTheSame(t, was.Dir, s.Dir, "blobs/"+path)
				}
				for _, path := range files(filepath.Join(was.Dir, "repositories")) {
					isTheSame(t, was.Dir, s.Dir, "repositories/"+path)
				}
			}
		})
	}
}

func isTheSame(t *testing.T, was, is, path string) {
	t.Helper()
	if one, other := content(t, was, path), content(t, is, path); one != other {
		t.Errorf("%s is not as it was", path)
	}
}
