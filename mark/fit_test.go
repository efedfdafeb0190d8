package mark

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

// Whatever is used least lately comes first; of what is used at the same time,
// what was pushed first; and then names decide, so that two runs agree.
func TestCandidatesAreInTheOrderOfTheirUse(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	digest := layout.FromBytes(layout.SHA256, nil)
	want := []Candidate{
		{Repository: "z", Used: day(1), Pushed: day(1)},
		{Repository: "y", Used: day(3), Pushed: day(1)},
		{Repository: "a", Used: day(3), Pushed: day(2)},
		{Repository: "b", Used: day(3), Pushed: day(2)},
		{Repository: "b", Used: day(3), Pushed: day(2), Digest: digest},
		{Repository: "a", Used: day(9), Pushed: day(1)},
	}
	var names []string
	for _, c := range want {
		names = append(names, fmt.Sprint(c.Repository, c.Used.Day(), c.Pushed.Day(), c.Digest.IsZero()))
	}
	for range 20 {
		r := NewPruning(nil)
		for _, i := range rand.Perm(len(want)) {
			r.pruning.fitting.candidates = append(r.pruning.fitting.candidates, want[i])
		}
		var got []string
		for _, c := range r.Candidates() {
			got = append(got, fmt.Sprint(c.Repository, c.Used.Day(), c.Pushed.Day(), c.Digest.IsZero()))
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func BenchmarkOrderOfCandidates(b *testing.B) {
	list := make([]Candidate, 100_000)
	for i := range list {
		list[i] = Candidate{Repository: fmt.Sprint("ci/app-", i%100), Used: time.Unix(rand.Int64N(1e6), 0), Digest: layout.FromBytes(layout.SHA256, fmt.Append(nil, i))}
	}
	for b.Loop() {
		r := NewPruning(nil)
		r.pruning.fitting.candidates = append([]Candidate{}, list...)
		r.Candidates()
	}
}
