package mark

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// chains are stores in which images lead to one another n times.
var chains = map[string]func(n int) string{
	"referrers": func(n int) string {
		var b strings.Builder
		b.WriteString("age 30d\nimage a as=s0 layers=base\n")
		for i := range n {
			fmt.Fprintf(&b, "referrer a of=s%d as=s%d\n", i, i+1)
		}
		return b.String()
	},
	"referrers of a tagged image": func(n int) string {
		return strings.Replace(chainOfReferrers(n), "image a as", "image a:v1 as", 1)
	},
	"tags about images":                   func(n int) string { return chainOfTags(n, "") },
	"tags about images that a tag begins": func(n int) string { return chainOfTags(n, ":v1") },
	"tags about images in a circle": func(n int) string {
		return chainOfTags(n, "") + fmt.Sprintf("tag a:sha256-{s%d} s0\n", n)
	},
}

func chainOfReferrers(n int) string {
	var b strings.Builder
	b.WriteString("age 30d\nimage a as=s0 layers=base\n")
	for i := range n {
		fmt.Fprintf(&b, "referrer a of=s%d as=s%d\n", i, i+1)
	}
	return b.String()
}

// chainOfTags is an image, a tag about it that names a second image, and so on.
func chainOfTags(n int, first string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "age 30d\nimage a%s as=s0 layers=base\n", first)
	for i := range n {
		fmt.Fprintf(&b, "image a as=s%d layers=base\ntag a:sha256-{s%d} s%d\n", i+1, i, i+1)
	}
	return b.String()
}

// The work of a look, counted in how often the names in a manifest are gone
// through, grows as chains do: twice the chain is not four times the work.
func TestChainsCostLinearWork(t *testing.T) {
	for name, text := range chains {
		for _, what := range []struct {
			name     string
			observer func(*layouttest.Store) Observer
		}{
			{"gc -m", func(*layouttest.Store) Observer { return nil }},
			{"ls", func(*layouttest.Store) Observer { return NewSurvey("a") }},
			{"why", func(s *layouttest.Store) Observer { return NewInquiry([]Asked{{Digest: s.Digest("base")}}) }},
		} {
			t.Run(name+" "+what.name, func(t *testing.T) {
				work := func(n int) int {
					s := layouttest.New(t, text(n))
					dir, err := new(disk.FS).OpenStore(s.Dir)
					if err != nil {
						t.Fatal(err)
					}
					defer dir.Close()
					w := walker.New(dir, walker.Options{})
					defer w.Close()
					rules := Rules{Now: s.Now, Grace: time.Hour, DeleteUntagged: true, OlderThan: time.Hour}
					look := Read(t.Context(), w, rules).LookAndTell(t.Context(), w, what.observer(s))
					if n := w.Findings.Serious(); n > 0 {
						t.Fatal(w.Findings.Problems())
					}
					return look.steps
				}
				const n = 40
				once, twice := work(n), work(2*n)
				if once < n || twice > 2*once+8 {
					t.Errorf("%d steps for a chain of %d, %d for twice that", once, n, twice)
				}
			})
		}
	}
}
