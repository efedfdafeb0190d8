package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// stopped leaves the mark of a run that was stopped.
func stopped(t *testing.T, s *layouttest.Store) {
	t.Helper()
	if err := markUnfinished(s.Dir); err != nil {
		t.Fatal(err)
	}
}

func markUnfinished(dir string) error {
	return os.WriteFile(filepath.Join(dir, layout.Unfinished), nil, 0o644)
}

// stoppedLongAgo leaves the mark of versions that gave the store's directory a time.
func stoppedLongAgo(t *testing.T, s *layouttest.Store) {
	t.Helper()
	at := time.Date(2001, 9, 9, 1, 46, 40, 0, time.UTC)
	if err := os.Chtimes(s.Dir, at, at); err != nil {
		t.Fatal(err)
	}
}

// marksOfStopped are the marks that there may be of a run that was stopped.
var marksOfStopped = map[string]func(*testing.T, *layouttest.Store){"marked": stopped, "marked by an older version": stoppedLongAgo, "the mark is lost": nil}

// aside renames a file as a run does before its second look.
func aside(path string) string { return "move " + path + " " + path + ".regsweep\n" }

func blobPath(name string) string { return "blobs/sha256/{xx:" + name + "}/{" + name + "}/data" }

func layerPath(repository, name string) string {
	return "repositories/" + repository + "/_layers/sha256/{" + name + "}/link"
}

func revisionPath(repository, name string) string {
	return "repositories/" + repository + "/_manifests/revisions/sha256/{" + name + "}/link"
}

func TestSweptBlobThatAStoppedRunSetAside(t *testing.T) {
	for name, more := range marksOfStopped {
		t.Run(name, func(t *testing.T) {
			swept{
				text: "image a/b:v1 as=x\norphan as=o size=5k\n" + aside(blobPath("o")), more: more,
				items: []string{"blob o"}, gone: blobs("o"),
			}.check(t)
		})
	}
}

// Whatever a live image needs gets its name back.
func TestSweptLiveBlobsThatAStoppedRunSetAside(t *testing.T) {
	t.Parallel()
	for name, more := range marksOfStopped {
		for _, part := range []string{"one", "x.config", "x"} {
			t.Run(part+" "+name, func(t *testing.T) {
				s := swept{
					text: "image a/b:v1 layers=one,two as=x\norphan as=o\n" + aside(blobPath(part)), more: more,
					items: []string{"blob o"}, gone: append(blobs("o"), blobPath(part)+".regsweep"), back: []string{blobPath(part)},
				}.check(t)
				if missing := s.Missing("a/b:v1"); missing != nil {
					t.Errorf("a/b:v1 lacks %v", missing)
				}
			})
		}
	}
}

func TestSweptAllBlobsOfAnImageThatAStoppedRunSetAside(t *testing.T) {
	s := newStore(t, "image a/b:v1 layers=one,two as=x\n"+aside(blobPath("one"))+aside(blobPath("two"))+aside(blobPath("x.config"))+aside(blobPath("x")))
	stopped(t, s)
	mustGC(t, s, 0, "-m")
	if missing := s.Missing("a/b:v1"); missing != nil {
		t.Errorf("a/b:v1 lacks %v", missing)
	}
}

// Never over a new data: then the old one goes.
func TestSweptBlobSetAsideBesideNewData(t *testing.T) {
	for _, live := range []bool{true, false} {
		text, c := "image a/b:v1 as=x\n", swept{more: stopped, messy: true}
		if live {
			text += "image c:v1 layers=o as=y\n"
			c.gone = []string{blobPath("o") + ".regsweep"}
		} else {
			text += "orphan as=o\n"
			c.items, c.gone = []string{"blob o"}, blobs("o")
		}
		c.text = text + "raw " + blobPath("o") + ".regsweep as it was before\n"
		t.Run(map[bool]string{true: "live", false: "dead"}[live], func(t *testing.T) {
			s := newStore(t, c.text)
			stopped(t, s)
			data, _ := os.ReadFile(s.Path("o"))
			mustGC(t, s, 0)
			if got, _ := os.ReadFile(s.Path("o")); live && string(got) != string(data) {
				t.Errorf("data was overwritten by %q", got)
			}
			if s.HasPath(blobPath("o") + ".regsweep") {
				t.Error("data.regsweep is left")
			}
			if s.Has("o") != live {
				t.Errorf("the blob is there: %v", s.Has("o"))
			}
		})
	}
}

// Manifest links, of a gc -m that was stopped: of an image that nothing tags
// they go, and with them what only they keep.
func TestSweptManifestLinkThatAStoppedRunSetAside(t *testing.T) {
	swept{
		text: "image a/b:v1 as=k\nimage a/b layers=one as=x\n" + aside(revisionPath("a/b", "x")) + aside(layerPath("a/b", "one")) + aside(blobPath("one")),
		args: []string{"-m"}, more: stopped,
		items: []string{"manifest a/b x", "layerLink a/b one", "layerLink a/b x.config", "blob x", "blob one", "blob x.config"},
		gone:  append(append(blobs("x", "one", "x.config"), layers("a/b", "one", "x.config")...), revisions+"{x}/"),
	}.check(t)
}

// Without -m the image is either given back as a whole or goes as a whole.
func TestSweptManifestLinkSetAsideAndPlainGC(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=k\nimage a/b layers=one as=x\n"+aside(revisionPath("a/b", "x"))+aside(layerPath("a/b", "one"))+aside(blobPath("one")))
	stopped(t, s)
	mustGC(t, s, 0)
	if s.HasPath(revisionPath("a/b", "x")) {
		if missing := s.Missing("a/b@" + s.Digest("x").String()); missing != nil {
			t.Errorf("the manifest is back without %v", missing)
		}
	} else if s.Has("x") || s.Has("one") || s.Has("x.config") {
		t.Error("the manifest is gone and its blobs are not")
	}
	for _, p := range s.Tree(t) {
		if len(p) > 9 && p[len(p)-9:] == ".regsweep" {
			t.Errorf("left: %s", p)
		}
	}
	same(t, "items of a second run", []string{}, itemLines(s, mustGC(t, s, 0)))
}

// A tag came, by a push beside the stopped run: the links get their names back.
func TestSweptLinksOfALiveImageThatAStoppedRunSetAside(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]string{
		"manifest link":  aside(revisionPath("a/b", "x")),
		"layer link":     aside(layerPath("a/b", "one")),
		"config link":    aside(layerPath("a/b", "x.config")),
		"all links":      aside(revisionPath("a/b", "x")) + aside(layerPath("a/b", "one")) + aside(layerPath("a/b", "x.config")),
		"links and data": aside(revisionPath("a/b", "x")) + aside(layerPath("a/b", "one")) + aside(blobPath("one")) + aside(blobPath("x")),
	} {
		for _, flags := range [][]string{{}, {"-m"}} {
			t.Run(name, func(t *testing.T) {
				s := newStore(t, "image a/b:v1 layers=one as=x\nimage a/b:v2 as=y\norphan as=o\n"+set)
				stopped(t, s)
				before := s.Snapshot(t)
				mustGC(t, s, 0, append(flags, "--dry-run")...)
				same(t, "the store after a dry run", before, s.Snapshot(t))
				r := mustGC(t, s, 0, flags...)
				if missing := s.Missing("a/b:v1"); missing != nil {
					t.Errorf("a/b:v1 lacks %v", missing)
				}
				same(t, "what is removed", []string{"blob o 1024"}, itemLines(s, r))
			})
		}
	}
}

// An index whose child's link was set aside, and is live again by the index.
func TestSweptLinkOfAChildThatAStoppedRunSetAside(t *testing.T) {
	s := newStore(t, "image a/b layers=one as=x\nindex a/b:all of=x as=i\n"+aside(revisionPath("a/b", "x"))+aside(layerPath("a/b", "one"))+aside(blobPath("one")))
	stopped(t, s)
	mustGC(t, s, 0, "-m")
	if missing := s.Missing("a/b:all"); missing != nil {
		t.Errorf("a/b:all lacks %v", missing)
	}
}

// A layer link set aside of no image goes.
func TestSweptLayerLinkThatAStoppedRunSetAside(t *testing.T) {
	swept{
		text: "image a/b:v1 as=x\nlayer a/b o\n" + aside(layerPath("a/b", "o")) + aside(blobPath("o")), more: stopped,
		items: []string{"layerLink a/b o", "blob o"}, gone: append(blobs("o"), layers("a/b", "o")...),
	}.check(t)
}

// A tag that was on its way out goes, and what it had kept with it.
func TestSweptTagThatAStoppedRunTookOut(t *testing.T) {
	s := newStore(t, `
		image a/b:v1 as=k
		image a/b:gone as=x
		remove repositories/a/b/_manifests/revisions/sha256/{x}
		move repositories/a/b/_manifests/tags/gone repositories/a/b/_manifests/.regsweep-gone
	`)
	stopped(t, s)
	mustGC(t, s, 0)
	if s.HasPath("repositories/a/b/_manifests/.regsweep-gone") || s.HasPath("repositories/a/b/_manifests/tags/gone") {
		t.Errorf("left: %v", s.Tree(t))
	}
	if s.Has("x") || s.Missing("a/b:v1") != nil {
		t.Error("its manifest is left, or a/b:v1 is not")
	}
	same(t, "items of a second run", []string{}, itemLines(s, mustGC(t, s, 0)))
}

// The tag was pushed anew after the run had taken it: the new one stays.
func TestSweptTagTakenOutAndPushedAnew(t *testing.T) {
	s := newStore(t, `
		image a/b:v1 as=old age=40d
		move repositories/a/b/_manifests/tags/v1 repositories/a/b/_manifests/.regsweep-v1
		image a/b:v1 as=new
	`)
	stopped(t, s)
	mustGC(t, s, 0, "-m")
	if missing := s.Missing("a/b:v1"); missing != nil || !s.Has("new") || s.HasPath("repositories/a/b/_manifests/.regsweep-v1") {
		t.Errorf("a/b:v1 lacks %v; %v", missing, s.Tree(t))
	}
}

// A run that ends well takes the mark away, or every later run would look for leftovers.
func TestSweptStoppedRunIsFinishedOnce(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o\n"+aside(blobPath("o")))
	stopped(t, s)
	mustGC(t, s, 0)
	info, err := os.Stat(s.Dir)
	if err != nil || info.ModTime().Year() == 2001 {
		t.Errorf("the store's directory has the time %v, %v", info.ModTime(), err)
	}
}

// A power cut may leave a link set aside whose blob is gone: on another
// filesystem, the later of the two removals had been written. That is no damage.
func TestSweptLinksSetAsideWhoseBlobsAreGone(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\nage 30d\nimage a/b layers=l as=y\nlayer a/b m\n"+
		aside(revisionPath("a/b", "y"))+aside(layerPath("a/b", "l"))+aside(layerPath("a/b", "y.config"))+aside(layerPath("a/b", "m"))+
		"remove "+blobPath("y")+"\nremove "+blobPath("y.config")+"\nremove "+blobPath("l")+"\nremove "+blobPath("m")+"\n")
	stopped(t, s)
	r := mustGC(t, s, 0)
	if r.report.Removed.Manifests != 1 || r.report.Removed.LayerLinks != 3 {
		t.Errorf("removed %+v", r.report.Removed)
	}
}

// A tag that a stopped run has taken is not suggested in its own place.
func TestRmOfATagThatAStoppedRunHasTaken(t *testing.T) {
	s := newStore(t, `
		image a:v1 as=x
		move repositories/a/_manifests/tags/v1 repositories/a/_manifests/.regsweep-v1`)
	stopped(t, s)
	if r := run(t, s, "rm", "a:v1", "-y"); r.status != statusFailed || strings.Contains(r.stderr, "did you mean") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
}
