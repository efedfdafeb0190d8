package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// run is one execution of a plan.
type run struct {
	*Plan
	ctx  context.Context
	lock *disk.Lock
	w    *walker.Walker

	pace     Pace
	lastName time.Time // when the last name of any kind had been set aside
	recheck  *mark.Recheck
	batch    time.Duration // how long the next batch lasts
	mu       sync.Mutex
	failures []tree.Failure
	// histories are the manifests that a tag's history still names.
	histories map[history]struct{}
	devices   map[uint64][]string // a directory on each filesystem that links were removed from
	stuck     map[int]bool        // items that could not be moved into the trash
	unmarked  bool                // no mark of this run could be made
	beside    string              // the path of its mark among links, if there is one
	unmarks   []string            // the paths of marks among links that are removed
	undone    bool                // all that this run had set aside was to get its name back
}

// history names a manifest in the histories of a repository.
type history struct {
	repo uint32
	id   digests.ID
}

// Execute removes what is in the plan, in an order that leaves no manifest
// without its blobs wherever it is stopped:
//
// First it reads all repositories again, and takes from the plan what has
// become live. Then it sets tags, manifest links and layer links aside, by
// renaming, which needs no space. It syncs, and sets the blobs aside. Then it
// reads all repositories once more. What has become referenced meanwhile gets
// its name back, and the rest is removed. So a push at the same time either
// does not find an item, or the item that it has found is kept.
//
// A registry that has found all that a manifest names, or the data of what it
// links, may write the link a moment later. Pace says how long it gets for
// that, from the moment in which the last name was set aside until the
// repositories are read once more.
//
// When ctx is done, it stops between two removals. What has been set aside gets
// its name back, unless it has been looked at again. Afterwards the plan knows
// what became of each item. The failures are sorted by path. An error concerns
// the run as a whole.
func (p *Plan) Execute(ctx context.Context, lock *disk.Lock, w *walker.Walker, pace Pace) ([]tree.Failure, error) {
	r := newRun(ctx, p, lock, w)
	r.pace, r.batch = pace, pace.batch()
	err := r.execute()
	slices.SortFunc(r.failures, func(a, b tree.Failure) int { return strings.Compare(a.Path, b.Path) })
	return r.failures, err
}

func newRun(ctx context.Context, p *Plan, lock *disk.Lock, w *walker.Walker) *run {
	return &run{Plan: p, ctx: ctx, lock: lock, w: w, devices: map[uint64][]string{}, stuck: map[int]bool{}, histories: map[history]struct{}{}}
}

// stopped reports whether the run was asked to end.
func (r *run) stopped() bool { return r.ctx.Err() != nil }

func (r *run) execute() error {
	err := r.remove()
	complete := err == nil && !r.stopped() && len(r.failures) == 0
	r.closeTrash(complete)
	if r.undone && len(r.failures) == 0 && !r.look.Store.Resumed() && r.sync() == nil {
		r.removeMarks()
	}
	if complete {
		r.removeMarks()
		if r.bin != nil && !r.bin.Used() {
			_ = trash.DropEmpty(r.lock)
		}
	}
	return err
}

func (r *run) remove() error {
	r.countSteps()
	r.progress.enter(LookingAgain)
	if err := r.lookAgain(); err != nil {
		return err
	}
	for _, ask := range r.before {
		if err := ask(); err != nil {
			return err
		}
	}
	if err := r.refuseUnwritable(); err != nil {
		return err
	}
	if err := r.openTrash(); err != nil {
		return fmt.Errorf("%w; nothing has been removed", err)
	}
	if !slices.Contains(r.done, planned) || r.stopped() {
		return nil
	}
	if err := r.leaveMark(); err != nil {
		if !r.look.Store.Resumed() {
			r.removeMarks() // what is there of them says what is not so
		}
		return fmt.Errorf("%w; nothing has been removed", err)
	}
	if err := r.setAside(); err != nil {
		return err
	}
	return r.finish()
}

// lookAgain takes from the plan what has become live since it was made, which
// may be long ago, and gives back what a stopped run had set aside and is live.
func (r *run) lookAgain() error {
	look, err := r.readAgain(nil)
	if err != nil {
		return fmt.Errorf("%w; nothing has been removed", err)
	}
	if !r.stopped() {
		r.spare(look)
		r.giveBack(restored(look))
		r.recheck = r.look.Recheck(r.w, look, r.serverNow)
	}
	return nil
}

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

// entry is an item of some look, for giving its name back.
type entry struct {
	look *mark.Look
	item mark.Item
}

// GiveBack gives what a run that was stopped has set aside, and what a look has
// found to be live, its name back.
func GiveBack(ctx context.Context, lock *disk.Lock, w *walker.Walker, look *mark.Look) error {
	r := newRun(ctx, New(look), lock, w)
	r.giveBack(restored(look))
	if len(r.failures) > 0 {
		return fmt.Errorf("%s: %w", r.failures[0].Path, r.failures[0].Err)
	}
	return nil
}

// restored are the items that a look found to be live and set aside.
func restored(later *mark.Look) []entry {
	var list []entry
	for _, i := range later.Restore {
		list = append(list, entry{later, i})
	}
	return list
}

// taken returns all items that this run has set aside.
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

func compareEntries(a, b *entry) int {
	return compareItems(a.look, &a.item, b.look, &b.item)
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
func (r *run) finish() error {
	r.progress.enter(Removing)
	r.each(mark.Tag, planned, r.cutTag)
	r.each(mark.Tag, taken, r.removeTag)
	if err := r.giveBackStuck(mark.Tag); err != nil {
		return err
	}
	if err := r.removeManifests(); err != nil {
		return err
	}
	r.each(mark.LayerLink, taken, r.removeLayer)
	if err := r.giveBackStuck(mark.LayerLink); err != nil {
		return err
	}
	r.each(mark.Blob, taken, r.removeBlob)
	if err := r.giveBackStuck(mark.Blob); err != nil {
		return err
	}
	if len(r.failures) == 0 && !r.stopped() {
		r.removeMarksBeside() // nothing is set aside now, and they are in directories that may go
	}
	r.each(mark.RevisionDir, planned, r.removeRevisionDir)
	r.each(mark.LayerDir, planned, r.removeLayerDir)
	r.each(mark.BlobDir, planned, r.removeBlobDir)
	r.each(mark.Repository, planned, r.removeRepository)
	r.each(mark.Namespace, planned, func(c *cache, i *mark.Item) error {
		c.Close()
		return tree.RemoveNamespace(r.lock, repositoryPath(r.look.NameOf(i)))
	})
	return nil
}
