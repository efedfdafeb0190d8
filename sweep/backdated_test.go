//go:build unix

package sweep_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// backdated is a link that is copied back from a backup while a run is under
// way: it holds the same digest, and is older than the one that was looked at.
type backdated struct {
	name  string
	names removalOf
	link  func(*layouttest.Store) layout.Object
	stays func(*layouttest.Store) string // what then is not removed
}

func (b *backdated) restore(t *testing.T, s *layouttest.Store) {
	path := filepath.Join(s.Dir, b.link(s).Path())
	old := s.Now.Add(-60 * 24 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Error(err)
	}
}

func theTag(*layouttest.Store) layout.Object {
	return layout.Object{Kind: layout.TagCurrent, Repository: "a", Tag: "v1"}
}

func linkOf(name string) func(s *layouttest.Store) layout.Object {
	return func(s *layouttest.Store) layout.Object {
		return layout.Object{Kind: layout.RevisionLink, Repository: "a", Digest: s.Digest(name)}
	}
}

func theImage(name string) func(s *layouttest.Store) string {
	return func(s *layouttest.Store) string { return "a@" + s.Digest(name).String() }
}

// childByForce takes a child out of an index that stays.
func childByForce(s *layouttest.Store) pipeline {
	return awayRun(s, []mark.Target{{Repository: "a", Digest: s.Digest("child")}}, true, false)
}

// TestLinkThatBecomesOlderInTheRunIsChanged holds for links that are written
// between the looks, and after the last one before its name is taken.
func TestLinkThatBecomesOlderInTheRunIsChanged(t *testing.T) {
	t.Parallel()
	tp := newTemplate(t, "age 30d\n"+awaySample)
	for _, c := range []backdated{
		{"a tag of rm", byName, theTag, func(*layouttest.Store) string { return "a:v1" }},
		{"a tag of prune", byJudge, theTag, func(*layouttest.Store) string { return "a:v1" }},
		{"a tag of apply", byPlan, theTag, func(*layouttest.Store) string { return "a:v1" }},
		{"a manifest of rm", byName, linkOf("x"), theImage("x")},
		{"a manifest of prune", byJudge, linkOf("x"), theImage("x")},
		{"a manifest of apply", byPlan, linkOf("x"), theImage("x")},
		{"an index that loses a child", childByForce, linkOf("i"), theImage("child")},
	} {
		for _, late := range []bool{false, true} {
			if late && c.link(tp.store).Path() == linkOf("i")(tp.store).Path() {
				continue // it is not renamed: only looks tell
			}
			c.compare(t, tp, late)
		}
	}
}

func (b *backdated) compare(t *testing.T, tp *template, late bool) {
	t.Run(map[bool]string{false: "between looks: ", true: "after the looks: "}[late]+b.name, func(t *testing.T) {
		s := tp.copy(filepath.Join(scratch(t), "store"))
		p := b.names(s)
		p.dry, p.jobs = false, 1
		on, done := false, false
		p.planned = func() {
			if on = true; !late {
				b.restore(t, s)
				done = true
			}
		}
		p.fault = func(op disk.Op, _ string) error {
			if on && !done && op == disk.OpWrite { // the run leaves its mark, after both looks
				done = true
				b.restore(t, s)
			}
			return nil
		}
		if o := p.run(); o.said() || !done {
			t.Fatal(o.err, o.failures, done)
		}
		ref := b.stays(s)
		if lacks := s.Missing(ref); len(lacks) > 0 {
			t.Errorf("%s lacks %v", ref, lacks)
		}
	})
}

// TestPlanOfALinkThatIsOlderByNowIsCarriedOut says that a store may have been
// copied since a plan was made, to where times are kept less exactly.
func TestPlanOfALinkThatIsOlderByNowIsCarriedOut(t *testing.T) {
	t.Parallel()
	tp := newTemplate(t, "age 30d\n"+awaySample)
	s := tp.copy(filepath.Join(scratch(t), "store"))
	p := byPlan(s)
	p.dry = false
	for _, link := range []layout.Object{theTag(s), linkOf("x")(s)} {
		b := backdated{link: func(*layouttest.Store) layout.Object { return link }}
		b.restore(t, s)
	}
	if o := p.run(); o.said() || o.report().Removed.Manifests != 4 {
		t.Error(o.err, o.failures, o.report().Removed)
	}
}
