package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

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
		r.keepLive(look)
		r.giveBack(restored(look))
		r.recheck = r.look.Recheck(r.w, look, r.serverNow)
	}
	return nil
}

// GiveBack gives live items their names back that a stopped run has set aside. A
// look has found them to be live.
func GiveBack(ctx context.Context, lock *disk.Lock, w *walker.Walker, look *mark.Look) error {
	r := newRun(ctx, New(look), lock, w)
	r.giveBack(restored(look))
	if len(r.failures) > 0 {
		return fmt.Errorf("%s: %w", r.failures[0].Path, r.failures[0].Err)
	}
	return nil
}

// finish removes what has been set aside, then what is empty by then.
func (r *run) finish() error {
	r.progress.enter(Removing)
	r.each(mark.Tag, planned, r.cutTag)
	r.each(mark.Tag, setAside, r.removeTag)
	if err := r.giveBackStuck(mark.Tag); err != nil {
		return err
	}
	if err := r.removeManifests(); err != nil {
		return err
	}
	r.each(mark.LayerLink, setAside, r.removeLayer)
	if err := r.giveBackStuck(mark.LayerLink); err != nil {
		return err
	}
	r.each(mark.Blob, setAside, r.removeBlob)
	if err := r.giveBackStuck(mark.Blob); err != nil {
		return err
	}
	if len(r.failures) == 0 && !r.stopped() {
		r.removeMarksBeside() // nothing is set aside now, and they are in directories that may be removed
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
