package mark

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/digests"
)

// A node dominates another one if that cannot be reached without it; the nearest
// of those that do is the answer.
func TestDominatorsAreWhatAllWaysLeadThrough(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		n := 1 + rnd.IntN(9)
		edges := make([][]int32, n)
		for i := range edges {
			for range rnd.IntN(4) {
				edges[i] = append(edges[i], int32(rnd.IntN(n)))
			}
		}
		refs := func(i int32, push func(int32)) {
			for _, to := range edges[i] {
				push(to)
			}
		}
		without := func(not int32) (seen []bool) {
			seen = make([]bool, n)
			Reach([]int32{0}, func(i int32) bool {
				first := i != not && !seen[i]
				seen[i] = seen[i] || i != not
				return first
			}, refs)
			return seen
		}
		all := without(-1)
		dominates := func(a, b int32) bool { return a != b && all[b] && !without(a)[b] }
		got := dominators(n, 0, refs)
		for b := range int32(n) {
			want := int32(-1)
			for a := range int32(n) {
				if dominates(a, b) && (want < 0 || dominates(want, a)) {
					want = a
				}
			}
			if got[b] != want {
				t.Fatalf("%v: %d of %d, want %d", edges, got[b], b, want)
			}
		}
	}
}

// randomGraph is what some manifests of a repository keep, with all that makes
// sizes hard.
func randomGraph(rnd *rand.Rand) *counter {
	table := digests.NewTable[record]()
	var ids []ID
	for i := range 8 {
		id := table.Intern(layout.FromBytes(layout.SHA256, []byte{byte(i)}))
		r := table.At(id)
		r.size = 1 << i
		r.set(hasBlob)
		if rnd.IntN(12) == 0 {
			r.set(isPinned)
		}
		ids = append(ids, id)
	}
	g := &keepGraph{nodes: make([]graphNode, 1+rnd.IntN(9)), links: map[ID]int64{}, aliases: map[ID][]notedLink{}, recent: func(mtime int64) bool { return mtime > 5 }}
	s := NewSurvey("a")
	forward := rnd.IntN(3) > 0 // no circles
	odd := rnd.IntN(4) == 0
	for i := range g.nodes {
		n := &g.nodes[i]
		*n = graphNode{mtime: int64(rnd.IntN(10)), here: true, counted: true, kept: rnd.IntN(8) == 0}
		for range 1 + rnd.IntN(3) {
			n.names = append(n.names, ids[rnd.IntN(len(ids))])
		}
		slices.Sort(n.names)
		n.names = slices.Compact(n.names)
		for range rnd.IntN(4) {
			e := aboutEdge{int32(rnd.IntN(len(g.nodes))), []Role{Child, Referrer, Signature, Signature}[rnd.IntN(4)]}
			if odd && rnd.IntN(4) == 0 {
				e.role = keptOnly
			}
			if e.to != int32(i) && (!forward || e.to > int32(i)) {
				n.keeps = append(n.keeps, e)
			}
		}
		if rnd.IntN(12) == 0 { // set aside, and dead
			n.here, n.counted, n.kept = false, false, true
		}
		if n.counted {
			for _, id := range n.names {
				s.count[id]++
			}
		}
	}
	for i := range g.nodes {
		for _, e := range g.nodes[i].keeps {
			g.nodes[e.to].keepers++
		}
	}
	for _, id := range ids {
		switch rnd.IntN(12) {
		case 0:
			s.count[id]++ // elsewhere
		case 1:
			s.kept[id] = true
		case 2:
			g.links[id] = int64(rnd.IntN(12))
		case 3:
			if odd {
				g.aliases[id] = append(g.aliases[id], notedLink{ids[rnd.IntN(len(ids))], id, int64(rnd.IntN(12))})
			}
		}
	}
	return s.counter(&Look{Store: &Store{Table: table}}, g)
}

// What is counted in one pass is what is counted for each manifest by itself.
func TestUniqueSizesInOnePass(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 6))
	together := 0 // manifests that were not counted one by one
	for round := range 4000 {
		c := randomGraph(rnd)
		got, want := c.uniques(), make([]int64, len(c.g.nodes))
		for i := range want {
			if want[i] = c.unique(int32(i)); !c.g.nodes[i].here {
				want[i], got[i] = 0, 0 // nobody asks
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			var text string
			for i := range c.g.nodes {
				n := &c.g.nodes[i]
				text += fmt.Sprintf("%d: mtime %d, names %v, keeps %v, stays %v, here %v\n", i, n.mtime, n.names, n.keeps, n.kept, n.here)
			}
			t.Fatalf("round %d (-each by itself +in one pass):\n%s\n%scount %v, held %v, links %v, aliases %v", round, diff, text, c.s.count, c.s.kept, c.g.links, c.g.aliases)
		}
		together += c.together
	}
	if together < 5000 {
		t.Errorf("only %d manifests were counted in one pass", together)
	}
}
