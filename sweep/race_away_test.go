//go:build unix

package sweep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// awaySample has images that are removed by name, and others that share with them.
const awaySample = `
image a:v1,old layers=base,own as=x
cosign a of=x as=sig
image a layers=own2 as=child
index a:all of=child as=i
image a:v2 layers=base as=y
image b:v1 layers=base as=z
`

// removalOf makes a pipeline that takes the images of awaySample away whose tags
// are v1, old and all.
type removalOf func(*layouttest.Store) pipeline

func byName(s *layouttest.Store) pipeline {
	return awayRun(s, []mark.Target{{Repository: "a", Tag: "v1"}, {Repository: "a", Tag: "all"}}, false, false)
}

// byJudge is what a policy does.
func byJudge(s *layouttest.Store) pipeline {
	return pruneRun(s, func(r *mark.Selectable) (func(), error) {
		for i := range r.Tags {
			t := &r.Tags[i]
			t.Remove = r.Repository == "a" && (t.Name == "v1" || t.Name == "old" || t.Name == "all")
		}
		return nil, nil
	})
}

// awayGarbage is what gc would remove from awaySample.
const awayGarbage = `
layer a stray size=2k age=30d
layer b stray2 size=2k age=30d
orphan as=nobodys age=30d
`

// byTarget is what a policy with a target does: garbage goes, too.
func byTarget(s *layouttest.Store) pipeline {
	p := byJudge(s)
	p.rules.Selected.WithGarbage(true)
	return p
}

func (tp *template) awayOperations(t *testing.T) []operation {
	t.Helper()
	s := tp.store
	x, child, y := tp.content(t, "x"), tp.content(t, "child"), tp.content(t, "y")
	fresh := newImage(s.Digest("y.config"), s.Digest("own"), s.Digest("own2"))
	mounted := newImage(s.Digest("z.config"), s.Digest("own"))
	push := func(name, repo, tag string, m manifest, first ...func(r *registry) []action) operation {
		o := operation{name: name, refs: []string{repo + "@" + m.digest().String()}}
		if tag != "" {
			o.refs = append(o.refs, repo+":"+tag)
		}
		o.do = func(r *registry) (all []action) {
			for _, f := range first {
				all = append(all, f(r)...)
			}
			return append(all, r.put(repo, tag, m)...)
		}
		return o
	}
	return []operation{
		push("push an image that shares layers", "a", "new", fresh),
		push("push the image again", "a", "v1", x),
		push("push the image to a new tag", "a", "new", x),
		push("push the child again", "a", "", child),
		push("push an index of what goes", "a", "multi", newIndex(s.Digest("x"), s.Digest("child"))),
		push("push another image to the tag", "a", "v1", y),
		push("mount a layer that goes", "b", "new", mounted, func(r *registry) []action { return r.mount("a", "b", s.Digest("own")) }),
		{name: "delete a tag that stays", gone: []string{"a:v2"}, do: func(r *registry) []action {
			return []action{r.remove(layout.TagDir("a", "v2"))}
		}},
		{name: "delete the image", do: func(r *registry) []action {
			return []action{r.remove(layout.Object{Kind: layout.RevisionLink, Repository: "a", Digest: s.Digest("x")}.Path())}
		}},
	}
}

// TestRaceAway lets a registry do something at calls of a removal by name:
// whatever can be named in the end is whole, and what was accepted is there.
func TestRaceAway(t *testing.T) {
	layouttest.Long(t)
	for _, c := range []struct {
		age, garbage string
		names        removalOf
	}{{"30d", "", byName}, {"10m", "", byName}, {"30d", awayGarbage, byTarget}, {"10m", "", byJudge}, {"10m", "", byPlan}} {
		age := c.age
		t.Run("of images "+age+" old", func(t *testing.T) {
			tp := newTemplate(t, "age "+age+"\n"+awaySample+c.garbage)
			dir := scratch(t)
			run := func(name string, fault func(disk.Op, string) error, planned func(*layouttest.Store)) (*outcome, *layouttest.Store) {
				s := tp.copy(filepath.Join(dir, name))
				p := c.names(s)
				p.dry, p.jobs, p.fault, p.planned = false, 1, fault, func() { planned(s) }
				return p.run(), s
			}
			var calls []call
			on := false
			if o, _ := run("undisturbed", func(op disk.Op, path string) error {
				if on {
					calls = append(calls, call{op, path})
				}
				return nil
			}, func(*layouttest.Store) { on = true }); o.said() || o.report().Removed.Manifests != 4 {
				t.Fatal(o.err, o.failures, o.report().Removed)
			}
			operations := tp.awayOperations(t)
			type moment struct{ operation, call, dialect int }
			var moments []moment
			alike := 0
			for i, o := range operations {
				m := tp.moments(dir, calls, o, []int{28, 31})
				for n := 1 + i%4; n <= len(calls); n += 4 {
					if dialect := []int{28, 31}[n/4%2]; m.isNew(n, dialect) {
						moments = append(moments, moment{i, n, dialect})
					} else {
						alike++
					}
				}
			}
			moments = layouttest.Some(moments)
			accepted := make([]int, len(operations))
			var mu sync.Mutex
			var wg sync.WaitGroup
			busy := make(chan struct{}, shards)
			for _, m := range moments {
				busy <- struct{}{}
				wg.Go(func() {
					defer func() { <-busy }()
					if tp.raceAway(t, operations[m.operation], m.dialect, m.call, fmt.Sprint(m.operation, ".", m.call), run) {
						mu.Lock()
						defer mu.Unlock()
						accepted[m.operation]++
					}
				})
			}
			wg.Wait()
			t.Logf("%d calls, %d moments, and %d like another one; accepted %v", len(calls), len(moments), alike, accepted)
			if slices.Contains(accepted, 0) && layouttest.AllSteps() {
				t.Error("an operation is never accepted")
			}
		})
	}
}

// raceAway does an operation at the n-th call of a run, and judges it.
func (tp *template) raceAway(t *testing.T, o operation, dialect, n int, name string,
	run func(string, func(disk.Op, string) error, func(*layouttest.Store)) (*outcome, *layouttest.Store),
) (accepted bool) {
	calls, on := 0, false
	var refused error
	var at *layouttest.Store
	done, after := run(name, func(disk.Op, string) error {
		if !on {
			return nil
		}
		if calls++; calls == n {
			on = false // what the registry does goes not through the seam
			refused = doAll(o.do(&registry{Store: at, dialect: dialect}))
		}
		return nil
	}, func(s *layouttest.Store) { at, on = s, true })
	if done.said() {
		t.Errorf("%s at call %d, registry %d: %v %v", o.name, n, dialect, done.err, done.failures)
	}
	named := references(after.Dir)
	lacking := after.MissingOf(slices.Concat(named, o.refs))
	for _, ref := range named {
		if lacks := lacking[ref]; len(lacks) > 0 {
			t.Errorf("%s at call %d, registry %d (%v): %s lacks %v", o.name, n, dialect, refused, ref, lacks)
		}
	}
	for _, ref := range o.refs {
		if lacks := lacking[ref]; refused == nil && len(lacks) > 0 {
			t.Errorf("%s at call %d, registry %d was accepted: %s lacks %v", o.name, n, dialect, ref, lacks)
		}
	}
	_ = os.RemoveAll(after.Root) // only to save memory
	return refused == nil
}
