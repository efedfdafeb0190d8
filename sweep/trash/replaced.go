package trash

import (
	"errors"
	"maps"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// repairCommand is the command in the description of a repair's run.
const repairCommand = "repair"

// isRepair reports whether the run holds what a repair has replaced: damaged
// files, which are put back only when somebody asks for them.
func (b *Bin) isRepair() bool { return b.Command == repairCommand }

// Replaced is the run in the trash to which a repair moves what it replaces. It
// is complete at any time, so no later run continues it.
type Replaced struct {
	bin   *Bin
	maker tree.Maker
	lock  *disk.Lock // nil if nothing has been made beside
}

// stagingName is the directory, in regsweep's own, in which a repair makes the
// directories of links that are missing. An empty one in the place of a link
// would look like a deletion.
const stagingName = "repair"

// Stage opens an empty directory in which directories of links can be made. The
// caller closes it.
func (r *Replaced) Stage(lock *disk.Lock) (*disk.Locked, error) {
	own, err := tree.MakeOwn(lock)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	if r.lock == nil {
		if err := removeStaged(own); err != nil {
			return nil, err
		}
		r.lock = lock
	}
	return tree.OpenOrMake(own, stagingName, lock.Store().Dir)
}

// removeStaged removes what a run has left that was stopped.
func removeStaged(own *disk.Locked) error {
	return tree.Remove(tree.Unlinker{}, own, stagingName, func(p []string) (file, directory bool) {
		return len(p) == 2 && tree.IsLink(p[1]), len(p) == 1
	})
}

// unstage removes the directory of Stage, and regsweep's own if it is empty then.
func (r *Replaced) unstage() error {
	if r.lock == nil {
		return nil
	}
	own, err := r.lock.Open(layout.Own)
	if err != nil {
		return tree.IgnoreGone(err)
	}
	err = removeStaged(own)
	own.Close()
	return errors.Join(err, DropEmpty(r.lock))
}

// NewReplaced returns a run of the trash in which nothing is yet. Nothing is made
// before Begin.
func NewReplaced(root string, started time.Time) *Replaced {
	r := &Replaced{bin: NewBin(repairCommand, root, started)}
	r.maker.Root = r.bin.Open
	return r
}

// Begin makes the run's directory, if it is not there, and writes down what is
// about to be put into the place of things, by path and time.
func (r *Replaced) Begin(lock *disk.Lock, put map[string]int64) error {
	if r.bin.Put == nil {
		r.bin.Put = map[string]int64{}
	}
	maps.Copy(r.bin.Put, put)
	if r.bin.Name == "" {
		return r.bin.beginAs(lock, binDone)
	}
	return r.bin.describe()
}

// ErrOneName says that a file cannot have a second name in the trash.
var ErrOneName = errors.New("the filesystem has no second names for files")

// Keep gives a file a second name in the trash, so that its own can be given to
// another file in one step. Where that cannot be done it is ErrOneName.
func (r *Replaced) Keep(d *disk.Locked, name string) error {
	to, base, err := r.place(d, name)
	if err != nil {
		return err
	}
	err = to.LinkFrom(d.Dir, name, base)
	switch {
	case err == nil:
		r.bin.AddMoved()
		return nil
	case errors.Is(err, disk.ErrExists):
		here, herr := d.Stat(name)
		there, terr := to.Stat(base)
		if herr == nil && terr == nil && here.IsAlso(there) {
			return nil // a try before this one did it
		}
		return err
	case disk.Gone(err):
		return err
	}
	return errors.Join(ErrOneName, err)
}

// Drop takes back what Keep did.
func (r *Replaced) Drop(d *disk.Locked, name string) {
	if to, base, err := r.place(d, name); err == nil && to.Unlink(base) == nil {
		r.bin.moved.Add(-1)
	}
}

// Take moves a file to the trash.
func (r *Replaced) Take(d *disk.Locked, name string) error {
	to, base, err := r.place(d, name)
	if err != nil {
		return err
	}
	if err = d.RenameNoReplace(name, to, base); err == nil {
		r.bin.AddMoved()
	}
	return err
}

// Kept is what Keep or Take have put into the trash for a name, as it is now.
func (r *Replaced) Kept(d *disk.Locked, name string) (disk.Info, error) {
	to, base, err := r.place(d, name)
	if err != nil {
		return disk.Info{}, err
	}
	return to.Stat(base)
}

// GiveBack gives a name back to what Take or Keep have put into the trash: a file
// that somebody has written to meanwhile. Where another one has the name by now,
// it gives way only if that is mine.
func (r *Replaced) GiveBack(d *disk.Locked, name string, mine *disk.Info) error {
	from, base, err := r.place(d, name)
	if err != nil {
		return err
	}
	now, err := d.Stat(name)
	switch {
	case err == nil && mine != nil && now.IsStill(*mine):
		err = from.Rename(base, d, name)
	case err == nil || disk.Gone(err):
		err = from.RenameNoReplace(base, d, name)
	}
	if err == nil {
		r.bin.moved.Add(-1)
	}
	return err
}

// place makes the directory in the trash that a file is moved to.
func (r *Replaced) place(d *disk.Locked, name string) (to *disk.Locked, base string, err error) {
	at := d.Join(name)
	to, err = r.maker.Make(d.Dir, strings.Split(path.Dir(at), "/")...)
	if err != nil { // as something may have removed what is open
		r.maker.Close()
		to, err = r.maker.Make(d.Dir, strings.Split(path.Dir(at), "/")...)
	}
	return to, path.Base(at), err
}

// Name is the run's name, or "" if nothing was moved.
func (r *Replaced) Name() string {
	if !r.bin.Used() {
		return ""
	}
	return r.bin.Name
}

// Close removes the run's directory if nothing was moved, and that of Stage.
func (r *Replaced) Close() error {
	r.maker.Close()
	err := r.unstage()
	if r.bin.Name != "" && !r.bin.Used() {
		_, derr := r.bin.Drop()
		err = errors.Join(err, derr)
	}
	return err
}

// planUndo decides what of a repair's run is put back: each file by itself, since
// they are damaged. What the repair has put in its place gives way; what anybody
// else has does not.
func (r *Restore) planUndo() error {
	var files []*thing
	for _, t := range r.things {
		if t.kind != tagThing {
			files = append(files, t)
			continue
		}
		for _, f := range t.files {
			one := *t
			one.path, one.from, one.files = t.path+"/"+f, t.from+"/"+f, nil
			files = append(files, &one)
		}
	}
	r.things = files
	for _, t := range files {
		if err := r.decideUndo(t); err != nil {
			return err
		}
	}
	return nil
}

func (r *Restore) decideUndo(t *thing) error {
	if by := r.leadsTo(t); by != "" {
		t.keep("%s", leadsThere(by))
		return nil
	}
	switch t.kind {
	case directoryThing:
		t.state = isSame
		return nil
	case unknownThing:
		t.keep("it is not known what it is")
		return nil
	}
	there, err := r.stat(t.path)
	if err != nil {
		return err
	}
	if !there {
		t.state = comesBack
		return nil
	}
	one, err := r.isOneFile(t)
	if err != nil {
		return err
	}
	mine, err := r.isPut(r.store, t)
	switch {
	case err != nil:
		return err
	case one:
		t.state = isSame
	case mine:
		t.state, t.replaces = comesBack, true
	default:
		t.keep("something else has been written there since the repair")
	}
	return nil
}

// isPut reports whether what is in a thing's place is what the repair has put there.
func (r *Restore) isPut(store *disk.Dir, t *thing) (bool, error) {
	put, ok := r.bin.Put[t.path]
	if !ok {
		return false, nil
	}
	info, err := store.Stat(t.path)
	return err == nil && info.Type == disk.File && info.MTime == put, tree.IgnoreGone(err)
}

// replace puts a thing back over what the repair has put in its place.
func (w *putter) replace(t *thing) error {
	mine, err := w.x.isPut(w.x.lock.Store().Dir, t)
	if err != nil {
		return err
	}
	if !mine {
		return disk.ErrExists
	}
	d, err := w.from.Open(w.x.lock, strings.Split(path.Dir(t.from), "/")...)
	if err != nil {
		return err
	}
	place, err := w.placeLike(path.Dir(t.path), d.Dir)
	if err != nil {
		return err
	}
	err = d.Rename(path.Base(t.from), place, path.Base(t.path))
	if errors.Is(err, syscall.EXDEV) {
		err = w.across(d, path.Base(t.from), place, path.Base(t.path), true)
	}
	return err
}
