//go:build unix

package sweep_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// TestModelSharedFound is what TestModelShared found once, small: names that
// stay and lead to what was to go, so that the store could not be read without
// it. Each run ends well, and so does the next one.
func TestModelSharedFound(t *testing.T) {
	const tags = "/_manifests/tags/sha256-{i}"
	for name, text := range map[string]string{
		"a tag that cannot be removed, whose current link is elsewhere": `
			move repositories/a` + tags + `/current repositories/z` + tags + `/current
			symlink repositories/a` + tags + `/current ../../../../z` + tags + `/current`,
		"half a tag, whose history is elsewhere": `
			move repositories/a` + tags + `/index/sha256/{m}/link repositories/z` + tags + `/index/sha256/{m}/link
			symlink repositories/b` + tags + `/index/sha256/{m}/link ../../../../../../../z` + tags + `/index/sha256/{m}/link
			remove repositories/a` + tags,
		"a tag of a repository behind a symbolic link, whose current link is elsewhere": `
			move repositories/a` + tags + `/current repositories/z` + tags + `/current
			symlink repositories/a` + tags + `/current ../../../../z` + tags + `/current
			move repositories/a/_layers repositories/y/_layers
			symlink repositories/a/_layers ../y/_layers`,
	} {
		t.Run(name, func(t *testing.T) {
			s := layouttest.New(t, "age 30d\nimage a as=c\nindex a as=i of=c\nimage a as=m\ntag a:sha256-{i} m\nimage k:v1\n")
			applyNamed(t, s, text)
			before := pullableIn(s)
			p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 2}
			p.rules.DeleteUntagged = true
			for range 2 {
				if o := p.run(); o.said() {
					t.Fatal(o.err, o.failures, o.findings.Problems())
				}
			}
			if after := pullableIn(s); slices.Contains(before, "k:v1") && !slices.Contains(after, "k:v1") {
				t.Error("an image that stays is lost")
			}
		})
	}
}

// TestTrashTakesALinkThatIsASymbolicLink moves a layer link to the trash that is
// a symbolic link to an equal one elsewhere, and has it back or away for good.
func TestTrashTakesALinkThatIsASymbolicLink(t *testing.T) {
	const link = "repositories/a/_layers/sha256/{l}/link"
	for _, way := range []string{"restore", "empty"} {
		t.Run(way, func(t *testing.T) {
			s := layouttest.New(t, "age 30d\nimage k:v1 layers=l\nimage a:v1\nlayer a l\nremove "+link)
			applyNamed(t, s, "symlink "+link+" ../../../../k/_layers/sha256/{l}/link")
			old := &sharer{dir: s.Dir, at: s.Now.Add(-30 * 24 * time.Hour)}
			old.old("/repositories/a/_layers/sha256/" + s.Digest("l").Hex() + "/link")
			before := s.Snapshot(t)
			p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 2, trash: true}
			if o := p.run(); o.said() || o.report().Removed.LayerLinks != 1 {
				t.Fatal(o.err, o.failures, o.report().Removed)
			}
			back := p.empty
			if way == "restore" {
				back = p.restore
			}
			if o := back(); o.said() {
				t.Fatal(o.err, o.failures)
			}
			after := s.Snapshot(t)
			for path, text := range before {
				if _, there := after[path]; !there && (way == "restore" || !strings.Contains(path, "a/_layers/")) {
					t.Errorf("%s (%s) is lost", path, text)
				}
			}
			for path := range after {
				if strings.HasPrefix(path, ".regsweep/trash") {
					t.Errorf("%s is left", path)
				}
			}
			if lacks := s.Missing("k:v1"); len(lacks) > 0 {
				t.Error(lacks)
			}
		})
	}
}

// applyNamed has digests in place of their names, in the targets of symbolic links too.
func applyNamed(t *testing.T, s *layouttest.Store, text string) {
	t.Helper()
	for _, name := range s.Names() {
		if d := s.Digest(name); !d.IsZero() {
			text = strings.ReplaceAll(text, "{"+name+"}", d.Hex())
		}
	}
	s.MustApply(t, text)
}
