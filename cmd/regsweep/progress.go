package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// How often progress is shown: on a live line as often as an eye follows, in a
// log so that it does not fill up.
const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
)

// amounts are how far a phase has come.
type amounts struct {
	text        string
	done, total int64  // for the share and the time that is left; total is 0 where none is known
	count       int64  // for the rate, where no total is known
	unit        string // of count
}

// progress shows how far a run has come, on stderr. A nil *progress shows nothing.
type progress struct {
	voice *voice
	live  bool
	ended chan struct{}
	once  sync.Once
	wait  sync.WaitGroup

	mu    sync.Mutex
	name  string
	look  func() amounts // nil: nothing is to be shown now
	began time.Time
}

// begin starts showing progress as --progress says.
func (p *program) begin(c *common) {
	live := c.progressMode == "auto" && isTerminal(p.voice.w) && !slices.Contains(p.environ, "TERM=dumb")
	every := plainEvery
	if live {
		every = liveEvery
	}
	if c.quiet || c.progressMode == "none" || p.progress != nil {
		return
	}
	ticker := time.NewTicker(every)
	p.progress = newProgress(p.voice, live, ticker.C)
}

func newProgress(v *voice, live bool, ticks <-chan time.Time) *progress {
	g := &progress{voice: v, live: live, ended: make(chan struct{})}
	g.wait.Go(func() {
		for {
			select {
			case <-g.ended:
				return
			case now := <-ticks:
				g.show(now)
			}
		}
	})
	return g
}

// phase says what is going on from now on; look may be called at any time
// until the next phase or rest.
func (g *progress) phase(name string, look func() amounts) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.name, g.look, g.began = name, look, time.Now()
}

// rest clears the live line until the next phase: something else is written now.
func (g *progress) rest() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.look = nil
	g.voice.draw("")
}

// end stops it for good.
func (g *progress) end() {
	if g == nil {
		return
	}
	g.once.Do(func() { close(g.ended) })
	g.wait.Wait()
	g.rest()
}

func (g *progress) show(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.look == nil {
		return
	}
	text := progressText(g.name, g.look(), now.Sub(g.began))
	if g.live {
		g.voice.draw(text)
	} else {
		g.voice.say("%s", text)
	}
}

// progressText is one line about a phase.
func progressText(name string, a amounts, elapsed time.Duration) string {
	text := name + ": " + a.text
	if a.total > 0 {
		text = fmt.Sprintf("%s: %d%%, %s", name, 100*min(a.done, a.total)/a.total, a.text)
	}
	const early = 2 * time.Second // what is said before is a guess
	switch {
	case elapsed < early:
	case a.total > 0 && a.done > 0 && a.done < a.total:
		left := time.Duration(float64(elapsed) * float64(a.total-a.done) / float64(a.done))
		text += fmt.Sprintf(", %s left", max(left.Round(time.Second), time.Second))
	case a.total == 0 && a.count > 0:
		text += fmt.Sprintf(", %s %s/s", humanize.Comma(int64(float64(a.count)/elapsed.Seconds())), a.unit)
	}
	return text
}

// draw replaces the live line, the last one on the terminal; "" removes it.
func (v *voice) draw(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text != "" {
		if width := terminalWidth(v.w); width > 1 {
			text = cutText(text, width-1)
		}
	}
	v.redraw(text)
}

// redraw writes over what there is, so that nothing flickers. It needs no more
// of a terminal than a carriage return.
func (v *voice) redraw(text string) {
	width := columnsOf(text)
	if v.live == 0 && width == 0 {
		return
	}
	line := "\r" + text + strings.Repeat(" ", max(v.live-width, 0))
	if width == 0 {
		line += "\r"
	}
	fmt.Fprint(v.w, line)
	v.live = width
}

// readingBlobs and readingRepositories are the phases of every walk.
func readingBlobs(w *walker.Progress) func() amounts {
	return func() amounts {
		return amounts{
			text: fmt.Sprintf("%s blobs, %s", humanize.Comma(w.Blobs.Load()), size(w.BlobBytes.Load())),
			done: w.Prefixes.Load(), total: w.PrefixesFound.Load(),
		}
	}
}

func readingRepositories(w *walker.Progress) func() amounts {
	return func() amounts {
		links := w.Links.Load()
		return amounts{
			text:  fmt.Sprintf("%s done, %s links and manifests", humanize.Comma(w.Repositories.Load()), humanize.Comma(links)),
			count: links, unit: "links",
		}
	}
}

// removing is the phase of a plan's execution, which reads again twice.
func removing(plan *sweep.Plan, w *walker.Progress) func() amounts {
	p, reading := plan.Progress(), readingRepositories(w)
	return func() amounts {
		items := int64(plan.Size())
		a := amounts{done: p.Steps.Load(), total: p.AllSteps.Load()}
		switch p.Stage() {
		case sweep.LookingAgain, sweep.LookingOnceMore:
			a.text = "reading the repositories again: " + reading().text
			return a
		case sweep.Waiting:
			a.text = "waiting for pushes that are under way"
			return a
		}
		done := int64(0)
		if a.total > 0 {
			done = min(a.done*items/a.total, items)
		}
		a.text = fmt.Sprintf("%s of %s items, %s freed", humanize.Comma(done), humanize.Comma(items), size(p.Bytes.Load()))
		return a
	}
}
