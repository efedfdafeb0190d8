package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

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

func TestProgressIsNilWhereNoneIsShown(t *testing.T) {
	t.Parallel()
	var g *term.Progress
	g.Phase("reading", nil)
	g.Rest()
	g.End()
	for name, c := range map[string]common{"none": {progressMode: "none"}, "quiet": {progressMode: "auto", quiet: true}} {
		p := &program{voice: &term.Voice{W: &lines{}}}
		if p.begin(&c); p.progress != nil {
			t.Errorf("%s: progress is shown", name)
		}
	}
}

// The counters reach what there is: all blobs, all repositories, all items.
func TestProgressCountsAll(t *testing.T) {
	t.Parallel()
	s := newStore(t, "scale a repositories=3 images=2 layers=2 base=1\norphan as=o size=5k\norphan as=p size=1k")
	p := &program{voice: &term.Voice{W: &lines{}}, out: &lines{}, in: strings.NewReader(""), files: &disk.FS{}}
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
