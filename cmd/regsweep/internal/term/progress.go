package term

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// How often progress is shown: on a live line as often as an eye follows, in a
// log so that it does not fill up.
const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
)

// Amounts are how far a phase has come.
type Amounts struct {
	Text        string
	Done, Total int64  // for the share and the time that is left; total is 0 where none is known
	Count       int64  // for the rate, where no total is known
	Unit        string // of count
}

// Progress shows how far a run has come, on stderr. A nil *Progress shows nothing.
type Progress struct {
	voice *Voice
	live  bool
	ended chan struct{}
	once  sync.Once
	wait  sync.WaitGroup

	mu    sync.Mutex
	name  string
	look  func() Amounts // nil: nothing is to be shown now
	began time.Time
}

// StartProgress shows progress until it ends: on one live line, or line by line.
func StartProgress(v *Voice, live bool) *Progress {
	every := plainEvery
	if live {
		every = liveEvery
	}
	return newProgress(v, live, time.NewTicker(every).C)
}

func newProgress(v *Voice, live bool, ticks <-chan time.Time) *Progress {
	g := &Progress{voice: v, live: live, ended: make(chan struct{})}
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

// Phase says what is going on from now on; look may be called at any time
// until the next phase or rest.
func (g *Progress) Phase(name string, look func() Amounts) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.name, g.look, g.began = name, look, time.Now()
}

// Rest clears the live line until the next phase: something else is written now.
func (g *Progress) Rest() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.look = nil
	g.voice.draw("")
}

// End stops it for good.
func (g *Progress) End() {
	if g == nil {
		return
	}
	g.once.Do(func() { close(g.ended) })
	g.wait.Wait()
	g.Rest()
}

func (g *Progress) show(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.look == nil {
		return
	}
	text := progressText(g.name, g.look(), now.Sub(g.began))
	if g.live {
		g.voice.draw(text)
	} else {
		g.voice.Say("%s", text)
	}
}

// progressText is one line about a phase.
func progressText(name string, a Amounts, elapsed time.Duration) string {
	text := name + ": " + a.Text
	if a.Total > 0 {
		text = fmt.Sprintf("%s: %d%%, %s", name, 100*min(a.Done, a.Total)/a.Total, a.Text)
	}
	const early = 2 * time.Second // what is said before is a guess
	switch {
	case elapsed < early:
	case a.Total > 0 && a.Done > 0 && a.Done < a.Total:
		left := time.Duration(float64(elapsed) * float64(a.Total-a.Done) / float64(a.Done))
		text += fmt.Sprintf(", %s left", max(left.Round(time.Second), time.Second))
	case a.Total == 0 && a.Count > 0:
		text += fmt.Sprintf(", %s %s/s", humanize.Comma(int64(float64(a.Count)/elapsed.Seconds())), a.Unit)
	}
	return text
}

// draw replaces the live line, the last one on the terminal; "" removes it.
func (v *Voice) draw(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text != "" {
		if width := Width(v.W); width > 1 {
			text = cutText(text, width-1)
		}
	}
	v.redraw(text)
}

// redraw writes over what there is, so that nothing flickers. It needs no more
// of a terminal than a carriage return.
func (v *Voice) redraw(text string) {
	width := ColumnsOf(text)
	if v.live == 0 && width == 0 {
		return
	}
	line := "\r" + text + strings.Repeat(" ", max(v.live-width, 0))
	if width == 0 {
		line += "\r"
	}
	fmt.Fprint(v.W, line)
	v.live = width
}
