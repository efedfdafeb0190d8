package mark

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

const circleOfAll = "tags about images in a circle"

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
	"tags about images in circles of two": func(n int) string {
		var b strings.Builder
		b.WriteString("age 30d\nimage a as=base0 layers=base\n")
		for i := range n {
			fmt.Fprintf(&b, "image a as=s%d layers=base\nimage a as=t%d layers=base\ntag a:sha256-{s%d} t%d\ntag a:sha256-{t%d} s%d\n", i, i, i, i, i, i)
		}
		return b.String()
	},
	circleOfAll: func(n int) string {
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
	const n = 16
	for name, text := range chains {
		once, twice := chainWork(t, text(n)), chainWork(t, text(2*n))
		if name == circleOfAll { // where each of its images is counted by itself
			delete(once, "sizes")
		}
		for what := range once {
			if once[what] < n || twice[what] > 2*once[what]+8 {
				t.Errorf("%s of %s: %d steps for a chain of %d, %d for twice that", what, name, once[what], n, twice[what])
			}
		}
	}
}

// chainWork is the work of the commands that mark a store.
func chainWork(t *testing.T, text string) map[string]int {
	t.Helper()
	s, err := layouttest.Build(filepath.Join(layouttest.Memory(t), "store"), text, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := new(disk.FS).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	rules := Rules{Now: s.Now, Grace: time.Hour, DeleteUntagged: true, OlderThan: time.Hour}
	survey := NewSurvey("a")
	work := map[string]int{}
	for what, observer := range map[string]Observer{"gc -m": nil, "ls": survey, "why": NewInquiry([]Asked{{Digest: s.Digest("base")}})} {
		w := walker.New(dir, walker.Options{})
		look := Read(t.Context(), w, rules).LookAndTell(t.Context(), w, observer)
		if w.Findings.Serious() > 0 {
			t.Fatal(w.Findings.Problems())
		}
		work[what] = look.steps
		if observer == Observer(survey) {
			if _, ok := survey.Manifests(look, "a"); !ok {
				t.Fatal("there is no repository")
			}
			work["sizes"] = survey.steps
		}
		w.Close()
	}
	return work
}
