package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// moved puts a path of the store elsewhere, and a symbolic link in its place.
func moved(t *testing.T, s *layouttest.Store, path string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "moved")
	from := filepath.Join(s.Dir, path)
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
}

// Both registries follow them, and so do their collectors.
func TestLiveSymbolicLinksAreFollowed(t *testing.T) {
	t.Parallel()
	const store = "image a/b:v1 as=img\nindex c/d:v1 of=img\nimage e/f:v1\norphan as=o\n"
	for name, path := range map[string]string{
		"the blobs":               "blobs",
		"the repositories":        "repositories",
		"the blobs by sha256":     "blobs/sha256",
		"a repository":            "repositories/a/b",
		"a name above repository": "repositories/a",
		"the manifests":           "repositories/a/b/_manifests",
		"the revisions":           "repositories/a/b/_manifests/revisions",
		"the tags":                "repositories/a/b/_manifests/tags",
		"a tag":                   "repositories/a/b/_manifests/tags/v1",
		"a tag's current":         "repositories/a/b/_manifests/tags/v1/current",
		"a tag's link":            "repositories/a/b/_manifests/tags/v1/current/link",
		"the layers":              "repositories/a/b/_layers",
		"the layers by sha256":    "repositories/a/b/_layers/sha256",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, store)
			moved(t, s, path)
			r := gc(t, s, "-m")
			if r.status != 0 && r.status != 3 {
				t.Fatalf("status %d\n%s", r.status, r.stderr)
			}
			for _, ref := range []string{"a/b:v1", "c/d:v1", "e/f:v1"} {
				if missing := s.Missing(ref); missing != nil {
					t.Errorf("%s lacks %v", ref, missing)
				}
			}
			if s.Has("o") && path != "blobs/sha256" { // nothing is removed through that link
				t.Error("the orphan is still there")
			}
		})
	}
	for name, digest := range map[string]string{"a blob": "img.layer1", "a manifest's blob": "img"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, store)
			hex := s.Digest(digest).Hex()
			moved(t, s, "blobs/sha256/"+hex[:2]+"/"+hex+"/data")
			liveCase{goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "c/d:v1", "e/f:v1"}}.on(t, s, "-m")
		})
	}
	t.Run("a manifest's link", func(t *testing.T) {
		t.Parallel()
		s := layouttest.New(t, store)
		moved(t, s, "repositories/a/b/_manifests/revisions/sha256/"+s.Digest("img").Hex()+"/link")
		liveCase{goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "c/d:v1", "e/f:v1"}}.on(t, s, "-m")
	})
}

// Removing goes through a symbolic link only at the root, blobs and repositories.
func TestLiveBlobsOfLinksThatAreNotRemovedThroughASymbolicLinkStay(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"repositories/a/b", "repositories/a", "repositories/a/b/_manifests", "repositories/a/b/_manifests/revisions"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, "image a/b:v1\nimage a/b as=old\nimage c/d:v1\norphan as=o")
			moved(t, s, path)
			gc(t, s, "-m")
			gc(t, s, "-m")
			old := "a/b@" + s.Digest("old").String()
			_, err := os.Stat(filepath.Join(s.Dir, "repositories/a/b/_manifests/revisions/sha256", s.Digest("old").Hex(), "link"))
			if missing := s.Missing(old); err == nil && missing != nil {
				t.Errorf("the manifest link is there, and the image lacks %v", missing)
			}
			if s.Has("o") {
				t.Error("the orphan is still there")
			}
		})
	}
}

func TestLiveDirectoryWithTwoNamesOrACircleIsReadOnce(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"aaa", "zzz", "m/loop"} {
		for name, target := range map[string]string{"to a repository": "m/x", "to a name above repositories": "m", "to all": "."} {
			t.Run(link+" "+name, func(t *testing.T) {
				t.Parallel()
				s := layouttest.New(t, "image m/x:v1 as=img\nimage m/x as=old\nimage n/y:v1\nlayer m/x l\norphan as=o")
				from := filepath.Join(s.Dir, "repositories", filepath.FromSlash(link))
				if err := os.Symlink(filepath.Join(s.Dir, "repositories", filepath.FromSlash(target)), from); err != nil {
					t.Fatal(err)
				}
				r := gc(t, s, "-m")
				if r.status != 0 && r.status != 3 {
					t.Fatalf("status %d\n%s", r.status, r.stderr)
				}
				if r.report.Store.Repositories != 2 || r.report.Store.Manifests != 3 {
					t.Errorf("%d repositories and %d manifests, want 2 and 3", r.report.Store.Repositories, r.report.Store.Manifests)
				}
				for _, ref := range []string{"m/x:v1", "n/y:v1"} {
					if missing := s.Missing(ref); missing != nil {
						t.Errorf("%s lacks %v", ref, missing)
					}
				}
				linked := s.HasPath("repositories/m/x/_manifests/revisions/sha256/{old}/link")
				if s.Has("o") || linked != s.Has("old") || linked != s.Has("old.layer1") {
					t.Errorf("the orphan is there: %t; old's link: %t, its blob: %t, its layer: %t", s.Has("o"), linked, s.Has("old"), s.Has("old.layer1"))
				}
			})
		}
	}
}
