package sweep

import (
	"path"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// Cut is the choice of the candidates that a run has to remove to free a number
// of bytes.
type Cut struct {
	// Garbage is what is removed without any of the candidates, in bytes on the disk.
	Garbage int64
	// Freed is what is removed with those that are chosen, Garbage included.
	Freed  int64
	Chosen []mark.Candidate
}

// Fit chooses candidates in their order until they and the garbage free enough.
// Then it goes through the chosen ones backwards, and drops each that is not
// needed for that. The plan has to be of a look that selects all candidates.
// What several of them need is freed only by the last of these. With blobsOnly,
// only space on the filesystem of the blobs counts.
func (p *Plan) Fit(store *disk.Dir, candidates []mark.Candidate, need int64, blobsOnly bool) Cut {
	costs := p.costs(store, blobsOnly)
	needs := p.needs(candidates)
	if !blobsOnly {
		costs = p.withEmptied(store, costs, needs)
	}
	base, chosen, freed := cut(costs, needs, need)
	c := Cut{Garbage: base, Freed: freed}
	for i := range candidates {
		if chosen[i] {
			c.Chosen = append(c.Chosen, candidates[i])
		}
	}
	return c
}

// cut is Fit with numbers: needs has, for each candidate, the indices of costs
// that are kept while it is kept, each once. What no candidate needs is removed
// anyway. It takes one step for each index.
func cut(costs []int64, needs [][]int32, need int64) (base int64, chosen []bool, freed int64) {
	users := make([]int32, len(costs))
	for _, list := range needs {
		for _, i := range list {
			users[i]++
		}
	}
	for i, n := range users {
		if n == 0 {
			base = disk.Sum(base, costs[i])
		}
	}
	freed, chosen = base, make([]bool, len(needs))
	end := 0
	for ; end < len(needs) && freed < need; end++ {
		chosen[end] = true
		for _, i := range needs[end] {
			if users[i]--; users[i] == 0 {
				freed = disk.Sum(freed, costs[i])
			}
		}
	}
	for at := end - 1; at >= 0 && freed >= need; at-- {
		less := int64(0)
		for _, i := range needs[at] {
			if users[i] == 0 {
				less = disk.Sum(less, costs[i])
			}
		}
		if freed-less < need {
			continue
		}
		chosen[at], freed = false, freed-less
		for _, i := range needs[at] {
			users[i]++
		}
	}
	return base, chosen, freed
}

// withEmptied adds to the costs those of directories above repositories. Each
// of these is kept while a repository below it is kept.
func (p *Plan) withEmptied(store *disk.Dir, costs []int64, needs [][]int32) []int64 {
	above := p.emptied(store)
	if len(above) == 0 {
		return costs
	}
	places := map[string]int32{}
	for at, freed := range above {
		places[at] = int32(len(costs))
		costs = append(costs, freed.Bytes)
	}
	lo, hi := p.kindRange(mark.Repository)
	for c, list := range needs {
		for _, i := range list {
			if int(i) < lo || int(i) >= hi {
				continue
			}
			for at := path.Dir(p.path(&p.items[i])); at != "."; at = path.Dir(at) {
				if place, ok := places[at]; ok {
					needs[c] = append(needs[c], place)
				}
			}
		}
	}
	return costs
}

// costs are the bytes on the disk that each item of the plan frees. Links and
// directories that are not looked at count as the average of those of their kind
// that are.
func (p *Plan) costs(store *disk.Dir, blobsOnly bool) []int64 {
	costs := make([]int64, len(p.items))
	for kind := mark.Tag; kind <= mark.Namespace; kind++ {
		lo, hi := p.kindRange(kind)
		if lo == hi {
			continue
		}
		for i := lo; i < hi; i++ {
			costs[i] = -1
		}
		average := int64(0)
		if some, seen := p.sample(store, kind, func(i int, f disk.Freed) { costs[i] = f.Bytes }); seen > 0 {
			average = some.Bytes / seen
		}
		for i := lo; i < hi; i++ {
			item := &p.items[i]
			if costs[i] < 0 {
				costs[i] = average
			}
			if kind == mark.Blob {
				costs[i] = disk.Sum(costs[i], p.look.Store.Blob(item.ID).Disk)
			}
			if blobsOnly && !isAmongBlobs(item) {
				costs[i] = 0
			}
		}
	}
	return costs
}

// isAmongBlobs reports whether an item is on the filesystem of the blobs, if
// this is another one than that of the repositories.
func isAmongBlobs(i *mark.Item) bool {
	return i.Kind == mark.Blob || i.Kind == mark.BlobDir || i.Kind == mark.Temporary && i.Repo == mark.NoRepo
}

// Space is what the plan would free in bytes on the disk, counted as Fit counts.
func (p *Plan) Space(store *disk.Dir, blobsOnly bool) int64 {
	if !blobsOnly {
		return p.Estimate(store).DiskBytes
	}
	sum := int64(0)
	for i, cost := range p.costs(store, true) {
		if p.done[i] == planned {
			sum = disk.Sum(sum, cost)
		}
	}
	return sum
}
