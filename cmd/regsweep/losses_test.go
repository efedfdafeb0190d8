package main

import (
	"fmt"
	"maps"
	"math/rand"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// tagging is a random past of some tags: which image each named, how many days ago.
type tagging struct {
	text    strings.Builder
	pushed  map[string]int            // days ago, by the image's name
	set     map[string]map[string]int // when a tag last named an image, by tag and image
	current map[string]string
}

func drawTagging(random *rand.Rand) *tagging {
	p := &tagging{pushed: map[string]int{}, set: map[string]map[string]int{}, current: map[string]string{}}
	names := []string{"a", "b", "c", "d", "e", "f"}
	for age := 60; age > 0; age -= 1 + random.Intn(6) {
		tag, name := fmt.Sprint("t", random.Intn(3)), names[random.Intn(len(names))]
		if _, is := p.pushed[name]; is {
			fmt.Fprintf(&p.text, "tag r:%s %s age=%dd\n", tag, name, age)
		} else {
			fmt.Fprintf(&p.text, "image r:%s as=%s age=%dd\n", tag, name, age)
			p.pushed[name] = age
		}
		if p.set[tag] == nil {
			p.set[tag] = map[string]int{}
		}
		p.set[tag][name], p.current[tag] = age, name
	}
	return p
}

// kept are the images that a tag names, or named less than older days ago, or that
// were pushed since: by looking at all that is known of every tag.
func (p *tagging) kept(older int) map[string]bool {
	kept := map[string]bool{}
	for name, age := range p.pushed {
		kept[name] = age <= older
	}
	for tag, set := range p.set {
		kept[p.current[tag]] = true
		for name, age := range set {
			next := 0 // the image that the tag named next, as far as the entries show it
			for _, other := range set {
				if other < age {
					next = max(next, other)
				}
			}
			if next > 0 && next <= older {
				kept[name] = true
			}
		}
	}
	return kept
}

// TestModelLosses draws histories, and compares what -m keeps with a slow count, with
// and without an index, and in two runs of which the second may find less.
func TestModelLosses(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(7))
	lost, spared := 0, 0
	for n := range layouttest.Samples(150) {
		p := drawTagging(random)
		older := random.Intn(50)
		s := layouttest.New(t, p.text.String())
		if n%3 == 1 {
			mustGC(t, s, statusDone, "-d") // leaves an index
		}
		want := p.kept(older)
		if n%3 == 2 {
			mustGC(t, s, statusDone, "-m", "--older-than", fmt.Sprint(older+5, "d"))
		}
		// By hours, so that no age is just the limit.
		mustGC(t, s, statusDone, "-m", "--older-than", fmt.Sprint(older*24+12, "h"))
		got := map[string]bool{}
		for name := range p.pushed {
			got[name] = s.Has(name)
			if !s.Has(name) {
				lost++
			} else if p.pushed[name] > older {
				spared++
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("store %d, --older-than %dd: kept %v, not %v\n%s", n, older, got, want, &p.text)
		}
	}
	if n := layouttest.Samples(150); n >= 10 && min(lost, spared) < n/2 || n >= 18 && min(lost, spared) < 10 {
		t.Errorf("%d images were removed, and %d kept that were old: too few to show anything", lost, spared)
	}
}

// TestEachHistoryIsListedOnceALook counts what gc -m asks of the disk about the history
// of a tag that names something wanted, and of one that does not.
func TestEachHistoryIsListedOnceALook(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, `
age 40d
image a:new as=was
image a:new as=now age=5d
image a:old as=before
image a:old as=after age=30d
tag a:kept before
`)
	var lists, reads [2]atomic.Int64
	files := &disk.FS{Fault: func(op disk.Op, path string) error {
		for i, tag := range []string{"new", "old"} {
			switch {
			case !strings.Contains(path, "/_manifests/tags/"+tag+"/index/sha256"), op == disk.OpList && !strings.HasSuffix(path, "/sha256"):
			case op == disk.OpList:
				lists[i].Add(1)
			case op == disk.OpRead:
				reads[i].Add(1)
			}
		}
		return nil
	}}
	var out, errs strings.Builder
	p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: files}
	if status := p.main([]string{"gc", "-m", "-d", "--older-than", "10d", "--index", "none", "--root", s.Root}); status != statusDone {
		t.Fatalf("status %d: %s", status, &errs)
	}
	for i, want := range []int64{2, 0} {
		if got := lists[i].Load(); got != 1 {
			t.Errorf("history %d was listed %d times", i, got)
		}
		if got := reads[i].Load(); got != want {
			t.Errorf("%d links of history %d were read, not %d", got, i, want)
		}
	}
}
