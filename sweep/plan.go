// Package sweep removes what nothing keeps. A Plan is a value that says what is
// to be removed. Executing it is another call, which needs the lock.
package sweep

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/mark"
)

// Plan is what a run would remove, sorted in the order of its removal, with sizes.
type Plan struct {
	look  *mark.Look
	items []mark.Item
	done  []outcome // of each item
	total Amount
	kept  [mark.Reasons]Amount // by the reason for which blobs are live
	// cure says that the store could not be read in full, and that nothing is removed
	// for which it would have to be.
	cure bool
	// refused says that nothing is removed, though the look has found what would be.
	refused bool
	bin     *trash.Bin // where removed items are moved to; nil if they are removed for good
	// begun is the run in the trash that was stopped, where the rest of what it
	// had set aside belongs; nil if there is none.
	begun *trash.Bin
	// before is asked before the first removal.
	before []func() error

	closely  bool     // its estimates look at more
	progress Progress // of its execution
}

// outcome says what became of an item.
type outcome uint8

const (
	planned  outcome = iota
	setAside         // it has been set aside
	removed          // it is gone
	failed           // it could not be removed, or something that keeps it could not
	kept             // it became live
)

// NewCure plans to remove manifests that cannot be read, and their tags, from a
// store that could not be read in full. It removes no blob and no layer link.
func NewCure(look *mark.Look) *Plan {
	look.Cure()
	p := New(look)
	p.cure = true
	return p
}

// New plans to remove all garbage that a look found.
func New(look *mark.Look) *Plan {
	p := &Plan{look: look, items: look.Items, done: make([]outcome, len(look.Items))}
	look.Store.SettleDisk()
	look.Store.EachBlob(func(b mark.BlobInfo) {
		p.total.add(b)
		if b.Reason != mark.Dead {
			p.kept[b.Reason].add(b)
		}
	})
	return p
}

// NewRefused returns the plan of a look whose removal is refused. It removes
// nothing.
func NewRefused(look *mark.Look) *Plan {
	look.Items = nil
	p := New(look)
	p.refused = true
	return p
}

// Items calls fn for everything in the plan.
func (p *Plan) Items(fn func(mark.Item)) {
	for _, i := range p.items {
		fn(i)
	}
}

// Into makes the execution move items into the trash, instead of removing them.
func (p *Plan) Into(bin *trash.Bin) { p.bin = bin }

// Before makes the execution call ask after it has looked again, and before it
// removes anything. If ask fails, nothing is removed.
func (p *Plan) Before(ask func() error) { p.before = append(p.before, ask) }

// Empty reports whether there is nothing to remove and nothing to give back.
func (p *Plan) Empty() bool { return len(p.items) == 0 && len(p.look.Restore) == 0 }

// Resumes reports whether an earlier run was stopped while names were set
// aside. Then the execution finishes the work of that run, even if the plan is
// empty.
func (p *Plan) Resumes() bool { return p.look.Store.Resumed() }

// Look returns the look that the plan was made from.
func (p *Plan) Look() *mark.Look { return p.look }

// Total returns the amount of all blobs of the store.
func (p *Plan) Total() Amount { return p.total }

// Garbage returns what nothing keeps and is not in the plan. For a plan with a
// selection, this is what was garbage before.
func (p *Plan) Garbage() (g KeptAmount) {
	if p.cure || p.refused {
		return g
	}
	g.Blobs, g.Bytes = p.total.Blobs, p.total.Bytes
	for _, k := range p.kept {
		g.Blobs -= k.Blobs
		g.Bytes -= k.Bytes
	}
	for i := range p.items {
		if p.items[i].Kind == mark.Blob {
			g.Blobs--
			g.Bytes -= p.look.Store.Blob(p.items[i].ID).Size
		}
	}
	return g
}

// Bytes returns the size of the blobs in the plan.
func (p *Plan) Bytes() (n int64) {
	for i := range p.items {
		if p.items[i].Kind == mark.Blob {
			n += p.look.Store.Blob(p.items[i].ID).Size
		}
	}
	return n
}

// keepLive takes from the plan what a later look does not find to be garbage.
func (p *Plan) keepLive(later *mark.Look) {
	sorted := slices.Clone(later.Items)
	slices.SortFunc(sorted, func(a, b mark.Item) int { return compareItems(later, &a, later, &b) })
	for i := range p.items {
		item := &p.items[i]
		if p.done[i] != planned {
			continue
		}
		_, found := slices.BinarySearchFunc(sorted, item, func(have mark.Item, want *mark.Item) int {
			return compareItems(later, &have, p.look, want)
		})
		if !found {
			p.done[i] = kept
		}
	}
}

// compareItems orders items of two looks at one store by what they name.
func compareItems(la *mark.Look, a *mark.Item, lb *mark.Look, b *mark.Item) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	// A tag is the same tag whatever it names.
	if c := cmp.Compare(a.ID, b.ID); c != 0 && a.Kind != mark.Tag {
		return c
	}
	if c := strings.Compare(la.RepositoryOf(a), lb.RepositoryOf(b)); c != 0 {
		return c
	}
	return strings.Compare(la.NameOf(a), lb.NameOf(b))
}

// Path is where an item is, relative to the store.
func (p *Plan) path(i *mark.Item) string { return p.look.PathOf(i) }

// Progress counts what the execution of a plan has done so far. It can be read
// meanwhile. Most items take two steps: they are set aside, and then removed.
type Progress struct {
	Steps, AllSteps atomic.Int64
	Bytes           atomic.Int64 // of the blobs that are gone
	stage           atomic.Int32
}

// Stage says what an execution is doing.
type Stage int32

// ofKind are the items of one kind, sorted by repository.
func (p *Plan) ofKind(kind mark.Kind) []mark.Item {
	lo, hi := p.kindRange(kind)
	return p.items[lo:hi]
}

// kindRange is where the items of a kind are.
func (p *Plan) kindRange(kind mark.Kind) (lo, hi int) {
	byKind := func(i mark.Item, k mark.Kind) int { return int(i.Kind) - int(k) }
	lo, _ = slices.BinarySearchFunc(p.items, kind, byKind)
	hi, _ = slices.BinarySearchFunc(p.items, kind+1, byKind)
	return lo, hi
}
