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

// TestWrongRoot names roots that are none.
func TestWrongRoot(t *testing.T) {
	t.Parallel()
	dir := openTemp(t)
	for _, path := range []string{"empty", "v2only/v2/repositories", "nearly/docker/registry", "config"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range map[string]string{
		"file": "x", "config/s3.yml": "version: 0.1\nstorage:\n  s3:\n    bucket: b\n", "config/none.yml": "version: 0.1\n",
		"config/torn.yml": "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: [", "config/binary.yml": "\x00\x1b[2J\xff",
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"dangling": "nowhere", "circle": "circle"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"missing", "empty", "v2only", "nearly", "file", "dangling", "circle", "file/below", strings.Repeat("long/", 2000),
		"config/s3.yml", "config/none.yml", "config/torn.yml", "config/binary.yml", "config/missing.yml",
	} {
		path := filepath.Join(dir, name)
		for _, flag := range []string{"--root", "--config", ""} {
			args := []string{"gc", flag, path}
			if flag == "" {
				args = []string{"gc", path}
			}
			r := system{}.run(t, args...)
			lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
			if r.status != 1 || !strings.Contains(r.stderr, strings.TrimSuffix(path, "/")) || len(lines) < 2 || r.stdout != "" {
				t.Errorf("%q: status %d, want 1 with the path and the next step:\n%s%s", clip(fmt.Sprint(args)), r.status, r.stdout, clip(r.stderr))
			}
			if text := harmful(r.stderr); text != "" {
				t.Errorf("harmful output: %q", text)
			}
		}
	}
}

// TestSymbolicLinks has links in all directions below repositories and blobs:
// they are followed for reading, each directory once, and what is no link's goes.
func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	s := build(t, memory(t), `
age 30d
image a/app:v1 layers=l1 as=app
image a/app as=untagged
layer a/app stray
image b/app:v1 layers=l2 as=b
symlink repositories/alias a
symlink repositories/a/again app
symlink repositories/zz/one ../a/app
symlink repositories/a/up ..
symlink repositories/a/app/up ../../..
symlink repositories/top ../../..
symlink repositories/a/app/top ../../../../../..
symlink repositories/me .
symlink repositories/x/y/z/w ../../../x
symlink blobs/sha256/me .
orphan as=orphan
image d/app:v1 layers=l4 as=d
move blobs/sha256/{xx:l4}/{l4}/data /l4
symlink blobs/sha256/{xx:l4}/{l4}/data ../../../../../../../l4
orphan as=far
move blobs/sha256/{xx:far}/{far}/data /far
symlink blobs/sha256/{xx:far}/{far}/data ../../../../../../../far
orphan as=moved
move blobs/sha256/{xx:moved}/{moved} /moved
symlink blobs/sha256/{xx:moved}/{moved} ../../../../../../moved
`)
	r := system{}.gc(t, s, "-m")
	if r.status != 0 && r.status != 3 {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	whole(t, s, "a/app:v1", "alias/app:v1", "a/again:v1", "zz/one:v1", "b/app:v1", "d/app:v1")
	for _, name := range []string{"untagged", "stray", "orphan"} {
		if s.Has(name) {
			t.Errorf("%s stays\n%s", name, r.stderr)
		}
	}
	for _, path := range []string{"moved/data", "l4", "far"} {
		if _, err := os.Stat(filepath.Join(s.Root, path)); err != nil {
			t.Errorf("outside the store: %v", err)
		}
	}
	if n := r.report.Store.Repositories; n != 3 {
		t.Errorf("%d repositories, want 3: each once\n%+v", n, r.report.Repositories)
	}
}

// TestLinkedRepositories has repositories and their parts elsewhere: nothing is removed there.
func TestLinkedRepositories(t *testing.T) {
	t.Parallel()
	const far = `
image far/app:v1 layers=f1 as=far
image far/app as=faruntagged
layer far/app farstray
`
	outside := build(t, openTemp(t), "age 30d"+far)
	s := build(t, openTemp(t), "age 30d"+far+`
remove repositories/far
image a/app:v1 layers=l1 as=app
image c/app:v1 layers=l3 as=c
image c/app as=cuntagged
layer c/app cstray
move repositories/c/app/_layers /layers
symlink repositories/c/app/_layers `+"../../../../../../layers"+`
image e/app:v1 layers=l5 as=e
image e/app as=euntagged
move repositories/e/app/_manifests /manifests
symlink repositories/e/app/_manifests `+"../../../../../../manifests"+`
orphan as=orphan
`)
	if err := os.Symlink(filepath.Join(outside.Dir, "repositories/far"), filepath.Join(s.Dir, "repositories/far")); err != nil {
		t.Fatal(err)
	}
	before := outside.Snapshot(t)
	links := count(s, "link")
	r := system{}.gc(t, s, "-m")
	if r.status != 0 && r.status != 3 {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	if diff := changed(before, outside.Snapshot(t)); diff != nil {
		t.Errorf("it has removed through a link: %q", diff)
	}
	whole(t, s, "a/app:v1", "c/app:v1", "e/app:v1", "far/app:v1")
	for _, name := range []string{"faruntagged", "euntagged"} {
		if !s.Has(name) {
			t.Errorf("%s, whose link cannot be removed, is lost", name)
		}
	}
	for dir, want := range map[string]int{"layers": 5, "manifests": 4} {
		n := 0
		for _, path := range files(filepath.Join(s.Root, dir)) {
			if filepath.Base(path) == "link" {
				n++
			}
		}
		if n != want {
			t.Errorf("%d links in %s, want %d", n, dir, want)
		}
	}
	if s.Has("orphan") || count(s, "link") > links {
		t.Errorf("the orphan stays\n%s", r.stderr)
	}
}

// TestLinkedRoots follows links at the root, at blobs and at repositories, and
// removes there.
func TestLinkedRoots(t *testing.T) {
	t.Parallel()
	s := build(t, openTemp(t), readStore+`
move blobs /elsewhere/blobs
symlink blobs ../../../elsewhere/blobs
move repositories /elsewhere/repositories
symlink repositories ../../../elsewhere/repositories
`)
	link := filepath.Join(t.TempDir(), "root")
	if err := os.Symlink(s.Root, link); err != nil {
		t.Fatal(err)
	}
	r := system{}.run(t, "gc", "-m", "--root", link)
	if r.status != 0 || s.Has("orphan") || s.Has("untagged") || s.Has("stray") {
		t.Errorf("status %d, orphan %t, untagged %t, stray %t\n%s", r.status, s.Has("orphan"), s.Has("untagged"), s.Has("stray"), r.stderr)
	}
	whole(t, s, "a/one:v1", "a/two:v1", "a/two:old")
}

// TestUnknownFiles has files that are nobody's in every directory.
func TestUnknownFiles(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	s := build(t, memory(t), readStore+"delete-manifest a/two three\nimage gone/all layers=2 as=goes\ndelete-manifest gone/all goes\n")
	var unknown []string
	for _, dir := range append(s.Tree(t), "./") {
		if !strings.HasSuffix(dir, "/") {
			continue
		}
		for _, name := range []string{"README", ".DS_Store", ".nfs0000000000000001", "core", "link~", "data.bak", "data.regsweep.old", ".link.swp", "x.tmp"} {
			path := filepath.Clean(dir + name)
			put(t, s, path, []byte("mine"))
			unknown = append(unknown, path)
		}
	}
	dry := system{}.gc(t, s, "-m", "--dry-run")
	r := system{}.gc(t, s, "-m")
	if r.status != 0 || dry.status != 0 {
		t.Errorf("status %d and %d, unknown files do not change it\n%s", dry.status, r.status, r.stderr)
	}
	for _, path := range unknown {
		if b, err := os.ReadFile(filepath.Join(s.Dir, path)); err != nil || string(b) != "mine" {
			t.Errorf("%s is lost: %v", path, err)
		}
	}
	whole(t, s, "a/one:v1", "a/two:v1")
	for _, name := range []string{"orphan", "untagged", "three", "goes", "stray"} {
		if s.Has(name) {
			t.Errorf("%s stays", name)
		}
	}
}

// TestDeepAndWide has repositories 50 levels deep and 100,000 unknown files in a directory.
func TestDeepAndWide(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	deep := strings.TrimSuffix(strings.Repeat("d/", 50), "/")
	s := build(t, memory(t), readStore+"image "+deep+":v1 layers=2 as=deep\nlayer "+deep+" deepstray\nimage d/d/d:v1 layers=1 as=less\n")
	wide := filepath.Join(s.Dir, pathOf(s, "blobs/sha256/{xx:orphan}"))
	file := filepath.Join(wide, "file000000")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const n = 100_000
	for i := 1; i < n; i++ {
		if err := os.Link(file, filepath.Join(wide, fmt.Sprintf("file%06d", i))); err != nil {
			t.Fatal(err)
		}
	}
	r := system{measure: true}.gc(t, s, "-m")
	if r.status != 0 || s.Has("orphan") || s.Has("deepstray") {
		t.Errorf("status %d, orphan %t, deepstray %t\n%s", r.status, s.Has("orphan"), s.Has("deepstray"), r.stderr)
	}
	if r.peak > 200<<20 { // with the index that is written
		t.Errorf("%d MiB of memory", r.peak>>20)
	}
	t.Logf("%d MiB, %s", r.peak>>20, r.took)
	whole(t, s, "a/one:v1", deep+":v1", "d/d/d:v1")
	list, err := os.ReadDir(wide)
	if err != nil || len(list) < n {
		t.Errorf("%d files are left of %d: %v", len(list), n, err)
	}
}
