package mark

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// TestItemsAreInTheOrderOfASweep sorts random items of all kinds, and compares the order with
// that of a plain sort.
func TestItemsAreInTheOrderOfASweep(t *testing.T) {
	store, err := (&disk.FS{}).OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w := walker.New(store, walker.Options{Jobs: 4})
	defer w.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		l := &Look{Store: &Store{Table: digests.NewTable[record]()}}
		l.w = w
		l.Repositories = make([]Repo, 1+random.IntN([]int{1, 7, 700}[n%3]))
		for i := range 40 {
			l.Names = append(l.Names, Name{Text: string(rune('a'+random.IntN(4))) + string(rune('a'+i%8))})
		}
		for range random.IntN([]int{4, 60, 4000}[n%3]) {
			alg := layout.SHA256
			if random.IntN(8) == 0 {
				alg = layout.Algorithms[random.IntN(3)]
			}
			sum := make([]byte, alg.Size())
			binary.BigEndian.PutUint16(sum, uint16(random.UintN(1<<16)))
			if random.IntN(3) == 0 {
				sum[0] = 0xff
			}
			i := Item{Kind: Kind(1 + random.IntN(int(Namespace))), ID: l.Store.Table.Intern(layout.FromSum(alg, sum)), Repo: NoRepo}
			if i.Kind.Is(InRepository) && (i.Kind != Temporary || random.IntN(2) == 0) {
				i.Repo = uint32(random.IntN(len(l.Repositories)))
			}
			if i.Extra = uint32(random.IntN(len(l.Names))); !i.Kind.Is(HasDigest) || i.Kind == Tag && random.IntN(2) == 0 {
				i.ID = 0
			}
			l.Items = append(l.Items, i)
		}
		want := slices.Clone(l.Items)
		slices.SortStableFunc(want, l.compare)
		l.sortItems(t.Context())
		for at := range want {
			if l.compare(want[at], l.Items[at]) != 0 {
				t.Fatalf("item %d of %d is %+v, not %+v", at, len(want), l.Items[at], want[at])
			}
		}
		bySet := func(a, b Item) int { return slices.Compare(fields(a), fields(b)) }
		slices.SortFunc(want, bySet)
		if got := slices.SortedFunc(slices.Values(l.Items), bySet); !slices.Equal(got, want) {
			t.Fatal(cmp.Diff(want, got))
		}
	}
}

// fields are what an item is.
func fields(i Item) []uint32 { return []uint32{uint32(i.Kind), i.Repo, uint32(i.ID), i.Extra} }
