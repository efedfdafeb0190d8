package trash

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/sweep/work"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// restoring is one execution of a Restore.
type restoring struct {
	*Restore
	ctx  context.Context
	lock *disk.Lock
	jobs int

	mu       sync.Mutex
	failures []tree.Failure
}

func (x *restoring) run() ([]tree.Failure, error) {
	x.bin.lock = x.lock
	var err error
	if !x.undoes { // no later run may go on with the undoing of a repair
		err = x.bin.rename(binRestoring)
	}
	if err == nil {
		err = x.steps()
	}
	slices.SortFunc(x.failures, func(a, b tree.Failure) int { return strings.Compare(a.Path, b.Path) })
	if err != nil || x.ctx.Err() != nil || len(x.failures) > 0 {
		return x.failures, err
	}
	return nil, x.finish()
}

// steps puts things back kind by kind, each when what it needs is on the disk:
// a power cut must not leave a manifest without its blobs.
func (x *restoring) steps() error {
	for lo := 0; lo < len(x.things) && x.ctx.Err() == nil; {
		hi, kind := lo, x.things[lo].kind
		for hi < len(x.things) && x.things[hi].kind == kind {
			hi++
		}
		part := x.things[lo:hi]
		jobs := x.jobs
		if kind == manifestThing {
			jobs = 1 // children before parents
		}
		work.InChunks(jobs, len(part), x.worker, func(w *putter, i int) { w.put(part[i]) })
		lo = hi
		if kind == blobThing || kind == layerThing || kind == manifestThing {
			if err := x.sync(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// sync waits until what was put back is on the disk.
func (x *restoring) sync(things []*thing) error {
	if !slices.ContainsFunc(things, func(t *thing) bool { return t.state == isBack }) {
		return nil
	}
	return x.lock.Store().Sync()
}

// finish removes what is left of the run: directories with nothing in them,
// and, unless something stays in the trash, the description.
func (x *restoring) finish() error {
	if x.aside && !slices.ContainsFunc(x.things, func(t *thing) bool { return t.inPlace && t.state != isBack }) {
		x.removeMarks()
	}
	gone, err := x.bin.Drop()
	if err == nil && !gone {
		err = x.bin.rename(binDone)
	}
	return err
}

// removeMarks removes all marks: the look of a restore does not list all links. What
// is not removed has the next run look for what is not there.
func (x *restoring) removeMarks() {
	tree.RemoveMark(x.lock)
	w := walker.New(x.lock.Store().Dir, walker.Options{Jobs: x.jobs})
	defer w.Close()
	marks, _ := w.Marks(x.ctx) // those that were met
	for _, at := range marks {
		_ = tree.RemoveMarkAt(x.lock, at)
	}
}

// putter is a worker of a restore: it keeps directories open.
type putter struct {
	x         *restoring
	from      tree.Dirs
	blobs, to tree.Maker
}

func (x *restoring) worker() *putter {
	w := &putter{x: x}
	w.blobs.Root = func() (*disk.Locked, error) { return x.lock.Open(layout.Blobs) }
	w.to.Root = func() (*disk.Locked, error) { return x.lock.Open(layout.Repositories) }
	return w
}

func (w *putter) Tell() {} // it does not take long

func (w *putter) Close() {
	w.from.Close()
	w.blobs.Close()
	w.to.Close()
}

// put puts one thing back, unless what it needs is not there.
func (w *putter) put(t *thing) {
	if w.x.ctx.Err() != nil || t.state != comesBack && t.state != isSame {
		return
	}
	err := w.needs(t)
	if err == nil {
		err = w.try(t)
	}
	if disk.Gone(err) {
		// One wrong answer of the filesystem is not believed: again, from the top.
		w.Close()
		err = w.try(t)
	}
	switch {
	case err == nil:
		t.state = isBack
	case errors.Is(err, disk.ErrExists):
		t.keep("something else is in its place")
	default:
		w.x.fail(t.path, err)
	}
}

func (x *restoring) fail(path string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failures = append(x.failures, tree.Failure{Path: path, Err: err})
}

func (w *putter) needs(t *thing) error {
	for _, n := range t.needs {
		if n.state != isBack {
			return fmt.Errorf("it needs %s, which is not back", n.path)
		}
	}
	return nil
}

func (w *putter) try(t *thing) error {
	switch {
	case t.state == isSame:
		return w.drop(t)
	case t.replaces:
		return w.replace(t)
	case w.x.undoes:
		return w.move(t.path, t.from)
	}
	switch t.kind {
	case directoryThing:
		_, err := w.place(t.path, t.from)
		return err
	case tagThing:
		if there, err := w.x.stat(t.path); err != nil || !there {
			if err != nil {
				return err
			}
			return w.move(t.path, t.from)
		}
		return w.files(t)
	case uploadThing:
		return w.files(t)
	}
	return w.move(t.path, t.from)
}

// files moves what is in a tag or an upload, a tag's current link last.
func (w *putter) files(t *thing) error {
	for _, current := range []bool{false, true} {
		for _, f := range t.files {
			if (t.kind == tagThing && path.Dir(f) == layout.Current) != current {
				continue
			}
			err := w.move(t.path+"/"+f, t.from+"/"+f)
			if errors.Is(err, disk.ErrExists) && t.kind == tagThing {
				err = w.same(t.path+"/"+f, t.from+"/"+f)
			}
			if disk.Gone(err) {
				// A try before this one may have moved it.
				there, serr := w.x.stat(t.path + "/" + f)
				if serr != nil {
					return serr
				}
				if there {
					err = nil
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// same removes a link that is in its place already.
func (w *putter) same(path, from string) error {
	same, err := w.x.sameText(path, from)
	if err == nil && !same {
		err = disk.ErrExists
	}
	if err != nil {
		return err
	}
	return w.unlink(from)
}

// drop removes what is in its place already.
func (w *putter) drop(t *thing) error {
	if t.kind == directoryThing {
		return nil // its own is removed with the run's
	}
	return w.unlink(t.from)
}

// unlink removes a name in the trash. One that is gone already is no error.
func (w *putter) unlink(from string) error {
	err := w.unlinkOnce(from)
	if disk.Gone(err) {
		w.Close() // one wrong answer is not believed
		err = w.unlinkOnce(from)
	}
	return tree.IgnoreGone(err)
}

func (w *putter) unlinkOnce(from string) error {
	dir, name := path.Split(from)
	d, err := w.from.Open(w.x.lock, strings.Split(strings.TrimSuffix(dir, "/"), "/")...)
	if err != nil {
		return err
	}
	return d.Unlink(name)
}

// move moves a file, or the directory of a tag.
func (w *putter) move(to, from string) error {
	dir, name := path.Split(from)
	d, err := w.from.Open(w.x.lock, strings.Split(strings.TrimSuffix(dir, "/"), "/")...)
	if err != nil {
		return err
	}
	place, err := w.placeLike(path.Dir(to), d.Dir)
	if err != nil {
		return err
	}
	err = d.RenameNoReplace(name, place, path.Base(to))
	if w.x.undoes && errors.Is(err, syscall.EXDEV) {
		err = w.across(d, name, place, path.Base(to), false)
	}
	if disk.Gone(err) {
		// A try before this one may have moved it.
		if _, serr := place.Stat(path.Base(to)); serr == nil {
			return nil
		}
	}
	return err
}

// place makes a directory of the store like one in the trash.
func (w *putter) place(to, from string) (*disk.Locked, error) {
	d, err := w.from.Open(w.x.lock, strings.Split(from, "/")...)
	if err != nil {
		return nil, err
	}
	return w.placeLike(to, d.Dir)
}

func (w *putter) placeLike(to string, like *disk.Dir) (*disk.Locked, error) {
	parts := strings.Split(to, "/")
	if parts[0] == layout.Blobs {
		return w.blobs.Make(like, parts[1:]...)
	}
	return w.to.Make(like, parts[1:]...)
}
