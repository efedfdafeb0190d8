//go:build unix

package sweep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// byPlan writes a plan of what byName does, and carries it out.
func byPlan(s *layouttest.Store) pipeline {
	p := planned{command: "rm", targets: []mark.Target{{Repository: "a", Tag: "v1"}, {Repository: "a", Tag: "all"}}, grace: time.Hour}
	text, err := p.write(s)
	if err != nil {
		panic(err)
	}
	run, _, err := applying(s, text)
	if err != nil {
		panic(err)
	}
	return run
}

// TestKilledApply kills a run that carries a plan out at each of its calls: the
// same plan then finishes the work; another one gives back what it does not
// list, and no image that stays lacks anything.
func TestKilledApply(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		plan  planned
		other planned
	}{
		"of rm": {
			text:  "age 30d\n" + awaySample + "\norphan as=o age=30d\n",
			plan:  planned{command: "rm", targets: []mark.Target{{Repository: "a", Tag: "v1"}, {Repository: "a", Tag: "all"}}, grace: time.Hour},
			other: planned{command: "gc", grace: time.Hour},
		},
		"of gc -m": {
			text:  raceSample,
			plan:  planned{command: "gc -m", grace: time.Hour},
			other: planned{command: "untag", targets: []mark.Target{{Repository: "a", Tag: "v2"}}, grace: time.Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tp := newTemplate(t, c.text)
			text, other := mustWrite(t, c.plan, tp.store), mustWrite(t, c.other, tp.store)
			dir := scratch(t)
			apply := func(s *layouttest.Store, text string, fault func(disk.Op, string) error) *outcome {
				run, _, err := applying(s, text)
				if err != nil {
					t.Fatal(err)
				}
				run.jobs, run.fault = 1, fault
				return run.run()
			}
			whole, all := tp.copy(filepath.Join(dir, "whole")), &step{}
			if o := apply(whole, text, all.fault); o.said() {
				t.Fatal(o.err, o.failures)
			}
			b := &bench{template: tp}
			b.steps(t, all.seen/2, func(s *layouttest.Store, n int) (int, error) {
				h := crash(2 * n)
				apply(s, text, h.fault)
				if h.changes < 2 {
					return h.changes, nil
				}
				killed := readTemplate(t, s)
				for i, next := range []string{text, other} {
					s := killed.copy(filepath.Join(dir, fmt.Sprint("killed", n, ".", i)))
					if o := apply(s, next, nil); o.said() {
						t.Errorf("after call %d: %v %v", n, o.err, o.failures)
					}
					for ref, lacks := range missing(s) {
						if len(lacks) > 0 {
							t.Errorf("after call %d: %s lacks %v", n, ref, lacks)
						}
					}
					left := pathsOf(s.Dir)
					// A directory that the killed run has emptied is fresh, and gc's.
					if got := diff(files(pathsOf(whole.Dir)), files(left)); next == text && got != "" {
						t.Errorf("after call %d the same plan does not finish:%s", n, got)
					}
					if slices.ContainsFunc(left, func(path string) bool { return strings.Contains(path, ".regsweep") }) {
						t.Errorf("after call %d names are left by plan %d: %v", n, i, left)
					}
					_ = os.RemoveAll(s.Root) // only to save memory
				}
				return h.changes, nil
			})
		})
	}
}

func mustWrite(t *testing.T, p planned, s *layouttest.Store) string {
	t.Helper()
	text, err := p.write(s)
	if err != nil || text == "" {
		t.Fatal(text, err)
	}
	return text
}

// files are the paths that are no directories.
func files(tree []string) []string {
	return slices.DeleteFunc(slices.Clone(tree), func(path string) bool { return strings.HasSuffix(path, "/") })
}
