package sweep

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// freedBy counts naively: a thing is freed once nothing that stays needs it.
func freedBy(costs []int64, needs [][]int32, gone []bool) (freed int64) {
	for i := range costs {
		kept := false
		for c, list := range needs {
			kept = kept || !gone[c] && slices.Contains(list, int32(i))
		}
		if !kept {
			freed += costs[i]
		}
	}
	return freed
}

// naiveCut removes one after the other until it is enough, and then gives back,
// the last first, what is not needed; each time it counts anew.
func naiveCut(costs []int64, needs [][]int32, need int64) []bool {
	gone := make([]bool, len(needs))
	at := 0
	for ; at < len(needs) && freedBy(costs, needs, gone) < need; at++ {
		gone[at] = true
	}
	if freedBy(costs, needs, gone) < need {
		return gone
	}
	for at--; at >= 0; at-- {
		gone[at] = false
		if freedBy(costs, needs, gone) < need {
			gone[at] = true
		}
	}
	return gone
}

func TestCutIsThatOfNaiveCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 1))
	met, missed, spared := 0, 0, 0
	for range 20_000 {
		costs := make([]int64, r.IntN(12))
		for i := range costs {
			costs[i] = int64(r.IntN(4)) * int64(r.IntN(50))
		}
		needs := make([][]int32, r.IntN(8))
		for c := range needs {
			for i := range costs {
				if r.IntN(3) == 0 {
					needs[c] = append(needs[c], int32(i))
				}
			}
		}
		need := int64(r.IntN(400))
		base, chosen, freed := cut(costs, needs, need)
		want := naiveCut(costs, needs, need)
		if !slices.Equal(chosen, want) || freed != freedBy(costs, needs, want) || base != freedBy(costs, needs, make([]bool, len(needs))) {
			t.Fatalf("costs %v, needs %v, need %d: chosen %v, not %v; base %d, freed %d", costs, needs, need, chosen, want, base, freed)
		}
		switch last := slices.Index(chosen, true); {
		case freed < need:
			missed++
		case last > 0:
			spared++
		default:
			met++
		}
	}
	if met < 1000 || missed < 1000 || spared < 1000 {
		t.Errorf("met %d, missed %d, spared %d", met, missed, spared)
	}
}

// BenchmarkCut orders nothing, since candidates come in order, and cuts 100,000
// images of twelve blobs each, ten of them shared.
func BenchmarkCut(b *testing.B) {
	const images = 100_000
	costs, needs := manyImages(images)
	total := int64(0)
	for _, c := range costs {
		total += c
	}
	b.ReportAllocs()
	for b.Loop() {
		cut(costs, needs, total/2)
	}
}

func manyImages(images int) (costs []int64, needs [][]int32) {
	r := rand.New(rand.NewPCG(1, 2))
	costs, needs = make([]int64, 5*images), make([][]int32, images)
	for i := range costs {
		costs[i] = r.Int64N(1 << 20)
	}
	for c := range needs {
		own := int32(4*images + c)
		needs[c] = []int32{own}
		for range 11 {
			needs[c] = append(needs[c], r.Int32N(int32(4*images)))
		}
		slices.Sort(needs[c])
		needs[c] = slices.Compact(needs[c])
	}
	return costs, needs
}
