package main

import (
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// emptied is a repository after its last manifest was deleted and collected
// by 3.x: directories, and nothing in them.
func emptied(name, options string) string {
	return `
		mkdir repositories/` + name + `/_uploads ` + options + `
		mkdir repositories/` + name + `/_layers/sha256 ` + options + `
		mkdir repositories/` + name + `/_manifests/tags ` + options + `
		mkdir repositories/` + name + `/_manifests/revisions/sha256 ` + options + "\n"
}

func TestSweptEmptiedRepository(t *testing.T) {
	swept{
		text:  "image keep:v1 as=x\n" + emptied("a/b", ""),
		items: []string{"repository a/b"},
		gone:  []string{"repositories/a/"},
	}.check(t)
}

func TestSweptYoungEmptiedRepositoryStays(t *testing.T) {
	swept{text: "image keep:v1 as=x\n" + emptied("a/b", "age=5m")}.check(t)
}

func TestSweptEmptiedRepositoryPastAnotherGrace(t *testing.T) {
	swept{
		text:  "image keep:v1 as=x\n" + emptied("a", "age=50m") + emptied("b", "age=10m"),
		args:  []string{"--grace", "30m"},
		items: []string{"repository a"}, gone: []string{"repositories/a/"},
	}.check(t)
}

// Empty namespaces above it go too, as far as nothing else is in them.
func TestSweptNamespacesAboveAnEmptiedRepository(t *testing.T) {
	swept{
		text:  "image x/keep:v1 as=k\n" + emptied("x/y/z/w", ""),
		items: []string{"repository x/y/z/w"},
		gone:  []string{"repositories/x/y/"},
	}.check(t)
}

func TestSweptEmptiedRepositoryAboveALiveOne(t *testing.T) {
	swept{
		text:  "image a/b/c:v1 as=k\n" + emptied("a/b", ""),
		items: []string{"repository a/b"},
		gone:  []string{"repositories/a/b/_uploads/", "repositories/a/b/_layers/", "repositories/a/b/_manifests/"},
	}.check(t)
}

func TestSweptEmptiedRepositoryBelowALiveOne(t *testing.T) {
	swept{
		text:  "image a/b:v1 as=k\n" + emptied("a/b/c", ""),
		items: []string{"repository a/b/c"},
		gone:  []string{"repositories/a/b/c/"},
	}.check(t)
}

func TestSweptEmptiedRepositoriesInEachOther(t *testing.T) {
	swept{
		text:  "image keep:v1 as=k\n" + emptied("a/b", "") + emptied("a/b/c", "") + emptied("a", ""),
		items: []string{"repository a", "repository a/b", "repository a/b/c"},
		gone:  []string{"repositories/a/"},
	}.check(t)
}

// A young repository stays, whatever becomes of the one above it.
func TestSweptYoungRepositoryInAnEmptiedOne(t *testing.T) {
	s := newStore(t, "image keep:v1 as=k\n"+emptied("a/b", "")+emptied("a/b/c", "age=5m"))
	mustGC(t, s, 0)
	for _, part := range []string{"_uploads", "_layers/sha256", "_manifests/tags", "_manifests/revisions/sha256"} {
		if !s.HasPath("repositories/a/b/c/" + part) {
			t.Errorf("a/b/c/%s went", part)
		}
	}
}

// A repository whose last things go in this run goes with them.
func TestSweptRepositoryThatThisRunEmpties(t *testing.T) {
	swept{
		text: "image keep:v1 as=k\nimage a/b:v1 layers=one as=x\ndelete-manifest a/b x",
		items: []string{
			"layerLink a/b one", "layerLink a/b x.config", "blob x", "blob one", "blob x.config", "repository a/b",
		},
		gone: append(blobs("x", "one", "x.config"), "repositories/a/"),
	}.check(t)
}

func TestSweptRepositoryOfUntaggedManifests(t *testing.T) {
	swept{
		text: "image keep:v1 as=k\nimage a/b layers=one as=x", args: []string{"-m"},
		items: []string{
			"manifest a/b x", "layerLink a/b one", "layerLink a/b x.config", "blob x", "blob one", "blob x.config", "repository a/b",
		},
		gone: append(blobs("x", "one", "x.config"), "repositories/a/"),
	}.check(t)
}

// What is unknown keeps its repository, with the directories that lead to it.
func TestSweptEmptiedRepositoryWithAnUnknownFile(t *testing.T) {
	for name, path := range map[string]string{
		"beside its parts": "repositories/a/b/README",
		"in _manifests":    "repositories/a/b/_manifests/notes",
		"in _layers":       "repositories/a/b/_layers/sha256/notes",
		"in _uploads":      "repositories/a/b/_uploads/notes",
		"in tags":          "repositories/a/b/_manifests/tags/.DS_Store",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "image keep:v1 as=k\n"+emptied("a/b", "")+"raw "+path+" mine")
			before := s.Snapshot(t)[path]
			r := mustGC(t, s, 0)
			if s.Snapshot(t)[path] != before {
				t.Errorf("%s is not as it was", path)
			}
			same(t, "the problems", []string{"unknownFile " + path}, problemLines(r))
			same(t, "items of a second run", []string{}, itemLines(s, mustGC(t, s, 0)))
		})
	}
}

// Other names that begin with _ are other programs', and keep the repository.
func TestSweptRepositoryWithAForeignPart(t *testing.T) {
	s := newStore(t, "image keep:v1 as=k\n"+emptied("a/b", "")+"raw repositories/a/b/_other/file mine")
	mustGC(t, s, 0)
	if !s.HasPath("repositories/a/b/_other/file") {
		t.Error("_other/file went")
	}
	mustGC(t, s, 0)
}

// Hard-linked data count on the disk where their last name goes.
func TestSweptHardLinkedBlobs(t *testing.T) {
	t.Run("to a file outside", func(t *testing.T) {
		swept{
			text:  "image a/b:v1 as=x\norphan as=o size=100k",
			more:  func(t *testing.T, s *layouttest.Store) { hardlink(t, s.Path("o"), s.Root+"/outside") },
			items: []string{"blob o"}, gone: blobs("o"),
		}.check(t)
	})
	for name, c := range map[string]struct {
		text string
		disk int64 // 1 if the blocks of 100 KiB are freed
	}{
		"to a live blob": {"image a/b:v1 layers=one:100k as=x\norphan as=o size=100k", 0},
		"to each other":  {"image a/b:v1 as=x\norphan as=one size=100k\norphan as=o size=100k", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.text)
			replaceByHardlink(t, s.Path("one"), s.Path("o"))
			blocks := diskBytes(t, s.Path("o"))
			dry := mustGC(t, s, 0, "--dry-run")
			run := mustGC(t, s, 0)
			same(t, "the numbers of the dry run and the run", dry.report.Removed, run.report.Removed)
			if got := run.report.Removed.DiskBytes; got != c.disk*blocks {
				t.Errorf("removed.diskBytes is %d, want %d", got, c.disk*blocks)
			}
			if got := run.report.Removed.Bytes; got != (1+c.disk)*100<<10 {
				t.Errorf("removed.bytes is %d", got)
			}
		})
	}
}

func TestSweptHardLinkOutsideFreesNothing(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=100k")
	hardlink(t, s.Path("o"), s.Root+"/outside")
	r := mustGC(t, s, 0)
	if r.report.Removed.DiskBytes != 0 || r.report.Removed.Bytes != 100<<10 {
		t.Errorf("removed is %+v", r.report.Removed)
	}
}
