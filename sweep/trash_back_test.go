//go:build unix

package sweep_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// wantedChild is a store whose trash holds a part of an index, which has been
// pushed again since.
func wantedChild(t *testing.T) (*layouttest.Store, pipeline) {
	t.Helper()
	s := layouttest.New(t, `
age 30d
image a layers=l1 as=child
index a as=multi of=child
`)
	p := pipeline{dir: s.Dir, jobs: 1, rules: usual(s.Now), trash: true}
	if o := p.run(); o.said() {
		t.Fatal(o.err, o.failures)
	}
	bins, err := filepath.Glob(filepath.Join(s.Dir, ".regsweep", "trash", "*"))
	if err != nil || len(bins) != 1 {
		t.Fatal(bins, err)
	}
	// The index alone comes back, as a registry that accepts sparse ones writes it.
	d := s.Digest("multi")
	for _, dir := range []string{"blobs/sha256/" + d.Hex()[:2] + "/" + d.Hex(), "repositories/a/_manifests/revisions/sha256/" + d.Hex()} {
		if err := os.MkdirAll(filepath.Join(s.Dir, filepath.Dir(dir)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(bins[0], dir), filepath.Join(s.Dir, dir)); err != nil {
			t.Fatal(err)
		}
	}
	tag := filepath.Join(s.Dir, "repositories/a/_manifests/tags/v1/current")
	if err := os.MkdirAll(tag, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tag, "link"), []byte(d.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return s, p
}

// Emptying that is killed between what a referenced manifest needs and that
// manifest leaves a note of it, by which the next sweep completes it first.
func TestEmptyingKilledBeforeAReferencedManifestIsBackIsKnown(t *testing.T) {
	s, p := wantedChild(t)
	killed := false
	p.fault = func(op disk.Op, path string) error {
		if op == disk.OpRename && strings.Contains(path, "/revisions/") {
			killed = true
		}
		if killed {
			return os.ErrPermission
		}
		return nil
	}
	if o := p.empty(); !o.said() || !killed {
		t.Fatal("nothing was stopped")
	}
	p.fault = nil
	store, lock, bins, err := p.open()
	if err != nil || len(bins) != 1 || !bins[0].Emptying() {
		t.Fatalf("%v: the trash has %d runs, and nothing says that one has to go on", err, len(bins))
	}
	e := trash.NewEmptying(bins, mark.Rules{Now: s.Now, Grace: 1}, 1, sweep.GiveBack)
	failures, err := e.PutBack(t.Context(), lock)
	release(store, lock)
	if err != nil || len(failures) > 0 {
		t.Fatal(err, failures)
	}
	if bins[0].Emptying() {
		t.Error("what is done is still to be done")
	}
	p.trash = false
	if o := p.run(); o.said() {
		t.Fatal(o.err, o.failures)
	}
	if lacks := s.Missing("a@" + s.Digest("child").String()); len(lacks) > 0 {
		t.Errorf("the part of the index lacks %v", lacks)
	}
}

// A manifest that is referenced, and lacks something that another run holds,
// outlives the emptying of its own.
func TestEmptyingKeepsAReferencedManifestThatCannotGoBackYet(t *testing.T) {
	s, p := wantedChild(t)
	layer, err := filepath.Glob(filepath.Join(s.Dir, ".regsweep/trash/*/blobs/sha256/*", s.Digest("l1").Hex(), "data"))
	if err != nil || len(layer) != 1 {
		t.Fatal(layer, err)
	}
	elsewhere := filepath.Join(s.Dir, ".regsweep/trash/20300101T000000Z-gc", strings.SplitN(layer[0], "-gc/", 2)[1])
	if err := os.MkdirAll(filepath.Dir(elsewhere), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(layer[0], elsewhere); err != nil {
		t.Fatal(err)
	}
	store, lock, bins, err := p.open()
	if err != nil || len(bins) != 2 {
		t.Fatal(bins, err)
	}
	e := trash.NewEmptying(bins[:1], mark.Rules{Now: s.Now, Grace: 1}, 1, sweep.GiveBack)
	failures, err := e.Execute(t.Context(), lock)
	release(store, lock)
	if err != nil || len(failures) != 1 || !strings.Contains(failures[0].Err.Error(), "referenced") {
		t.Errorf("it says %v, %v", err, failures)
	}
	if o := p.empty(); o.said() {
		t.Errorf("when all is there it says %v, %v", o.err, o.failures)
	}
	if lacks := s.Missing("a@" + s.Digest("child").String()); len(lacks) > 0 {
		t.Errorf("the part of the index lacks %v", lacks)
	}
}

// A file where a directory belongs is nothing that a run has moved there.
func TestAFileInPlaceOfADirectoryInTheTrashIsUnknown(t *testing.T) {
	s, p := wantedChild(t)
	bins, _ := filepath.Glob(filepath.Join(s.Dir, ".regsweep/trash/*"))
	for _, name := range []string{"_manifests", "_layers", "_uploads"} {
		path := filepath.Join(bins[0], "repositories", "b", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if o := p.restore(); o.err != nil || len(o.conflicts) != 3 {
		t.Errorf("%v, %v", o.err, o.conflicts)
	}
}

// A restore that finds a damaged blob in place of a whole one keeps the latter.
func TestRestoreKeepsAWholeBlobThatADamagedOneIsInPlaceOf(t *testing.T) {
	s := layouttest.New(t, "age 30d\nimage a:keep\norphan as=o size=1k\norphan as=again size=1k")
	p := pipeline{dir: s.Dir, jobs: 1, rules: usual(s.Now), trash: true}
	blob := func(name string) string { return filepath.Join(s.Dir, layout.BlobDir(s.Digest(name)), layout.Data) }
	again, err := os.ReadFile(blob("again"))
	if err != nil {
		t.Fatal(err)
	}
	if o := p.run(); o.said() {
		t.Fatal(o.err, o.failures)
	}
	for name, content := range map[string][]byte{"o": make([]byte, 1024), "again": again} {
		if err := os.MkdirAll(filepath.Dir(blob(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(blob(name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := p.restore()
	if o.said() || len(o.conflicts) != 1 || o.conflicts[0].Path != layout.BlobDir(s.Digest("o"))+"/data" {
		t.Errorf("it says %v, %v, %v", o.err, o.failures, o.conflicts)
	}
	if err := os.Remove(blob("o")); err != nil {
		t.Fatal(err)
	}
	if o := p.restore(); o.said() || len(o.conflicts) > 0 {
		t.Errorf("it says %v, %v, %v", o.err, o.failures, o.conflicts)
	}
	content, err := os.ReadFile(blob("o"))
	if err != nil || layout.FromBytes(layout.SHA256, content) != s.Digest("o") {
		t.Errorf("%v: %d bytes that are something else", err, len(content))
	}
}

// A symbolic link in the trash that leads back into the store is nothing that a
// run has put there: what is behind it is neither listed nor removed.
func TestSymbolicLinksInTheTrashAreNotFollowed(t *testing.T) {
	for _, empty := range []bool{false, true} {
		s := layouttest.New(t, "age 30d\nimage a:keep as=keep\norphan as=o")
		p := pipeline{dir: s.Dir, jobs: 1, rules: usual(s.Now), trash: true}
		if o := p.run(); o.said() {
			t.Fatal(o.err, o.failures)
		}
		bins, err := filepath.Glob(filepath.Join(s.Dir, ".regsweep/trash/*"))
		if err != nil || len(bins) != 1 {
			t.Fatal(bins, err)
		}
		if err := os.RemoveAll(filepath.Join(bins[0], "blobs")); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"blobs", "repositories"} {
			if err := os.Symlink("../../../"+name, filepath.Join(bins[0], name)); err != nil {
				t.Fatal(err)
			}
		}
		before := pathsOf(s.Dir + "/blobs")
		do := p.restore
		if empty {
			do = p.empty
		}
		o := do()
		if o.err != nil || len(o.back) > 0 || !empty && len(o.conflicts) != 2 || empty && len(o.failures) != 1 {
			t.Errorf("empty %v: it says %v, %v, %v, %v", empty, o.err, o.failures, o.conflicts, o.back)
		}
		if gone := diff(before, pathsOf(s.Dir+"/blobs")); gone != "" {
			t.Errorf("empty %v: %s", empty, gone)
		}
		if lacks := s.Missing("a:keep"); len(lacks) > 0 {
			t.Errorf("empty %v: the image lacks %v", empty, lacks)
		}
	}
}
