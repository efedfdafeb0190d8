package mark

import (
	"cmp"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/walker/disk"
)

// Part says how an item of a plan relates to the roots that a command selects.
type Part uint8

// The parts.
const (
	NoRoot Part = iota // garbage
	Root               // it was named, or decided about by itself
	Along              // a root that is removed along with another one
)

// Listed is one item of a plan that was written down.
type Listed struct {
	Kind       Kind
	Repository string
	Name       string // of a tag, an upload, a path
	Digest     layout.Digest
	MTime      int64 // of a manifest's or layer's link, in nanoseconds since 1970
	Part       Part
}

// Sparse is an index that is kept though a part of it is removed by force.
type Sparse struct {
	Repository string
	Digest     layout.Digest
	MTime      int64 // of its link, in nanoseconds since 1970
}

// Listing is a plan that was written to a file. If the Rules of a Look have it,
// only listed items are removed, and only those that are dead and were not written
// since. All other manifests and tags are roots, whatever else the rules say. It
// serves one Store, whose digests it numbers.
type Listing struct {
	// Time is the clock of the look that the plan was made from.
	Time time.Time
	// Whole are repositories that are removed as a whole, Sparse indexes that were
	// to lose parts.
	Whole  []string
	Sparse []Sparse
	// Used, unless it is nil, says which tags and manifests of a repository have
	// been used since, so that they are skipped.
	Used func(repository string) (tag func(string) bool, manifest func(layout.Digest) bool)

	table *table
	repos []string // sorted when the listing is
	names []string
	items []listed // sorted by repository, kind, digest and name

	mu    sync.Mutex // of texts
	texts []string   // why items are skipped
	told  map[string]uint16
}

// listed is an item in 24 bytes. Names are numbered in the order in which they
// are added.
type listed struct {
	mtime int64
	id    ID
	repo  uint32
	name  uint32 // 1 + index in names, or 0
	why   uint16 // 1 + index in texts, notSkipped, or 0 as long as nothing is known
	kind  Kind
	part  Part
}

// NewListing returns an empty listing.
func NewListing() *Listing {
	return &Listing{table: digests.NewTable[record](), texts: []string{inUse}, told: map[string]uint16{inUse: 1}}
}

// Add adds an item. Its name and digest are empty if it has none. Adding the items
// of one repository one after another is fastest.
func (g *Listing) Add(i Listed) {
	if last := len(g.repos) - 1; last < 0 || g.repos[last] != i.Repository {
		g.repos = append(g.repos, i.Repository)
	}
	one := listed{mtime: i.MTime, repo: uint32(len(g.repos) - 1), kind: i.Kind, part: i.Part}
	if !i.Digest.IsZero() { // a tag may name nothing
		one.id = g.table.Intern(i.Digest)
	}
	if i.Name != "" {
		g.names = append(g.names, i.Name)
		one.name = uint32(len(g.names))
	}
	g.items = append(g.items, one)
}

// digests is the table that a Store begins with.
func (g *Listing) digests() *table {
	if g == nil {
		return digests.NewTable[record]()
	}
	return g.table
}

// isNewer reports whether a file was written since the plan was made.
func (g *Listing) isNewer(mtime int64) bool { return g != nil && mtime > disk.Nanoseconds(g.Time) }

// Len returns the number of items.
func (g *Listing) Len() int { return len(g.items) }

// ErrTwice says that a listing has an item twice.
var ErrTwice = errors.New("it lists something twice")

// Sort arranges the items after the last has been added.
func (g *Listing) Sort() error {
	sorted := slices.Clone(g.repos)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	for i := range g.items {
		at, _ := slices.BinarySearch(sorted, g.repos[g.items[i].repo])
		g.items[i].repo = uint32(at)
	}
	g.repos = sorted
	slices.SortFunc(g.items, func(a, b listed) int { return g.compare(&a, &b) })
	for i := range g.items {
		if i > 0 && g.compare(&g.items[i-1], &g.items[i]) == 0 {
			return ErrTwice
		}
	}
	return nil
}

func (g *Listing) compare(a, b *listed) int {
	return cmp.Or(cmp.Compare(a.repo, b.repo), compareKeys(g.keyOf(a), g.keyOf(b)))
}

// listedKey names an item within its repository: a tag by its name whatever it
// names, an interrupted write by its path.
type listedKey struct {
	kind Kind
	id   ID
	name string
}

func makeKey(kind Kind, id ID, name string) listedKey {
	if kind == Tag || kind == Temporary {
		id = 0
	}
	return listedKey{kind, id, name}
}

func compareKeys(a, b listedKey) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id), cmp.Compare(a.name, b.name))
}

func (g *Listing) keyOf(i *listed) listedKey { return makeKey(i.kind, i.id, g.nameOf(i)) }

func (g *Listing) nameOf(i *listed) string {
	if i.name == 0 {
		return ""
	}
	return g.names[i.name-1]
}

// listing is what is listed of one repository, or of none. The zero value
// lists nothing.
type listing struct {
	g     *Listing
	items []listed
}

// within returns what is listed of one repository, or, for "", of none.
func (g *Listing) within(repository string) listing {
	if g == nil {
		return listing{}
	}
	at, ok := slices.BinarySearch(g.repos, repository)
	if !ok {
		return listing{g: g}
	}
	// Not slices.BinarySearchFunc, which copies whole items: those of other
	// repositories are just being told why they are skipped.
	begin := func(repo int) int {
		return sort.Search(len(g.items), func(i int) bool { return g.items[i].repo >= uint32(repo) })
	}
	return listing{g, g.items[begin(at):begin(at+1)]}
}

// find returns an item, or nil.
func (s listing) find(kind Kind, id ID, name string) *listed {
	at, ok := slices.BinarySearchFunc(s.items, makeKey(kind, id, name), func(i listed, key listedKey) int {
		return compareKeys(s.g.keyOf(&i), key)
	})
	if !ok {
		return nil
	}
	return &s.items[at]
}

// skip records why an item is not removed. The first Look calls it,
// concurrently for different items.
func (g *Listing) skip(i *listed, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	number := g.told[why]
	switch {
	case number > 0:
	case len(g.texts) < tellable:
		g.texts = append(g.texts, why)
		number = uint16(len(g.texts))
		g.told[why] = number
	default:
		number = g.told[inUse]
	}
	i.why = number
}

// tellable is how many different reasons are told: there may be one for every
// tag that has been moved.
const tellable = 60_000

// notSkipped is in place of a reason.
const notSkipped = ^uint16(0)

// Why items of a plan are skipped. Other reasons are those of whyIsKept.
const (
	inUse          = "something that is kept needs it"
	isGone         = "it is gone"
	tooRecent      = "it is too recent"
	isGuardedBy    = "it is protected"
	isPulled       = "it has been pulled since the plan was made"
	isRewritten    = "it has been written again since the plan was made"
	isTagged       = "a tag names it"
	imageIsKept    = "its image is kept"
	notEmpty       = "it is not empty"
	uploadIsActive = "it is being written to, or too recent"
	whileUpload    = "something is being uploaded to its repository"
	leftover       = "it is gone, in use, or too recent"
	otherNameLeads = "another name in the store leads to it"
)
