package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

func TestJobsAreChosenByWhatTheStoreIsOn(t *testing.T) {
	for _, c := range []struct {
		asked      int
		on         disk.Medium
		processors int
		want       width
	}{
		{0, disk.Solid, 2, width{begin: 2, idle: 32, most: 32}},
		{0, disk.Solid, 64, width{begin: 32, idle: 32, most: 32}},
		{0, disk.Rotating, 2, width{begin: 2, idle: 8, most: 32, inOrder: true}},
		{0, disk.Rotating, 16, width{begin: 16, idle: 8, most: 32, inOrder: true}},
		{0, disk.Network, 2, width{begin: 32, idle: 32, most: 256}},
		{0, disk.Network, 64, width{begin: 32, idle: 32, most: 256}},
		{1, disk.Solid, 2, width{begin: 1, idle: 1, most: 1}},
		{32, disk.Solid, 2, width{begin: 2, idle: 32, most: 32}},
		{100, disk.Rotating, 2, width{begin: 2, idle: 100, most: 100}},
		{4, disk.Network, 2, width{begin: 4, idle: 4, most: 4}},
		{128, disk.Network, 2, width{begin: 128, idle: 128, most: 128}},
	} {
		if got := chooseWidth(c.asked, c.on, c.processors); got != c.want {
			t.Errorf("--jobs %d on %s with %d processors: %+v, not %+v", c.asked, c.on, c.processors, got, c.want)
		}
	}
	if got, want := chooseWidth(0, disk.Network, 2).atMost(100), (width{begin: 32, idle: 32, most: 100}); got != want {
		t.Errorf("of 100 possible ones: %+v", got)
	}
}

// A server or a disk does so much for so many at a time.
func TestJobsGrowWhileTheThroughputDoes(t *testing.T) {
	upTo := func(limit float64) func(int) float64 {
		return func(jobs int) float64 { return 1000 * min(float64(jobs), limit) }
	}
	for name, c := range map[string]struct {
		from, most int
		rate       func(jobs int) float64
		want       int
	}{
		"a server without a limit":                 {32, 256, upTo(1e9), 256},
		"a server that does 64 at a time":          {32, 256, upTo(64), 64},
		"a server that does 70 at a time":          {32, 256, upTo(70), 64},
		"a server that does 100 at a time":         {32, 256, upTo(100), 128},
		"a server that does 8 at a time":           {32, 256, upTo(8), 32},
		"a server that many make slow":             {32, 256, func(jobs int) float64 { return 1e6 / float64(jobs) }, 32},
		"a disk with an arm":                       {8, 32, func(jobs int) float64 { return 100 + 10*min(float64(jobs), 12) }, 8},
		"a solid disk that is said to have an arm": {8, 32, upTo(1e9), 32},
		"fewer files can be opened":                {32, 100, upTo(1e9), 64},
		"hardly anything is asked for":             {32, 256, func(int) float64 { return 10 }, 32},
	} {
		g := growth{least: c.from, most: c.most, now: c.from}
		were := []int{c.from}
		for range 10 * growthRest {
			were = append(were, g.next(c.rate(were[len(were)-1])))
		}
		if g.now != c.want {
			t.Errorf("%s: %d at a time, not %d: %v", name, g.now, c.want, were)
		}
		if slices.Max(were) > c.most {
			t.Errorf("%s: more than %d at a time: %v", name, c.most, were)
		}
	}
}

// What a run does meanwhile may be easier or harder, so that it says nothing of more
// jobs; and what gained nothing is tried again.
func TestJobsAreTriedAgain(t *testing.T) {
	g := growth{least: 32, most: 256, now: 32}
	at, easier := 32, 1.0
	look := func(each float64) {
		at = g.next(each * easier)
	}
	for range 3 * growthRest { // each look is of something easier, which more jobs do as fast
		look(32_000)
		easier *= 1.5
	}
	if g.now != 32 {
		t.Fatalf("%d at a time, because something else was done", g.now)
	}
	easier = 1
	for range 3 * growthRest {
		look(1000 * float64(at))
	}
	if g.now != 256 {
		t.Fatalf("%d at a time, though more do more by now", g.now)
	}
	for range 20 * growthRest {
		look(40_000)
	}
	if g.now != 32 {
		t.Errorf("%d at a time, though 32 do as much by now", g.now)
	}
}

// atATime runs gc -d where each call takes a moment, and returns how many calls were
// under way at a time at most.
func atATime(t *testing.T, root string, on disk.Medium, each time.Duration, args ...string) (most int64) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	var now, peak atomic.Int64
	slow := &disk.FS{On: on, Fault: func(disk.Op, string) error {
		n := now.Add(1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		time.Sleep(each)
		now.Add(-1)
		return nil
	}}
	var errs bytes.Buffer
	p := &program{out: &bytes.Buffer{}, voice: &term.Voice{W: &errs}, files: slow, alone: true}
	if status := p.main(append([]string{"gc", "-d", "--root", root}, args...)); status != statusDone {
		t.Fatalf("status %d: %s", status, errs.String())
	}
	return peak.Load()
}

// The processors wait in vain for a slow disk or server: more is asked of it.
func TestASlowStoreIsAskedMoreAtATime(t *testing.T) {
	layouttest.Long(t)
	s := newStore(t, "scale s repositories=8 images=20 layers=1 base=2")
	for _, c := range []struct {
		on          disk.Medium
		args        []string
		each        time.Duration
		least, most int64
	}{
		{disk.Solid, nil, time.Millisecond, 17, 32},
		{disk.Solid, []string{"--jobs", "5"}, time.Millisecond, 3, 5},
		{disk.Network, nil, 8 * time.Millisecond, 33, 256},
		{disk.Network, []string{"--jobs", "32"}, time.Millisecond, 17, 32},
		{disk.Rotating, nil, time.Millisecond, 5, 32},
	} {
		t.Run(fmt.Sprint(c.on, c.args), func(t *testing.T) {
			if got := atATime(t, s.Root, c.on, c.each, append(c.args, "--index", "none")...); got < c.least || got > c.most {
				t.Errorf("%d calls were under way at a time, not %d to %d", got, c.least, c.most)
			}
		})
	}
}

// Whoever waits for idle processors ends with the run.
func TestNobodyWaitsForIdleProcessorsAfterTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if waitIdle(ctx, runtime.GOMAXPROCS(0)) {
		t.Error("the run has ended, and somebody wants more threads")
	}
}
