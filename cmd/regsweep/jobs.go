package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

const (
	// armJobs is how many reads a disk with an arm gets at a time: it puts them in the
	// order of its places, and gains little by more.
	armJobs = 8
	// mostJobs is how many operations a network filesystem gets at a time at most.
	mostJobs = 256
)

// width is how many file operations a run has under way at a time. It is chosen once,
// by what the store is on.
type width struct {
	begin int // at the beginning
	idle  int // as soon as the processors idle, and so the disk is waited for
	most  int // then, as long as twice as many do more in the same time
	// inOrder says that what is listed is read in the order of inodes.
	inOrder bool
}

// chooseWidth chooses by what a store is on, unless a number was asked for. With all
// files in memory, more threads than processors would only take turns, which costs a
// twentieth. A disk serves a queue several times as fast as one read after another; one
// with an arm serves a short one best. What the kernel says of disks is not always
// true, so that one that is said to rotate gets more where more gain. On a network
// each operation is a round trip, and the server decides how many are worth it.
func chooseWidth(asked int, on disk.Medium, processors int) width {
	switch {
	case asked > 0 && on == disk.Network:
		return width{begin: asked, idle: asked, most: asked}
	case asked > 0:
		return width{begin: min(asked, processors), idle: asked, most: asked}
	case on == disk.Network:
		return width{begin: walker.DefaultJobs, idle: walker.DefaultJobs, most: mostJobs}
	case on == disk.Rotating:
		return width{begin: min(walker.DefaultJobs, processors), idle: armJobs, most: walker.DefaultJobs, inOrder: true}
	}
	return width{begin: min(walker.DefaultJobs, processors), idle: walker.DefaultJobs, most: walker.DefaultJobs}
}

// atMost is the width where no more than so many are possible.
func (w width) atMost(n int) width {
	w.begin, w.idle, w.most = min(w.begin, n), min(w.idle, n), min(w.most, n)
	return w
}

// jobsFlag is the value of --jobs: a number, or 0 for one that is chosen.
type jobsFlag struct{ n *int }

// maxAsked is the greatest number that can be asked for.
const maxAsked = 4096

var errNoJobs = fmt.Errorf("neither a number between 1 and %d nor auto", maxAsked)

// autoJobs is what the flag is called by which a number is chosen.
const autoJobs = "auto"

// Set reads a number or auto.
func (f jobsFlag) Set(text string) error {
	if text == autoJobs {
		*f.n = 0
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxAsked {
		return errNoJobs
	}
	*f.n = n
	return nil
}

// String is the flag's value as it was given.
func (f jobsFlag) String() string {
	if f.n == nil || *f.n == 0 {
		return autoJobs
	}
	return strconv.Itoa(*f.n)
}

// Type is the kind of value in help.
func (f jobsFlag) Type() string { return "jobs" }

// processorsLook is how often it is asked whether the processors idle: several
// times what the kernel may take to account for a thread that runs.
const processorsLook = 10 * time.Millisecond

// useProcessors gives the program the threads of the width: Go lets no more threads
// run than there are processors, unless it is told to. It goes on until ctx is done.
func (p *program) useProcessors(ctx context.Context, store *disk.Dir, w width) {
	if !p.alone {
		return
	}
	processors := runtime.GOMAXPROCS(0)
	if w.begin == w.idle {
		if w.idle > processors {
			runtime.GOMAXPROCS(w.idle)
		}
		go widen(ctx, store, w)
		return
	}
	go func() {
		if waitIdle(ctx, processors) {
			runtime.GOMAXPROCS(w.idle)
			widen(ctx, store, w)
		}
	}()
}

// waitIdle waits until the processors idle, and reports whether they do.
func waitIdle(ctx context.Context, processors int) bool {
	tick := time.NewTicker(processorsLook)
	defer tick.Stop()
	for idle := 0; ; {
		used, since := processorTime(), time.Now()
		var queued time.Duration
		if idle > 0 {
			queued = queueTime()
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		busy := processorTime() - used
		if idle > 0 { // perhaps since another program has the processors
			busy += queueTime() - queued
		}
		if busy >= time.Since(since)*time.Duration(processors)/2 {
			idle = 0
		} else if idle++; idle == 2 {
			return true
		}
	}
}

// widen uses more threads for who waits for a disk or a network, as long as these
// gain something.
func widen(ctx context.Context, store *disk.Dir, w width) {
	if w.most <= w.idle {
		return
	}
	store.CountCalls()
	g := growth{least: w.idle, most: w.most, now: runtime.GOMAXPROCS(0)}
	tick := time.NewTicker(growthLook)
	defer tick.Stop()
	for calls, since := store.Calls(), time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, now := store.Calls(), time.Now()
		rate := float64(n-calls) / now.Sub(since).Seconds()
		calls, since = n, now
		if to := g.next(rate); to != runtime.GOMAXPROCS(0) {
			runtime.GOMAXPROCS(to)
		}
	}
}

const (
	// growthLook is how long a number of operations is tried: a hundred of them one
	// after another on a slow network.
	growthLook = 100 * time.Millisecond
	// growthGain is how much more has to be done in the same time by twice as many.
	growthGain = 1.25
	// growthRest is after how many looks it is tried again: a run does first one thing
	// and then another.
	growthRest = 20
)

// growth finds how many operations at a time are worth it. It tries twice as many, and
// then as many as before once more: what a run does meanwhile may take more or less
// time. Where more gained too little it tries half as many later, if it had grown.
type growth struct {
	least, most, now int
	rates            []float64 // of the trial: of as many as now, then of the others
	down             bool      // the next trial, or the present one, is of half as many
	rest             int       // so many looks before the next trial
}

// next returns how many operations are to be under way from now on. The rate is how
// many have been done a second since the last call.
func (g *growth) next(rate float64) int {
	other := 2 * g.now
	if g.down {
		other = g.now / 2
	}
	switch {
	case rate < float64(min(g.now, other)): // hardly anything is asked for
		g.rates = nil
	case g.rest > 0:
		g.rest--
	case other < g.least || other > g.most:
		g.down, g.rest = !g.down, growthRest
	case len(g.rates) == 0:
		g.rates = []float64{rate}
		return other
	case !g.isBetter(g.rates[len(g.rates)-1], rate):
		g.rates, g.rest, g.down = nil, growthRest, !g.down
	case len(g.rates) == 1:
		g.rates = append(g.rates, rate)
	default:
		g.rates, g.now = nil, other
	}
	return g.now
}

// isBetter judges the rates of two looks, of which the first was of as many operations
// as now, or of the others if these were tried before.
func (g *growth) isBetter(first, second float64) bool {
	if len(g.rates) == 2 {
		first, second = second, first
	}
	if g.down {
		return first < second*growthGain // half as many do nearly as much
	}
	return second >= first*growthGain
}
