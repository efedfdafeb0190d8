//go:build unix

package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// TestStopAway stops a removal by name at every call: nothing is half there, the
// report names the manifests that lost their tags and stay, and a later run
// finishes the work or leaves images that are whole.
func TestStopAway(t *testing.T) {
	layouttest.Long(t)
	t.Run("by name", func(t *testing.T) { stopAway(t, awaySample, byName) })
	t.Run("by a target", func(t *testing.T) { stopAway(t, awaySample+awayGarbage, byTarget) })
}

func stopAway(t *testing.T, sample string, names removalOf) {
	tp := newTemplate(t, "age 10m\n"+sample)
	dir := scratch(t)
	untagged := 0
	for n := range layouttest.OpenSteps() {
		s := tp.copy(filepath.Join(dir, fmt.Sprint(n)))
		ctx, stop := context.WithCancel(context.Background())
		calls, on := 0, false
		p := names(s)
		p.dry, p.jobs, p.ctx = false, 1, ctx
		p.planned = func() { on = true }
		p.fault = func(disk.Op, string) error {
			if on {
				if calls++; calls == n {
					stop()
				}
			}
			return nil
		}
		o := p.run()
		stop()
		if o.err != nil && !errors.Is(o.err, context.Canceled) || len(o.failures) > 0 {
			t.Fatalf("at call %d: %v %v", n, o.err, o.failures)
		}
		for ref, lacks := range missing(s) {
			if len(lacks) > 0 {
				t.Errorf("stopped at call %d: %s lacks %v", n, ref, lacks)
			}
		}
		tags := slices.ContainsFunc(references(s.Dir), func(r string) bool { return r == "a:v1" || r == "a:old" })
		aside := slices.ContainsFunc(pathsOf(s.Dir), func(path string) bool {
			return strings.Contains(path, "revisions/sha256/"+s.Digest("x").Hex()+"/link")
		})
		left := o.plan.Untagged()
		if want := !tags && aside && o.executed; want != slices.Contains(left, "a@"+s.Digest("x").String()) {
			t.Errorf("stopped at call %d, it names %v; the tags are there: %v, the manifest: %v, executed %v", n, left, tags, aside, o.executed)
		}
		untagged += len(left)
		rules := usual(s.Now)
		rules.DeleteUntagged = false
		later := pipeline{dir: s.Dir, rules: rules, jobs: 1}.run()
		if later.said() {
			t.Errorf("after a stop at call %d, the next run says %v %v", n, later.err, later.failures)
		}
		for ref, lacks := range missing(s) {
			if len(lacks) > 0 {
				t.Errorf("after a stop at call %d and another run: %s lacks %v", n, ref, lacks)
			}
		}
		if slices.ContainsFunc(pathsOf(s.Dir), func(path string) bool { return strings.Contains(path, ".regsweep") }) {
			t.Errorf("after a stop at call %d and another run, names are left: %v", n, pathsOf(s.Dir))
		}
		if calls < n {
			break
		}
	}
	if untagged == 0 && layouttest.AllSteps() {
		t.Error("no stop left a manifest without its tags")
	}
}

// TestStopAwayWithATagThatCannotBeMoved stops a removal into the trash at every
// call after one of the tags could not leave: it keeps its image.
func TestStopAwayWithATagThatCannotBeMoved(t *testing.T) {
	layouttest.Long(t)
	tp := newTemplate(t, "age 10m\n"+awaySample)
	dir := scratch(t)
	for n := range layouttest.OpenSteps() {
		s := tp.copy(filepath.Join(dir, fmt.Sprint(n)))
		ctx, stop := context.WithCancel(context.Background())
		calls, failed := 0, false
		p := byJudge(s)
		p.dry, p.jobs, p.ctx, p.trash = false, 1, ctx, true
		p.fault = func(op disk.Op, path string) error {
			if failed {
				if calls++; calls == n {
					stop()
				}
			}
			if op == disk.OpRename && strings.HasSuffix(path, "/_manifests/.regsweep-v1") && !failed {
				failed = true
				return syscall.EACCES
			}
			return nil
		}
		o := p.run()
		stop()
		if !slices.Contains(references(s.Dir), "a:v1") {
			t.Errorf("stopped at call %d: the tag went: %v %v", n, o.err, o.failures)
		}
		for ref, lacks := range missing(s) {
			if len(lacks) > 0 {
				t.Errorf("stopped at call %d: %s lacks %v", n, ref, lacks)
			}
		}
		if calls < n {
			if len(o.failures) == 0 {
				t.Error("nothing failed")
			}
			break
		}
	}
}
