package sweep_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// A push that is answered while links are being set aside must not be undone
// for a moment either: its image could not be pulled until it came back.
func TestManifestPushedAgainWhileOthersAreSetAsideNeverLosesItsLink(t *testing.T) {
	s := layouttest.New(t, "image a/b layers=1 as=first\nimage a/b layers=1 as=second")
	link := func(name string) string {
		return layout.Object{Kind: layout.RevisionLink, Repository: "a/b", Digest: s.Digest(name)}.Path()
	}
	pushed := ""
	p := pipeline{dir: s.Dir, jobs: 1, rules: mark.Rules{Now: s.Now, Grace: time.Hour, DeleteUntagged: true}}
	p.fault = func(op disk.Op, path string) error {
		if op != disk.OpRename || !strings.Contains(path, "/revisions/") {
			return nil
		}
		switch {
		case pushed == "":
			// Whichever is not the first to go is pushed again, in place as registry 2.8 does.
			pushed = "second"
			if strings.HasPrefix(path, link("second")) {
				pushed = "first"
			}
			file := filepath.Join(s.Dir, link(pushed))
			if err := os.Chtimes(file, s.Now, s.Now); err != nil {
				t.Error(err)
			}
		case strings.HasPrefix(path, link(pushed)):
			t.Errorf("the link of what was pushed again lost its name: %s", path)
		}
		return nil
	}
	if o := p.run(); o.said() {
		t.Fatal(o.err, o.failures)
	}
	if pushed == "" {
		t.Fatal("nothing was set aside")
	}
	if missing := s.Missing("a/b@" + s.Digest(pushed).String()); len(missing) > 0 {
		t.Errorf("of what was pushed again these are gone: %v", missing)
	}
}
