package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/regsweep/regsweep/mark"
)

func TestSpaceThatCannotBeTrueIsNotBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		Space
		want bool
	}{
		"usual":                     {Space{Free: 10, Size: 100}, true},
		"full":                      {Space{Free: 0, Size: 100}, true},
		"empty":                     {Space{Free: 100, Size: 100}, true},
		"no blocks":                 {Space{Free: 0, Size: 0}, false},
		"free without blocks":       {Space{Free: 10, Size: 0}, false},
		"more than 63 bits hold":    {Space{Free: math.MaxInt64, Size: math.MaxInt64}, false},
		"much free of what is huge": {Space{Free: 10, Size: math.MaxInt64}, false},
		"more free than there is":   {Space{Free: 101, Size: 100}, false},
		"negative":                  {Space{Free: -1, Size: 100}, false},
	} {
		if got := c.Told(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A sum that is too large for its type must not look like too little, which
// would remove more.
func TestCutOfSizesThatLie(t *testing.T) {
	costs := []int64{math.MaxInt64, math.MaxInt64, 5}
	_, chosen, freed := cut(costs, [][]int32{{0}, {1}, {2}}, 1<<40)
	if !slices.Equal(chosen, []bool{true, false, false}) || freed != math.MaxInt64 {
		t.Errorf("chosen %v, freed %d", chosen, freed)
	}
}

// BenchmarkFit has 100,000 images in 100 repositories, each with a tag, a
// manifest and twelve blobs and links to these, ten of which others share.
func BenchmarkFit(b *testing.B) {
	plan, candidates := manyCandidates(100, 1000)
	costs := make([]int64, len(plan.items))
	for i := range costs {
		costs[i] = int64(i % 4096)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _, freed := cut(costs, plan.needs(candidates), int64(len(costs))*1000)
		if freed == 0 {
			b.Fatal("nothing is freed")
		}
	}
}

func manyCandidates(repositories, images int) (*Plan, []mark.Candidate) {
	r := rand.New(rand.NewPCG(3, 4))
	look := &mark.Look{}
	var tags, manifests, links, blobs []mark.Item
	var candidates []mark.Candidate
	shared, next := mark.ID(10*images), mark.ID(10*images+1)
	for repo := range repositories {
		look.Repositories = append(look.Repositories, mark.Repo{Name: fmt.Sprintf("ci/app-%03d", repo)})
		linked := map[mark.ID]bool{}
		for i := range images {
			c := mark.Candidate{Repository: look.Repositories[repo].Name, Tags: []mark.CandidateTag{{Name: fmt.Sprint("v", i)}}}
			look.Names = append(look.Names, mark.Name{Text: c.Tags[0].Name})
			tags = append(tags, mark.Item{Kind: mark.Tag, ID: next, Repo: uint32(repo), Extra: uint32(len(look.Names) - 1)})
			manifests = append(manifests, mark.Item{Kind: mark.Manifest, ID: next, Repo: uint32(repo)})
			c.Reach = append(c.Reach, next, next+1)
			for range 10 {
				c.Reach = append(c.Reach, 1+mark.ID(r.Uint32N(uint32(shared))))
			}
			slices.Sort(c.Reach)
			c.Reach = slices.Compact(c.Reach)
			for _, id := range c.Reach {
				if !linked[id] {
					linked[id] = true
					links = append(links, mark.Item{Kind: mark.LayerLink, ID: id, Repo: uint32(repo), Extra: uint32(id)})
				}
			}
			blobs = append(blobs, mark.Item{Kind: mark.Blob, ID: next, Repo: mark.NoRepo}, mark.Item{Kind: mark.Blob, ID: next + 1, Repo: mark.NoRepo})
			next += 2
			candidates = append(candidates, c)
		}
	}
	for id := mark.ID(1); id <= shared; id++ {
		blobs = append(blobs, mark.Item{Kind: mark.Blob, ID: id, Repo: mark.NoRepo})
	}
	r.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
	look.Items = slices.Concat(tags, manifests, links, blobs)
	return &Plan{look: look, items: look.Items, done: make([]outcome, len(look.Items))}, candidates
}
