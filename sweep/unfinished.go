package sweep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// IsUnfinished reports whether a run has left its mark in the store: it was
// stopped while names were set aside, or is under way. A look at such a store
// reads every link. If the mark was lost, a look that finds a name that was set
// aside does the same.
func IsUnfinished(store *disk.Dir) (bool, error) {
	there, err := tree.IsThere(store, layout.Unfinished)
	if err != nil || there {
		return there, err
	}
	return tree.HasOldMark(store)
}

// IsUnfinishedAnywhere is IsUnfinished for commands that do not look at the
// repositories, which can also have a mark.
func IsUnfinishedAnywhere(ctx context.Context, w *walker.Walker) (bool, error) {
	if unfinished, err := IsUnfinished(w.Store()); err != nil || unfinished {
		return unfinished, err
	}
	marks, err := w.Marks(ctx)
	return len(marks) > 0, err
}

// Clock returns the present by the clock of the store's file server. To read the
// clock, it sets the time of a directory that it may write to. That is the store's
// own directory, or one below it if another user owns the store's directory or an
// older version has marked it.
func Clock(lock *disk.Lock) (now time.Time, err error) {
	old, err := tree.HasOldMark(lock.Store().Dir)
	if err != nil {
		return now, err
	}
	if !old {
		if now, err = lock.Store().Touch(); !errors.Is(err, fs.ErrPermission) {
			return now, err
		}
	}
	for _, name := range []string{layout.Blobs, layout.Repositories} {
		d, oerr := lock.Open(name)
		if disk.Gone(oerr) {
			continue
		}
		if oerr != nil {
			return now, errors.Join(err, oerr)
		}
		now, oerr = d.Touch()
		d.Close()
		if !errors.Is(oerr, fs.ErrPermission) {
			return now, oerr
		}
		err = errors.Join(err, oerr)
	}
	return now, err
}

// leaveMark leaves the mark of a running sweep, before the first name is set
// aside. The mark is a file. If no file can be made, it is a second name for a
// link that is to be removed. A second mark is among the layer links that are
// to be removed, if there are any: a look would not read these if somebody
// removed the first mark. It is the only one if the store's directory accepts
// no mark; the run has to be able to write there anyway. If there is no space
// even for that, names that every look finds are the mark: setAsideMarked sets some
// blobs aside before the layer links, which a look need not read.
func (r *run) leaveMark() error {
	store := r.lock.Store()
	err := store.Create(layout.Unfinished)
	at := r.firstLayer()
	if err == nil || errors.Is(err, disk.ErrExists) {
		if at >= 0 {
			_ = r.markBeside(at, false) // the first one is there
		}
		return store.SyncHere()
	}
	if at < 0 {
		r.unmarked = true // and every look meets what is set aside
		return nil
	}
	lerr := r.linkMark(at)
	if lerr == nil {
		return store.SyncHere()
	}
	berr := r.markBeside(at, true)
	if berr == nil {
		return nil
	}
	r.unmarked = true
	if !r.hasPlanned(mark.Blob) {
		return fmt.Errorf("leave a mark that links are set aside: %w", errors.Join(err, lerr, berr))
	}
	return nil
}

// firstLayer returns the index of the first layer link of the plan, or -1.
func (r *run) firstLayer() int {
	lo, hi := r.kindRange(mark.LayerLink)
	for i := lo; i < hi; i++ {
		if r.done[i] == planned && !r.items[i].Aside {
			return i
		}
	}
	return -1
}

// markBeside leaves the mark in the directory of a layer link's algorithm, which
// every look lists. Where it is the only one it has to be on the disk.
func (r *run) markBeside(at int, only bool) error {
	c := &cache{r: r}
	defer c.Close()
	i := &r.items[at]
	dir, err := c.openIn(r.look.RepositoryOf(i), layout.Layers, r.look.Digest(i.ID).Algorithm().String())
	if err != nil {
		return err
	}
	if err := dir.Create(layout.Unfinished); err != nil && !errors.Is(err, disk.ErrExists) {
		d, derr := dir.OpenBelow(r.look.Digest(i.ID).Hex())
		if derr != nil {
			return errors.Join(err, derr)
		}
		defer d.Close()
		if lerr := d.Link(layout.Link, dir, layout.Unfinished); lerr != nil {
			return errors.Join(err, lerr)
		}
	}
	r.beside = dir.Join(layout.Unfinished)
	if only {
		return dir.SyncHere()
	}
	return nil
}

// linkMark gives a layer link of the plan the name of the mark as a second
// name. Where no file can be made, there is usually room for a name.
func (r *run) linkMark(at int) error {
	c := &cache{r: r}
	defer c.Close()
	d, err := r.openDigest(c, &r.items[at], layout.Layers)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Link(layout.Link, r.lock.Store(), layout.Unfinished)
}

// marks is how many blobs are set aside early if no mark could be made. One
// would be enough, but a push of the same blob would hide it.
const marks = 16

// setAsideMarked sets some blobs aside before the layer links. They are removed
// after these.
func (r *run) setAsideMarked() {
	if !r.unmarked {
		return
	}
	c := &cache{r: r}
	defer c.Close()
	lo, hi := r.kindRange(mark.Blob)
	for i := lo; i < min(hi, lo+marks); i++ {
		c.steps-- // each counts it
		r.one(c, i, planned, setAside, r.setAsideBlob)
	}
}

// removeMarks removes all marks: those of this run, and those that were found.
func (r *run) removeMarks() {
	tree.RemoveMark(r.lock)
	r.removeMarksBeside()
}

// removeMarksBeside removes the marks among links. What it cannot remove is
// tried again at the next call. A mark that is left only makes the next run
// look harder.
func (r *run) removeMarksBeside() {
	paths := r.look.Marks()
	if r.beside != "" {
		paths = append(slices.Clone(paths), r.beside)
	}
	for _, p := range paths {
		if !slices.Contains(r.unmarks, p) && tree.RemoveMarkAt(r.lock, p) == nil {
			r.unmarks = append(r.unmarks, p)
		}
	}
}
