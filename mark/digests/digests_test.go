package digests

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/regsweep/regsweep/layout"
)

func TestTableNumbersDigests(t *testing.T) {
	table := NewTable[int]()
	seen := map[layout.Digest]ID{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		alg := layout.Algorithms[r.IntN(3)]
		d := layout.FromBytes(alg, []byte{byte(r.Uint32()), byte(r.Uint32()), 0})
		id := table.Intern(d)
		if want, ok := seen[d]; ok && id != want {
			t.Fatalf("%s is %d, was %d", d, id, want)
		}
		seen[d] = id
		*table.At(id) += 1
		if id == 0 || table.Digest(id) != d || table.Lookup(d) != id {
			t.Fatalf("%s is not found again by %d", d, id)
		}
	}
	var all, interned int
	for id, n := range table.All() {
		all++
		interned += *n
		if table.IsLong(id) != (table.Digest(id).Algorithm() != layout.SHA256) {
			t.Fatalf("%s is long: %v", table.Digest(id), table.IsLong(id))
		}
	}
	if diff := cmp.Diff([]int{len(seen), 20000}, []int{all, interned}); diff != "" {
		t.Error(diff)
	}
	if table.Lookup(layout.FromBytes(layout.SHA256, []byte("absent"))) != 0 {
		t.Error("an absent digest has a number")
	}
}

// TestManyDigestsGetTheNumbersThatEachGets gives digests of all algorithms to a table, of
// which it knows some and others twice.
func TestManyDigestsGetTheNumbersThatEachGets(t *testing.T) {
	table := NewTable[int]()
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 200 {
		list := make([]layout.Digest, n)
		for i := range list {
			list[i] = layout.FromBytes(layout.Algorithms[max(0, r.IntN(12)-9)], []byte{byte(r.Uint32()), byte(r.Uint32N(20))})
		}
		ids := table.InternAll([]ID{7}, n, func(i int) *layout.Digest { return &list[i] })
		if len(ids) != n+1 || ids[0] != 7 {
			t.Fatalf("%d numbers of %d digests", len(ids)-1, n)
		}
		for i, id := range ids[1:] {
			if id == 0 || table.Lookup(list[i]) != id || table.Digest(id) != list[i] {
				t.Fatalf("%s has number %d of %s", list[i], id, table.Digest(id))
			}
		}
	}
}

// TestTableIsFilledConcurrently holds that several who add the same digests
// get the same numbers, and that readers see nothing half made.
func TestTableIsFilledConcurrently(t *testing.T) {
	table := NewTable[[3]uint32]()
	digest := func(i int) layout.Digest {
		return layout.FromBytes(layout.Algorithms[i%3], []byte{byte(i), byte(i >> 8)})
	}
	const n = 3000
	var ids [4][n]ID
	var all sync.WaitGroup
	for worker := range ids {
		all.Go(func() {
			for i := range n {
				at := (i*7 + worker*911) % n
				ids[worker][at] = table.Intern(digest(at))
				if id := table.Lookup(digest(at)); table.Digest(id) != digest(at) {
					t.Errorf("%s is not found again", digest(at))
				}
			}
		})
	}
	all.Wait()
	sorted := slices.SortedFunc(slices.Values(ids[0][:]), table.Compare)
	for i, id := range sorted {
		if i > 0 && table.Digest(sorted[i-1]).Compare(table.Digest(id)) >= 0 {
			t.Fatalf("%s is before %s", table.Digest(sorted[i-1]), table.Digest(id))
		}
	}
	for worker := range ids {
		if ids[worker] != ids[0] {
			t.Errorf("worker %d has other numbers", worker)
		}
	}
}

func TestSet(t *testing.T) {
	var s Set
	for _, id := range []ID{1, 64, 1000} {
		s.Add(id)
	}
	for id, want := range map[ID]bool{0: false, 1: true, 63: false, 64: true, 65: false, 1000: true, 1001: false, 1 << 20: false} {
		if s.Has(id) != want {
			t.Errorf("Has(%d) is %v", id, !want)
		}
	}
}
