package mark

import (
	"math/rand/v2"
	"testing"
)

// Two nodes have one number if and only if each is reached from the other; each
// node's references are asked for once.
func TestCirclesAreWhatReachesItself(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + rnd.IntN(9)
		edges, among := make([][]int32, n), make([]bool, n)
		for i := range edges {
			among[i] = rnd.IntN(6) > 0
			for range rnd.IntN(4) {
				edges[i] = append(edges[i], int32(rnd.IntN(n)))
			}
		}
		asked := make([]int, n)
		in := func(i int32) bool { return among[i] }
		got := circles(n, in, func(i int32, push func(int32)) {
			asked[i]++
			for _, to := range edges[i] {
				push(to)
			}
		})
		reach := func(from int32) (seen []bool) {
			seen = make([]bool, n)
			Reach([]int32{from}, func(i int32) bool {
				first := among[i] && !seen[i]
				seen[i] = seen[i] || among[i]
				return first
			}, func(i int32, push func(int32)) {
				for _, to := range edges[i] {
					push(to)
				}
			})
			return seen
		}
		for a := range int32(n) {
			if want := map[bool]int{true: 1}[among[a]]; asked[a] != want {
				t.Fatalf("%v: node %d was asked %d times", edges, a, asked[a])
			}
			if (got[a] != 0) != among[a] {
				t.Fatalf("%v among %v: %v", edges, among, got)
			}
			for b := range int32(n) {
				if !among[a] || !among[b] {
					continue
				}
				if one := reach(a)[b] && reach(b)[a]; one != (got[a] == got[b]) {
					t.Fatalf("%v among %v: %v; %d and %d", edges, among, got, a, b)
				}
			}
		}
	}
}

// A chain of a million nodes needs no stack, and each node is looked at once.
func TestCirclesOfALongChain(t *testing.T) {
	const n = 1_000_000
	asked := 0
	got := circles(n, func(int32) bool { return true }, func(i int32, push func(int32)) {
		asked++
		if i+1 < n {
			push(i + 1)
		}
	})
	if asked != n || got[0] != n || got[n-1] != 1 {
		t.Errorf("%d nodes were looked at; the first is %d, the last %d", asked, got[0], got[n-1])
	}
}
