//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

const archiveStore = `
age 30d
image team/app:v1 layers=base,x as=one
image team/app:v2,stable layers=base,y as=two
index team/app:multi of=two as=multi
referrer team/app of=one as=sbom
cosign team/app of=one as=sig kind=sig
image other:v1 layers=base,z as=other
tag other:gone other
remove repositories/other/_manifests/tags/gone/current/link
`

// inMemory is a store on a filesystem of its own.
func inMemory(t *testing.T, text string) *layouttest.Store {
	t.Helper()
	needRoot(t)
	return build(t, memory(t), text)
}

func TestArchiveHasAllThatGoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"rm", "team/app:v1"}, []string{"-=sbom", "team/app:SIG=sig", "team/app:v1=one"}},
		{[]string{"rm", "--repository", "team/app"}, []string{"-=sbom", "team/app:SIG=sig", "team/app:multi=multi", "team/app:stable=two", "team/app:v1=one", "team/app:v2=two"}},
		// A tag goes, and its image is kept for another one: the archive has it by that tag.
		{[]string{"prune", "--filter", "team/app:v2", "--ago", "1d"}, []string{"team/app:v2=two"}},
	} {
		s := inMemory(t, archiveStore)
		sig := "sha256-" + s.Digest("one").Hex() + ".sig"
		dir := filepath.Join(t.TempDir(), "archive")
		args := append(c.args, "--root", s.Root, "--yes", "--archive", dir)
		before := s.Snapshot(t)
		if r := runProgram(t, "", append(args, "--dry-run")...); r.status != statusDone && r.status != statusProblems {
			t.Fatalf("%q: status %d: %s", args, r.status, r.stderr)
		}
		same(t, "the store after a dry run", before, s.Snapshot(t))
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q: a dry run has made the archive", args)
		}
		r := runProgram(t, "", args...)
		if r.status != statusDone && r.status != statusProblems {
			t.Fatalf("%q: status %d: %s", args, r.status, r.stderr)
		}
		got := ociLayout(t, dir)
		for i := range got {
			name, digest, _ := strings.Cut(got[i], "=")
			got[i] = strings.Replace(name, sig, "SIG", 1) + "=" + nameOf(s, digest)
		}
		slices.Sort(got)
		same(t, joined(args...), joined(c.want...), joined(got...))
		if !strings.Contains(r.stderr, "exported ") || s.HasPath("repositories/team/app/_manifests/tags/v1") && c.args[0] == "rm" {
			t.Errorf("%q: %s", args, r.stderr)
		}
	}
}

func TestArchiveRefusesItsPlace(t *testing.T) {
	t.Parallel()
	s := inMemory(t, archiveStore)
	full := t.TempDir()
	writeFiles(t, full, map[string]string{"README": "x"})
	before := s.Snapshot(t)
	for _, c := range []struct {
		dir    string
		status int
		says   string
	}{
		{"", statusUsage, "--archive is empty"},
		{filepath.Join(s.Root, "archive"), statusUsage, "--trash"},
		{filepath.Join(s.Root, "docker/registry/v2/archive"), statusUsage, "in the store"},
		{full, statusFailed, "neither empty nor"},
	} {
		r := runProgram(t, "", "rm", "--root", s.Root, "--yes", "team/app:v1", "--archive", c.dir)
		if r.status != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q: status %d: %s", c.dir, r.status, r.stderr)
		}
		same(t, "the store", before, s.Snapshot(t))
	}
	// The next step does what it says.
	r := runProgram(t, "", "rm", "--root", s.Root, "--yes", "team/app:v1", "--archive", s.Root)
	_, command, _ := strings.Cut(strings.TrimSpace(r.stderr), "to the trash: regsweep ")
	if next := runProgram(t, "", strings.Fields(command)...); next.status != statusDone && next.status != statusProblems {
		t.Fatalf("%q: status %d: %s", command, next.status, next.stderr)
	}
	if ls := runProgram(t, "", "trash", "ls", "--root", s.Root, "-q"); ls.stdout == "" {
		t.Error("nothing is in the trash")
	}
}

// What cannot be archived in full is not removed.
func TestArchiveThatFailsRemovesNothing(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"a layer is damaged": "damage garbage blob x", "a layer is missing": "damage missing blob x", "a manifest is damaged": "damage html blob one",
	} {
		s := inMemory(t, archiveStore+damage)
		before := s.Snapshot(t)
		dir := filepath.Join(t.TempDir(), "archive")
		args := []string{"rm", "--root", s.Root, "--yes", "--archive", dir, "team/app:v1", "other:v1"}
		r := runProgram(t, "", args...)
		if r.status != statusFailed || !strings.Contains(r.stderr, "nothing has been") {
			t.Errorf("%s: status %d: %s", name, r.status, r.stderr)
		}
		same(t, name, before, s.Snapshot(t))
		if _, err := os.Stat(filepath.Join(dir, "index.json")); err == nil {
			t.Errorf("%s: there is an index", name)
		}
	}
}

func TestArchiveOnADiskThatFillsUpRemovesNothing(t *testing.T) {
	t.Parallel()
	s := inMemory(t, "age 30d\nimage a:v1 layers=l1:60k,l2:60k,l3:60k as=x\nimage a:v2 as=y layers=1")
	before := s.Snapshot(t)
	small := openTemp(t)
	mount(t, small, "-t", "tmpfs", "-o", "size=128k,mode=755", "regsweep-test")
	r := runProgram(t, "", "rm", "--root", s.Root, "--yes", "--archive", small, "a:v1")
	if r.status != statusFailed || !strings.Contains(r.stderr, "no space left") || !strings.Contains(r.stderr, "nothing has been removed") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	same(t, "the store", before, s.Snapshot(t))
	mustRun(t, "mount", "-o", "remount,size=1m", small)
	if r := runProgram(t, "", "rm", "--root", s.Root, "--yes", "--archive", small, "a:v1"); r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	same(t, "entries", "a:v1="+s.Digest("x").String(), joined(ociLayout(t, small)...))
	if s.Has("l1") || !s.Has("y") {
		t.Error("not what was named has gone")
	}
}

// A disk without a free byte keeps nobody from exporting what is on it, nor does
// one that cannot be written to.
func TestExportFromADiskThatIsFullOrReadOnly(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := openTemp(t)
	mount(t, root, "-t", "tmpfs", "-o", "size=2m,mode=755", "regsweep-test")
	s := build(t, root, archiveStore)
	if err := os.WriteFile(filepath.Join(s.Root, "filler"), make([]byte, 4<<20), 0o644); err == nil {
		t.Fatal("the disk is not full")
	}
	for _, step := range []string{"full", "read-only"} {
		if step == "read-only" {
			mustRun(t, "mount", "-o", "remount,ro", s.Root)
		}
		dir := filepath.Join(t.TempDir(), "layout")
		// The tag that names nothing is told, and nothing more.
		if r := export(t, s, "**", dir); r.status != statusDone || !strings.Contains(r.stderr, "other:gone") {
			t.Fatalf("%s: status %d: %s", step, r.status, r.stderr)
		}
		if n := len(ociLayout(t, dir)); n < 7 {
			t.Errorf("%s: only %d images", step, n)
		}
	}
}
