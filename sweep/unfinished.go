package sweep

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// oldMark is the modification time that versions before this one gave to the
// store's directory while names were set aside.
var oldMark = time.Unix(1_000_000_000, 0)

// IsUnfinished reports whether a run has left its mark in the store: it was
// stopped while names were set aside, or is under way. A look at such a store
// reads every link. Where the mark is lost, a look that meets a name that was
// set aside does the same.
func IsUnfinished(store *disk.Dir) (bool, error) {
	there, err := isThere(store, layout.Unfinished)
	if err != nil || there {
		return there, err
	}
	return hasOldMark(store)
}

func hasOldMark(store *disk.Dir) (bool, error) {
	info, err := store.Info()
	return info.MTime == disk.Nanoseconds(oldMark), err
}

// Clock is what the store's file server calls the present. The directory whose
// time is set for that is one that may be written to: the store's own, or one
// below it where that is not ours, or bears the mark of an older version.
func Clock(lock *disk.Lock) (now time.Time, err error) {
	old, err := hasOldMark(lock.Store().Dir)
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

// leaveMark leaves the mark of a run under way, before the first name is set
// aside. It is a file, and where none can be made, a second name for a link that
// goes. Where there is no space even for that, names that every look meets are
// the mark: takeMarks sets some blobs aside before the layer links, which a look
// need not read.
func (r *run) leaveMark() error {
	store := r.lock.Store()
	err := store.Create(layout.Unfinished)
	if err != nil && !errors.Is(err, disk.ErrExists) {
		err = errors.Join(err, r.linkMark())
	} else {
		err = nil
	}
	if err == nil {
		return store.SyncHere()
	}
	r.unmarked = true
	if r.hasPlanned(mark.LayerLink) && !r.hasPlanned(mark.Blob) {
		return fmt.Errorf("leave a mark that links are set aside: %w", err)
	}
	return nil
}

// linkMark gives the first layer link that goes the mark's name as well: where
// no file can be made, there mostly is room for a name.
func (r *run) linkMark() error {
	lo, hi := r.kindRange(mark.LayerLink)
	for i := lo; i < hi; i++ {
		if r.done[i] != planned || r.items[i].Aside {
			continue
		}
		c := &cache{r: r}
		defer c.close()
		d, err := r.openDigest(c, &r.items[i], layout.Layers)
		if err != nil {
			return err
		}
		defer d.Close()
		return d.Link(layout.Link, r.lock.Store(), layout.Unfinished)
	}
	return errors.New("no layer link goes")
}

func (r *run) hasPlanned(kind mark.Kind) bool {
	lo, hi := r.kindRange(kind)
	for i := lo; i < hi; i++ {
		if r.done[i] == planned {
			return true
		}
	}
	return false
}

// marks is how many blobs are set aside early where no mark could be made. One
// would do; a push of the same blob would hide it.
const marks = 16

// takeMarks sets some blobs aside before the layer links. They leave after these.
func (r *run) takeMarks() {
	if !r.unmarked {
		return
	}
	c := &cache{r: r}
	defer c.close()
	lo, hi := r.kindRange(mark.Blob)
	for i := lo; i < min(hi, lo+marks); i++ {
		c.steps-- // each counts it
		r.one(c, i, planned, taken, r.takeBlob)
	}
}

// removeMark says that nothing is set aside. If it fails, the next run looks for
// what is not there.
func removeMark(lock *disk.Lock) {
	if err := lock.Store().Unlink(layout.Unfinished); disk.Gone(err) {
		_, _ = lock.Store().Touch() // which removes the mark of an older version
	}
}
