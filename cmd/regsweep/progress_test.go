package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/walker/disk"
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
		a       amounts
		elapsed time.Duration
	}{
		"reading: 5 blobs":                {amounts{text: "5 blobs"}, time.Second},
		"reading: 5 blobs, 1,000 links/s": {amounts{text: "5 blobs", count: 10_000, unit: "links"}, 10 * time.Second},
		"reading: 25%, 5 blobs, 30s left": {amounts{text: "5 blobs", done: 5, total: 20}, 10 * time.Second},
		"reading: 25%, 5 blobs":           {amounts{text: "5 blobs", done: 5, total: 20}, time.Second}, // too early to tell
		"reading: 0%, 5 blobs":            {amounts{text: "5 blobs", total: 20}, time.Minute},
		"reading: 100%, 5 blobs":          {amounts{text: "5 blobs", done: 21, total: 20}, time.Minute},
		"reading: 99%, 5 blobs, 1s left":  {amounts{text: "5 blobs", done: 999, total: 1000}, time.Minute},
	} {
		same(t, "the line", want, progressText("reading", c.a, c.elapsed))
	}
}

// Plain lines come one a tick while there is something to show.
func TestProgressPlain(t *testing.T) {
	t.Parallel()
	var out lines
	ticks := make(chan time.Time)
	g := newProgress(&voice{w: &out}, false, ticks)
	g.show(time.Now()) // nothing is going on yet
	g.phase("reading blobs", func() amounts { return amounts{text: "5 blobs"} })
	for range 3 {
		ticks <- time.Now()
	}
	g.end() // waits for what is being shown
	g.end()
	same(t, "stderr", strings.Repeat("reading blobs: 5 blobs\n", 3), out.String())
	g = newProgress(&voice{w: &out}, false, ticks)
	g.phase("reading blobs", func() amounts { return amounts{text: "6 blobs"} })
	g.rest()
	ticks <- time.Now()
	g.end()
	same(t, "stderr at rest", strings.Repeat("reading blobs: 5 blobs\n", 3), out.String())
}

// The live line is written over in place, and cleared before anything else is written.
func TestProgressLive(t *testing.T) {
	t.Parallel()
	var out lines
	v := &voice{w: &out}
	v.draw("reading: 100 of 200")
	v.draw("reading: 3")
	v.warn("look")
	v.draw("again")
	v.draw("")
	v.draw("")
	same(t, "stderr", "\rreading: 100 of 200"+"\rreading: 3         "+"\r          \r"+"warning: look\n"+"\ragain"+"\r     \r", out.String())
}

func TestProgressIsNilWhereNoneIsShown(t *testing.T) {
	t.Parallel()
	var g *progress
	g.phase("reading", nil)
	g.rest()
	g.end()
	for name, c := range map[string]common{"none": {progressMode: "none"}, "quiet": {progressMode: "auto", quiet: true}} {
		p := &program{voice: &voice{w: &lines{}}}
		if p.begin(&c); p.progress != nil {
			t.Errorf("%s: progress is shown", name)
		}
	}
}

// The counters reach what there is: all blobs, all repositories, all items.
func TestProgressCountsAll(t *testing.T) {
	t.Parallel()
	s := newStore(t, "scale a repositories=3 images=2 layers=2 base=1\norphan as=o size=5k\norphan as=p size=1k")
	p := &program{voice: &voice{w: &lines{}}, out: &lines{}, in: strings.NewReader(""), files: &disk.FS{}}
	c, r := common{root: s.Root, jobs: 8, quiet: true}, defaultAges()
	j, err := p.newJob("gc", &c, &r, pflag.NewFlagSet("", pflag.ContinueOnError), "")
	if err == nil {
		err = j.run(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	seen, done := j.w.Progress, j.plan.Progress()
	total := j.plan.Total()
	same(t, "blobs", total.Blobs, seen.Blobs.Load())
	same(t, "their bytes", total.Bytes, seen.BlobBytes.Load())
	same(t, "directories of blobs", seen.PrefixesFound.Load(), seen.Prefixes.Load())
	same(t, "repositories", int64(3), seen.Repositories.Load())
	same(t, "steps", done.AllSteps.Load(), done.Steps.Load())
	same(t, "bytes that went", int64(6<<10), done.Bytes.Load())
}
