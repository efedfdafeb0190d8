package main

import (
	"fmt"
	"strings"
	"testing"
)

// Unknown names, wherever gc lists a directory for its own work: they are left,
// reported, and do not change the status.
func TestSweptUnknownNamesStayAndAreReported(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"README", // in the store's directory
		"blobs/README",
		"blobs/md5/00/file",
		"blobs/sha256/README",
		"blobs/sha256/zz/nothex/data",
		"blobs/sha256/00/README",
		"blobs/sha256/00/nothex/data",
		"blobs/sha256/00/" + hex64("11") + "/data", // in another prefix's directory
		"blobs/sha256/ABC/file",
		"repositories/README",
		"repositories/a/README",
		"repositories/a/b/README",
		"repositories/a/b/_manifests/README",
		"repositories/a/b/_manifests/tags/README",
		"repositories/a/b/_manifests/revisions/README",
		"repositories/a/b/_manifests/revisions/sha256/README",
		"repositories/a/b/_manifests/revisions/sha256/nothex/link",
		"repositories/a/b/_manifests/revisions/md5/" + hex64("11") + "/link",
		"repositories/a/b/_layers/README",
		"repositories/a/b/_layers/sha256/README",
		"repositories/a/b/_layers/sha256/nothex/link",
		"repositories/a/b/_layers/sha256/" + hex64("AB") + "/link", // upper case
		"repositories/a/b/_uploads/README",
	} {
		t.Run(path, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\norphan as=o\nlayer a/b l\nraw "+path+" whatever")
			before := s.Snapshot(t)
			r := mustGC(t, s, 0)
			same(t, "the unknown file", before[path], s.Snapshot(t)[path])
			found := false
			for _, p := range r.report.Problems {
				found = found || p.Kind == "unknownFile" && under(path, p.Path+"/") || p.Path == path
			}
			if !found || len(r.report.Problems) != 1 {
				t.Errorf("problems are %v", problemLines(r))
			}
			if !strings.Contains(path, "revisions/md5/") { // what that manifest keeps nobody knows
				same(t, "the blobs that go", []string{"l", "o"}, blobsOf(s, r))
			}
		})
	}
}

// Where gc has no need to list, unknown names need not be found, but they stay.
func TestSweptUnknownNamesStayInWhatStays(t *testing.T) {
	for _, path := range []string{
		"blobs/sha256/{xx:x}/{x}/README",
		"repositories/a/b/_manifests/revisions/sha256/{x}/README",
		"repositories/a/b/_manifests/tags/v1/README",
		"repositories/a/b/_manifests/tags/v1/current/README",
		"repositories/a/b/_manifests/tags/v1/index/README",
		"repositories/a/b/_manifests/tags/v1/index/sha256/README",
		"repositories/a/b/_manifests/tags/v1/index/sha256/{x}/README",
		"repositories/a/b/_layers/sha256/{x.config}/README",
		"repositories/a/b/_other/README",
		"repositories/.snapshot/a/_manifests/README",
		"repositories/@eaDir/README",
		"repositories/lost+found/README",
		"repositories/_catalog/README",
	} {
		t.Run(path, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\nraw "+path+" whatever")
			before := s.Snapshot(t)
			mustGC(t, s, 0)
			mustGC(t, s, 0, "-m")
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}

// Unknown names in directories of what goes: they stay, and the rest goes.
func TestSweptUnknownNamesStayInWhatGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, kind string }{
		"in a blob's directory":              {"blobs/sha256/{xx:x}/{x}/README", "blob"},
		"in a manifest's directory":          {"repositories/a/b/_manifests/revisions/sha256/{x}/README", "manifest"},
		"in a manifest's signatures":         {"repositories/a/b/_manifests/revisions/sha256/{x}/signatures/README", "manifest"},
		"in a layer link's directory":        {"repositories/a/b/_layers/sha256/{l1}/README", "layerLink"},
		"in a history entry":                 {"repositories/a/b/_manifests/tags/v1/index/sha256/{x}/README", "tagHistory"},
		"in an upload":                       {"repositories/a/b/_uploads/{id:u}/README", "upload"},
		"deep in an upload":                  {"repositories/a/b/_uploads/{id:u}/hashstates/sha256/README", "upload"},
		"a directory in an upload":           {"repositories/a/b/_uploads/{id:u}/more/0", "upload"},
		"in the directory of a dangling tag": {"repositories/a/b/_manifests/tags/dangling/README", "tag"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, `
				image a/b:v1 layers=l1 as=x
				image a/b:v1 layers=l2 as=y
				image a/b:dangling layers=l3 as=z
				remove repositories/a/b/_manifests/revisions/sha256/{z}
				upload a/b kind=patched size=1k age=8d as=u
			`)
			path := expand(s, []string{c.path})[0]
			s.MustApply(t, "raw "+path+" whatever")
			before := s.Snapshot(t)[path]
			gone := map[string]bool{}
			r := gc(t, s, "-m")
			for _, i := range r.report.Items {
				gone[i.Kind] = true
			}
			same(t, "the unknown file", before, s.Snapshot(t)[path])
			if !gone[c.kind] {
				t.Errorf("no %s went: %v", c.kind, itemLines(s, r))
			}
			if r.status != 0 && r.status != 3 {
				t.Errorf("status %d: %s", r.status, r.stderr)
			}
			status := map[string]int{"tag": 3}[c.kind] // what is left of a tag is still listed
			again := mustGC(t, s, status, "-m")
			same(t, "items of a second run", []string{}, itemLines(s, again))
			same(t, "the unknown file after a second run", before, s.Snapshot(t)[path])
		})
	}
}

func hex64(pair string) (hex string) {
	for range 32 {
		hex += pair
	}
	return hex
}

// Many unknown files do not make the status 3 either.
func TestSweptManyUnknownFiles(t *testing.T) {
	text := "image a/b:v1 as=x\n"
	for i := range 50 {
		text += fmt.Sprintf("raw repositories/a/junk%d x\n", i)
	}
	s := newStore(t, text)
	if r := mustGC(t, s, 0); len(r.report.Problems) != 50 {
		t.Errorf("%d problems, want all 50", len(r.report.Problems))
	}
}
