package sweep

import (
	"fmt"
	"slices"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// readAgain reads the repositories once more. Its problems are the run's.
func (r *run) readAgain(aside *mark.Aside) (*mark.Look, error) {
	findings := new(walker.Findings)
	look := r.look.Store.Look(r.ctx, r.w.With(findings), aside)
	for _, p := range findings.Problems() {
		if p.Kind == walker.IOError && !r.cure {
			return nil, fmt.Errorf("%w: %s: %s", tree.ErrUnreadable, p.Path, p.Detail)
		}
		if aside == nil {
			r.w.Findings.Add(p)
		}
	}
	if len(look.Repositories) == 0 && len(r.look.Repositories) > 0 && !r.stopped() {
		return nil, fmt.Errorf("%w: all repositories have vanished", tree.ErrUnreadable)
	}
	return look, nil
}

// restored are the items that a look found to be live and set aside.
func restored(later *mark.Look) []entry {
	var list []entry
	for _, i := range later.Restore {
		list = append(list, entry{later, i})
	}
	return list
}

// giveBack gives names back, blobs first and tags last, so that a registry
// never sees a manifest whose parts have no names.
func (r *run) giveBack(list []entry) {
	slices.SortFunc(list, func(a, b entry) int {
		return compareEntries(&b, &a)
	})
	list = slices.CompactFunc(list, func(a, b entry) bool { return compareEntries(&a, &b) == 0 })
	places := r.places()
	for lo := 0; lo < len(list); {
		hi := lo
		for hi < len(list) && list[hi].item.Kind == list[lo].item.Kind {
			hi++
		}
		part := list[lo:hi]
		r.chunks(len(part), func(c *cache, i int) {
			err := r.giveBackOne(c, &part[i])
			if disk.Gone(err) {
				// One wrong answer of the filesystem is not believed.
				c.Close()
				err = r.giveBackOne(c, &part[i])
			}
			r.settleGivenBack(places, &part[i], err)
		})
		lo = hi
	}
}

// settleGivenBack records that an item is kept. This counts as a failed removal
// if others failed, since these may keep it.
func (r *run) settleGivenBack(places []int32, e *entry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failures = append(r.failures, tree.Failure{Path: r.pathOf(e), Err: fmt.Errorf("give its name back: %w", err)})
	}
	at, ok := slices.BinarySearchFunc(places, e, func(i int32, e *entry) int {
		return compareItems(r.look, &r.items[i], e.look, &e.item)
	})
	if !ok {
		return // a run before this one had set it aside
	}
	switch {
	case r.stopped() && err == nil:
		r.done[places[at]] = planned
	case len(r.failures) > 0:
		r.done[places[at]] = failed
	default:
		r.done[places[at]] = kept
	}
}

// giveBackLive looks at the repositories once more.
func (r *run) giveBackLive() error {
	aside := &mark.Aside{Layers: map[string][]digests.ID{}, Tags: map[string][]string{}, Cut: map[string][]string{}}
	for i := range r.items {
		if item := &r.items[i]; item.Kind == mark.Tag && r.done[i] == failed {
			name := r.look.RepositoryOf(item)
			aside.Tags[name] = append(aside.Tags[name], r.look.NameOf(item))
		} else if item.Kind == mark.Tag && r.done[i] == planned {
			name := r.look.RepositoryOf(item)
			aside.Cut[name] = append(aside.Cut[name], r.look.NameOf(item))
		}
		// A failed one may have been renamed all the same.
		if item := &r.items[i]; item.Kind == mark.LayerLink && (r.done[i] == setAside || r.done[i] == failed) {
			name := r.look.RepositoryOf(item)
			aside.Layers[name] = append(aside.Layers[name], item.ID)
		}
	}
	later, err := r.readAgain(aside)
	if err != nil {
		return fmt.Errorf("%w; images and layers that were set aside have their names back", err)
	}
	if !r.stopped() {
		r.giveBack(restored(later))
	}
	return nil
}

// giveBackStuck gives names back to items of a kind that could not be moved
// into the trash, and to all that they keep, which has not been moved yet.
// Items that cannot be removed for good stay set aside for the next run.
func (r *run) giveBackStuck(kind mark.Kind) error {
	if r.bin == nil && r.begun == nil {
		return nil
	}
	var stuck []entry
	var blobs digests.Set
	if kind == mark.LayerLink {
		blobs = r.blobsThat(setAside)
	}
	lo, hi := r.kindRange(kind)
	for i := lo; i < hi; i++ {
		if r.done[i] != failed || r.stuck[i] {
			continue
		}
		r.stuck[i] = true
		stuck = append(stuck, entry{r.look, r.items[i]})
		if id := digests.ID(r.items[i].Extra); kind == mark.LayerLink && blobs.Has(id) {
			stuck = append(stuck, entry{r.look, mark.Item{Kind: mark.Blob, ID: id, Repo: mark.NoRepo}})
		}
	}
	if len(stuck) == 0 {
		return nil
	}
	r.giveBack(stuck)
	if kind == mark.LayerLink || kind == mark.Blob {
		return nil
	}
	err := r.giveBackLive()
	if err != nil || r.stopped() {
		r.giveBack(r.allAside())
	}
	return err
}
