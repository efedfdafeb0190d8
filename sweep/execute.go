package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Unfinished is the modification time of a store's directory while names are
// set aside in it. A run that finds it knows that another one was stopped, and
// looks for such names everywhere. It needs no space on the disk.
var Unfinished = time.Unix(1_000_000_000, 0)

// ErrUnreadable is wrapped when the store could not be read in full once more.
var ErrUnreadable = errors.New("the store could not be read")

// Failure is an item that could not be removed, or given its name back.
type Failure struct {
	Path string
	Err  error
}

// run is one execution of a plan.
type run struct {
	*Plan
	ctx  context.Context
	lock *disk.Lock
	w    *walker.Walker

	mu       sync.Mutex
	failures []Failure
	devices  map[uint64][]string // a directory on each filesystem that links were removed from
}

// Execute removes what is in the plan, in an order that leaves no manifest
// without its blobs wherever it is stopped:
//
// First all repositories are read again, and what has become live leaves the
// plan. Then tags, manifest links and layer links are set aside, by renaming,
// which needs no space; after a sync the blobs are, too. Then all repositories
// are read once more: what has become referenced meanwhile gets its name back,
// and the rest is removed. So a push that runs beside either finds nothing of
// what goes, or all of what it has found stays.
//
// When ctx is done, it stops between two removals, and what has been set aside
// gets its name back unless it has been looked at again. The plan tells
// afterwards what became of each item. The failures are sorted by path; an
// error is about the run as a whole.
func (p *Plan) Execute(ctx context.Context, lock *disk.Lock, w *walker.Walker) ([]Failure, error) {
	r := &run{Plan: p, ctx: ctx, lock: lock, w: w, devices: map[uint64][]string{}}
	err := r.execute()
	slices.SortFunc(r.failures, func(a, b Failure) int { return strings.Compare(a.Path, b.Path) })
	p.failed = len(r.failures) > 0 || err != nil
	return r.failures, err
}

// stopped reports whether the run was asked to end.
func (r *run) stopped() bool { return r.ctx.Err() != nil }

func (r *run) execute() error {
	if err := r.lookAgain(); err != nil {
		return err
	}
	if r.nothingLeft() {
		return nil
	}
	if err := r.lock.SetTime(Unfinished); err != nil {
		return err
	}
	if err := r.setAside(); err != nil {
		return err
	}
	r.finish()
	if r.stopped() || len(r.failures) > 0 {
		return nil // the next run has to look for what is left
	}
	_, err := r.lock.Touch()
	return err
}

// lookAgain takes from the plan what has become live since it was made, which
// may be long ago.
func (r *run) lookAgain() error {
	findings := new(walker.Findings)
	look := r.look.Store.Look(r.ctx, r.w.With(findings), nil)
	if err := unreadable(findings); err != nil {
		return fmt.Errorf("%w; nothing has been removed", err)
	}
	if !r.stopped() {
		r.spare(look)
		r.look.Restore = look.Restore
	}
	return nil
}

func unreadable(f *walker.Findings) error {
	if f.Unreadable() == 0 {
		return nil
	}
	for _, p := range f.Problems() {
		if p.Kind == walker.IOError {
			return fmt.Errorf("%w: %s: %s", ErrUnreadable, p.Path, p.Detail)
		}
	}
	return ErrUnreadable
}

func (r *run) nothingLeft() bool {
	return len(r.look.Restore) == 0 && !slices.Contains(r.done, planned) || r.stopped()
}

// setAside takes the names of all that goes, looks at the repositories again,
// and gives back those that became live. If it cannot look, it gives back all.
func (r *run) setAside() error {
	r.each(mark.Tag, planned, taken, r.takeTag)
	r.takeManifests()
	r.each(mark.TagHistory, planned, removed, r.removeHistory)
	r.each(mark.LayerLink, planned, taken, r.takeLayer)
	r.each(mark.Upload, planned, removed, r.removeUpload)
	r.each(mark.Temporary, planned, removed, r.removeTemporary)
	err := r.sync()
	if err == nil && !r.stopped() {
		r.each(mark.Blob, planned, taken, r.takeBlob)
		err = r.giveBackLive()
	}
	if err != nil || r.stopped() {
		r.giveBack(r.taken())
	}
	return err
}

// sync waits until the removal of links is on the disk: no power cut may bring
// a link back whose blob is gone.
func (r *run) sync() error {
	for _, path := range r.devices {
		d, err := r.lock.Open(path...)
		if err != nil {
			return err
		}
		err = d.Sync()
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// giveBackLive looks at the repositories once more.
func (r *run) giveBackLive() error {
	aside := &mark.Aside{Layers: map[string][]mark.ID{}}
	for i := range r.items {
		if item := &r.items[i]; item.Kind == mark.LayerLink && r.done[i] == taken {
			name := r.look.RepositoryOf(item)
			aside.Layers[name] = append(aside.Layers[name], item.ID)
		}
	}
	findings := new(walker.Findings)
	later := r.look.Store.Look(r.ctx, r.w.With(findings), aside)
	if err := unreadable(findings); err != nil {
		return fmt.Errorf("%w; what was to be removed has its name again", err)
	}
	if !r.stopped() {
		r.giveBack(r.restored(later))
	}
	return nil
}

// entry is an item of some look, for giving its name back.
type entry struct {
	look *mark.Look
	item mark.Item
}

// restored are the items that a look found to be live and set aside.
func (r *run) restored(later *mark.Look) []entry {
	var list []entry
	for _, i := range later.Restore {
		list = append(list, entry{later, i})
	}
	return list
}

// taken are all items that this run has set aside.
func (r *run) taken() []entry {
	var list []entry
	for i, item := range r.items {
		if r.done[i] == taken && !item.Aside {
			list = append(list, entry{r.look, item})
		}
	}
	return list
}

// giveBack gives names back, blobs first and tags last, so that a registry
// beside never sees a manifest whose parts have no names.
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
			r.settleGivenBack(places, &part[i], err)
		})
		lo = hi
	}
}

func compareEntries(a, b *entry) int {
	return compareItems(a.look, &a.item, b.look, &b.item)
}

// settleGivenBack records that an item stays. That is a failure of its removal
// if others failed: they may be what keeps it.
func (r *run) settleGivenBack(places []int32, e *entry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failures = append(r.failures, Failure{r.pathOf(e), fmt.Errorf("give its name back: %w", err)})
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
		r.done[places[at]] = spared
	}
}

// places are the indices of the items in the order of compareItems.
func (r *run) places() []int32 {
	order := make([]int32, len(r.items))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return compareItems(r.look, &r.items[a], r.look, &r.items[b])
	})
	return order
}

func (r *run) pathOf(e *entry) string { return (&Plan{look: e.look}).path(&e.item) }

// finish removes what has been set aside, then what is empty by then.
func (r *run) finish() {
	r.each(mark.Tag, taken, removed, r.removeTag)
	r.each(mark.Manifest, taken, removed, r.removeManifest)
	r.each(mark.LayerLink, taken, removed, r.removeLayer)
	r.each(mark.Blob, taken, removed, r.removeBlob)
	r.each(mark.RevisionDir, planned, removed, r.removeRevisionDir)
	r.each(mark.LayerDir, planned, removed, r.removeLayerDir)
	r.each(mark.BlobDir, planned, removed, r.removeBlobDir)
	r.each(mark.Repository, planned, removed, r.removeRepository)
}
