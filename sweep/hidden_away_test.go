//go:build unix

package sweep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// sha512Sample has garbage whose layer was pushed by sha512, so that it has a link
// by each of its digests.
const sha512Sample = raceSample + "image a layers=1 alias=1 as=long\n"

// byRules is what gc -m does.
func byRules(s *layouttest.Store) pipeline {
	return pipeline{dir: s.Dir, rules: usual(s.Now), dry: true}
}

func sha512Operations(tp *template, t *testing.T) []operation {
	long := tp.content(t, "long")
	var alias layout.Digest
	for _, name := range tp.store.Names() {
		if d := tp.store.Alias(name); !d.IsZero() {
			alias = d
		}
	}
	if alias.IsZero() {
		t.Fatal("no layer has a digest by sha512")
	}
	fresh := newImage(tp.store.Digest("older.config"), alias)
	push := func(name, tag string, m manifest) operation {
		ref := "a@" + m.digest().String()
		if tag != "" {
			ref = "a:" + tag
		}
		return operation{name: name, refs: []string{ref}, do: func(r *registry) []action { return r.put("a", tag, m) }}
	}
	return []operation{
		push("push the image again", "", long),
		push("push the image to a tag", "new", long),
		push("push an image that shares its layer", "new", fresh),
	}
}

// TestAcceptedPushIsHiddenForABatchAtMostByAnyCommand is
// TestAcceptedPushIsHiddenForABatchAtMost for what takes roots away, and for
// layers that were pushed by sha512.
func TestAcceptedPushIsHiddenForABatchAtMostByAnyCommand(t *testing.T) {
	t.Parallel()
	away := func(tp *template, t *testing.T) []operation { return tp.awayOperations(t) }
	for _, c := range []struct {
		name, text string
		names      removalOf
		operations func(*template, *testing.T) []operation
	}{
		{"rm", "age 30d\n" + awaySample, byName, away},
		{"prune", "age 30d\n" + awaySample, byJudge, away},
		{"apply", "age 30d\n" + awaySample, byPlan, away},
		{"gc -m of sha512", sha512Sample, byRules, sha512Operations},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp := newTemplate(t, c.text)
			dir := scratch(t)
			plain := &hiding{operation: operation{refs: []string{"a:none"}}}
			plain.in(t, tp, c.names, filepath.Join(dir, "plain"))
			stride := 8 * hidingStride
			if *allRaces {
				stride = 1
			}
			var all []*hiding
			for i, o := range c.operations(tp, t) {
				for n := i % stride; len(o.refs) > 0 && n < plain.n; n += stride {
					all = append(all, &hiding{operation: o, dialect: []int{28, 31}[(i+n/stride)%2], at: n + 1})
				}
			}
			each(len(all), func(take func() (int, bool)) {
				for i, ok := take(); ok; i, ok = take() {
					all[i].in(t, tp, c.names, filepath.Join(dir, fmt.Sprint(i)))
				}
			})
			accepted, hidden := 0, 0
			for _, h := range all {
				if h.accepted {
					accepted++
				}
				if h.longest > 0 {
					hidden++
				}
			}
			t.Logf("%d calls; %d pushes, %d accepted, %d of them hidden", plain.n, len(all), accepted, hidden)
			if accepted == 0 {
				t.Error("no push is accepted")
			}
		})
	}
}

// in makes one run of a command.
func (h *hiding) in(t *testing.T, tp *template, names removalOf, root string) {
	h.s = tp.copy(root)
	defer os.RemoveAll(root)
	p := names(h.s)
	h.clock = simulated{at: h.s.Now}
	p.dry, p.jobs, p.fault = false, 1, func(op disk.Op, path string) error { return h.fault(op, path) }
	p.pace = h.clock.pace(raceSettle)
	p.pace.Batch = hidingBatch
	p.planned = func() { h.on = true }
	if got := p.run(); got.said() {
		t.Error(got.err, got.failures)
		return
	}
	h.on = false
	h.judge(t)
}
