//go:build unix

package sweep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// hiding is a run at one call of which a registry accepts a push. It counts the
// calls during which the push cannot be pulled.
type hiding struct {
	operation
	dialect int
	at      int // the call

	s        *layouttest.Store
	clock    simulated
	on       bool
	n        int // calls so far
	begun    int // the first call in the repository after both looks
	looks    bool
	accepted bool
	since    time.Time // when it was seen hidden first, after it was seen whole
	longest  time.Duration
	from     string // where it is hidden since
	where    string // where it was hidden longest
	until    string
	first    string // where it was hidden first
}

// hidingBatch is how long a batch lasts by the simulated clock, of which a call
// takes a millisecond.
const hidingBatch = 20 * time.Millisecond

// hidingBound is how long a batch lasts with the check after it, the calls for one
// repository being a batch at least. The look at all repositories, which gives
// back in any case, comes a second later.
const hidingBound = 200 * time.Millisecond

// hidingStride leaves out all but each so manieth call, other ones for each
// push, without -allraces.
const hidingStride = 6

func (h *hiding) repository() string {
	name, _, _ := strings.Cut(h.refs[0], ":")
	name, _, _ = strings.Cut(name, "@")
	return name
}

// fault needs no lock: these runs have one worker.
func (h *hiding) fault(op disk.Op, path string) error {
	h.clock.call(op)
	if !h.on {
		return nil
	}
	h.n++
	h.looks = h.looks || op == disk.OpTouch
	if h.looks && h.begun == 0 && strings.HasPrefix(path, layout.Repositories+"/"+h.repository()+"/") {
		h.begun = h.n
	}
	if h.n == h.at {
		h.accepted = doAll(h.do(&registry{Store: h.s, dialect: h.dialect})) == nil
	}
	if h.accepted && !reads(op) {
		h.see(fmt.Sprintf("call %d, %s %s", h.n, op, path))
	}
	return nil
}

// see looks whether all that was pushed can be pulled.
func (h *hiding) see(where string) {
	hidden := false
	for _, ref := range h.refs {
		hidden = hidden || len(h.s.Missing(ref)) > 0
	}
	switch {
	case !hidden:
		h.since = time.Time{}
	case h.since.IsZero():
		h.since, h.from = h.clock.at, where
		if h.first == "" {
			h.first = where
		}
	}
	if d := h.clock.at.Sub(h.since); hidden && d > h.longest {
		h.longest, h.where, h.until = d, h.from, where
	}
}

// TestAcceptedPushIsHiddenForABatchAtMost has a registry accept a push at every
// call of a sweep, and watches it from then on. It must not be hidden at all if
// it came before the sweep turned to its repository, and otherwise not for longer
// than a batch of renamings and the check after it.
func TestAcceptedPushIsHiddenForABatchAtMost(t *testing.T) {
	a := newArena(t)
	dir := scratch(t)
	stride := hidingStride
	if *allRaces {
		stride = 1
	}
	var all []*hiding
	for i, o := range a.operations(t) {
		if len(o.refs) == 0 || strings.HasPrefix(o.name, "retag live") {
			continue
		}
		for n := i % stride; n < len(a.calls); n += stride {
			all = append(all, &hiding{operation: o, dialect: []int{28, 31}[(i+n/stride)%2], at: n + 1})
		}
	}
	each(len(all), func(take func() (int, bool)) {
		for i, ok := take(); ok; i, ok = take() {
			a.hide(t, all[i], filepath.Join(dir, fmt.Sprint(i)))
		}
	})
	worst, accepted, hidden := map[string]*hiding{}, map[string]int{}, map[string]int{}
	for _, h := range all {
		if h.accepted {
			accepted[h.name]++
		}
		if h.longest > 0 {
			hidden[h.name]++
		}
		if w := worst[h.name]; w == nil || h.longest > w.longest {
			worst[h.name] = h
		}
	}
	for name, h := range worst {
		t.Logf("%s: %d accepted, %d of them hidden, %v at most: registry %d, accepted at call %d, hidden from %s to %s", name, accepted[name], hidden[name], h.longest, h.dialect, h.at, h.where, h.until)
	}
}

// hide makes one run.
func (a *arena) hide(t *testing.T, h *hiding, root string) {
	h.s = a.copy(root)
	defer os.RemoveAll(root)
	h.clock = simulated{at: h.s.Now}
	p := a.pipeline(h.s, h.fault)
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

// judge holds a run against the bound.
func (h *hiding) judge(t *testing.T) {
	if !h.accepted {
		return
	}
	if h.longest > hidingBound {
		t.Errorf("%s, registry %d, accepted at call %d: hidden for %v, from %s to %s", h.name, h.dialect, h.at, h.longest, h.where, h.until)
	}
	if h.see("the end"); !h.since.IsZero() {
		t.Errorf("%s, registry %d, accepted at call %d: it lacks something at the end", h.name, h.dialect, h.at)
	}
	if h.first != "" && h.at <= h.begun {
		t.Errorf("%s, registry %d, accepted at call %d, before the sweep turned to its repository at call %d: hidden from %s", h.name, h.dialect, h.at, h.begun, h.first)
	}
}
