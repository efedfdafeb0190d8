package term

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines is a writer that may be read meanwhile.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestProgressText(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		a       Amounts
		elapsed time.Duration
	}{
		"reading: 5 blobs":                {Amounts{Text: "5 blobs"}, time.Second},
		"reading: 5 blobs, 1,000 links/s": {Amounts{Text: "5 blobs", Count: 10_000, Unit: "links"}, 10 * time.Second},
		"reading: 25%, 5 blobs, 30s left": {Amounts{Text: "5 blobs", Done: 5, Total: 20}, 10 * time.Second},
		"reading: 25%, 5 blobs":           {Amounts{Text: "5 blobs", Done: 5, Total: 20}, time.Second}, // too early to tell
		"reading: 0%, 5 blobs":            {Amounts{Text: "5 blobs", Total: 20}, time.Minute},
		"reading: 100%, 5 blobs":          {Amounts{Text: "5 blobs", Done: 21, Total: 20}, time.Minute},
		"reading: 99%, 5 blobs, 1s left":  {Amounts{Text: "5 blobs", Done: 999, Total: 1000}, time.Minute},
	} {
		if got := progressText("reading", c.a, c.elapsed); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Plain lines come one a tick while there is something to show.
func TestProgressPlain(t *testing.T) {
	t.Parallel()
	var out lines
	ticks := make(chan time.Time)
	g := newProgress(&Voice{W: &out}, false, ticks)
	g.show(time.Now()) // nothing is going on yet
	g.Phase("reading blobs", func() Amounts { return Amounts{Text: "5 blobs"} })
	for range 3 {
		ticks <- time.Now()
	}
	g.End() // waits for what is being shown
	g.End()
	if got, want := out.String(), strings.Repeat("reading blobs: 5 blobs\n", 3); got != want {
		t.Errorf("stderr: %q, want %q", got, want)
	}
	g = newProgress(&Voice{W: &out}, false, ticks)
	g.Phase("reading blobs", func() Amounts { return Amounts{Text: "6 blobs"} })
	g.Rest()
	ticks <- time.Now()
	g.End()
	if got, want := out.String(), strings.Repeat("reading blobs: 5 blobs\n", 3); got != want {
		t.Errorf("stderr at rest: %q, want %q", got, want)
	}
}

// The live line is written over in place, and cleared before anything else is written.
func TestProgressLive(t *testing.T) {
	t.Parallel()
	var out lines
	v := &Voice{W: &out}
	v.draw("reading: 100 of 200")
	v.draw("reading: 3")
	v.Warn("look")
	v.draw("again")
	v.draw("")
	v.draw("")
	if got, want := out.String(), "\rreading: 100 of 200"+"\rreading: 3         "+"\r          \r"+"warning: look\n"+"\ragain"+"\r     \r"; got != want {
		t.Errorf("stderr: %q, want %q", got, want)
	}
}
