package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// outside moves a part of the store out of it and leaves a symbolic link.
func outside(t *testing.T, s *layouttest.Store, path string) {
	t.Helper()
	path = expand(s, []string{path})[0]
	from, to := filepath.Join(s.Dir, path), filepath.Join(s.Root, "outside", filepath.Base(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Dir(from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Dir(from), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// everything is a store with garbage of every kind in a/b, and an image there.
const everything = `
	image a/b:v1 layers=l1 as=x age=40d
	image a/b:v1 layers=l2 as=y
	image a/b:dangling layers=l3 as=z
	remove repositories/a/b/_manifests/revisions/sha256/{z}
	layer a/b unused
	upload a/b kind=patched size=1k age=8d as=u
	tmp repositories/a/b/_layers/sha256/{unused}/link
	image c:v1 as=other
	orphan as=o size=5k
`

// Nothing behind a symbolic link is removed, except those to blobs and
// repositories themselves, and to the root.
func TestSweptNothingBehindSymlinks(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"repositories/a", // a namespace
		"repositories/a/b",
		"repositories/a/b/_manifests",
		"repositories/a/b/_manifests/revisions",
		"repositories/a/b/_manifests/revisions/sha256",
		"repositories/a/b/_manifests/revisions/sha256/{x}",
		"repositories/a/b/_manifests/revisions/sha256/{x}/link",
		"repositories/a/b/_manifests/tags",
		"repositories/a/b/_manifests/tags/v1",
		"repositories/a/b/_manifests/tags/dangling",
		"repositories/a/b/_manifests/tags/dangling/current",
		"repositories/a/b/_manifests/tags/v1/index",
		"repositories/a/b/_manifests/tags/v1/index/sha256/{x}",
		"repositories/a/b/_layers",
		"repositories/a/b/_layers/sha256",
		"repositories/a/b/_layers/sha256/{unused}",
		"repositories/a/b/_layers/sha256/{unused}/link",
		"repositories/a/b/_uploads",
		"repositories/a/b/_uploads/{id:u}",
		"repositories/a/b/_uploads/{id:u}/data",
		"repositories/a/b/_uploads/{id:u}/hashstates",
		"blobs/sha256",
		"blobs/sha256/{xx:o}",
		"blobs/sha256/{xx:o}/{o}",
		"blobs/sha256/{xx:o}/{o}/data",
		"blobs/sha256/{xx:x}/{x}", // of a manifest that goes
	} {
		t.Run(path, func(t *testing.T) {
			s := newStore(t, everything)
			outside(t, s, path)
			before := describe(t, filepath.Join(s.Root, "outside"))
			for _, args := range [][]string{{}, {"-m"}, {"-m"}} {
				r := gc(t, s, args...)
				if r.status != 0 && r.status != 3 || r.report.Failed.Items > 0 {
					t.Errorf("gc %v: status %d, failed %+v\n%s", args, r.status, r.report.Failed, r.stderr)
				}
				countsAgree(t, r)
			}
			same(t, "what is outside", before, describe(t, filepath.Join(s.Root, "outside")))
			for _, ref := range []string{"a/b:v1", "c:v1"} {
				if missing := s.Missing(ref); missing != nil {
					t.Errorf("%s lacks %v", ref, missing)
				}
			}
			r := gc(t, s, "-m")
			same(t, "items of a last run", []string{}, itemLines(s, r))
			for _, p := range r.report.Problems {
				if p.Kind == "missingManifest" || p.Kind == "missingBlob" && r.status == 3 && len(p.Breaks) > 0 {
					t.Errorf("a sweep has made the problem %+v", p)
				}
			}
		})
	}
}

// What is elsewhere goes as ever.
func TestSweptBesideASymlinkedRepository(t *testing.T) {
	swept{
		text:  "image a/b:v1 layers=shared as=x\nlayer a/b dead\nimage c:v1 as=y\nlayer c shared\norphan as=o",
		more:  func(t *testing.T, s *layouttest.Store) { outside(t, s, "repositories/a/b") },
		items: []string{"layerLink c shared", "blob o", "blob dead"}, gone: append(blobs("o", "dead"), layers("c", "shared")...),
	}.check(t)
}

// The root, blobs and repositories may be symbolic links, also all at once.
func TestSweptThroughSymlinksAtTheTop(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string][]string{
		"blobs":        {"blobs"},
		"repositories": {"repositories"},
		"both":         {"blobs", "repositories"},
	} {
		t.Run(name, func(t *testing.T) {
			plain, linked := newStore(t, everything), newStore(t, everything)
			for _, p := range paths {
				outside(t, linked, p)
			}
			want, got := gc(t, plain, "-m"), gc(t, linked, "-m")
			same(t, "what is removed", itemLines(plain, want), itemLines(linked, got))
			same(t, "removed", want.report.Removed, got.report.Removed)
			for _, p := range paths {
				left := pathsBelow(t, filepath.Join(linked.Root, "outside", p))
				same(t, "what is left of "+p, pathsBelow(t, filepath.Join(plain.Dir, p)), left)
			}
		})
	}
	t.Run("root", func(t *testing.T) {
		s := newStore(t, everything)
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(s.Root, link); err != nil {
			t.Fatal(err)
		}
		r := runProgram(t, "", "gc", "--root", link, "-m")
		if r.status != 0 || s.Has("o") {
			t.Errorf("status %d, %s%s", r.status, r.stdout, r.stderr)
		}
	})
}

// pathsBelow lists a tree, as paths relative to it.
func pathsBelow(t *testing.T, dir string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for path := range maps.Keys(describe(t, dir)) {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		all[rel] = true
	}
	return all
}

// Of data behind a symbolic link nothing is freed.
func TestSweptSymlinkedDataFreesNothing(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=100k")
	outside(t, s, "blobs/sha256/{xx:o}/{o}/data")
	r := mustGC(t, s, 0)
	if r.report.Removed.DiskBytes != 0 {
		t.Errorf("removed is %+v", r.report.Removed)
	}
	if b, err := os.ReadFile(filepath.Join(s.Root, "outside", "data")); err != nil || len(b) != 100<<10 {
		t.Errorf("%d bytes are left outside: %v", len(b), err)
	}
}

// A symbolic link to a directory outside in a place where nothing is defined is unknown.
func TestSweptUnknownSymlinks(t *testing.T) {
	for _, path := range []string{
		"blobs/sha256/zz", "blobs/other", "repositories/a/b/_layers/other",
		"repositories/a/b/_manifests/other", "blobs/sha256/00/other",
	} {
		t.Run(path, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\norphan as=o\nmkdir blobs/sha256/00")
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "data"), []byte("mine"), 0o644); err != nil {
				t.Fatal(err)
			}
			before := describe(t, dir)
			s.MustApply(t, "symlink "+path+" "+dir)
			r := mustGC(t, s, 0)
			same(t, "the problems", []string{"unknownFile " + path}, problemLines(r))
			same(t, "what it leads to", before, describe(t, dir))
			if !s.HasPath(path) {
				t.Error("the symbolic link went")
			}
		})
	}
}
