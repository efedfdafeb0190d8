// Package trash keeps what a sweep moves instead of removing it, and what a
// repair replaces. It has one directory for each run, with the paths that items
// had in the store. Restore puts a run back, and Emptying removes runs for
// good. Both overwrite nothing in the store, with one exception: undoing a
// repair replaces what the repair has written.
package trash

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// BinSchema names the version of a run's description in the trash.
const BinSchema = "regsweep/trash/v1"

// The names that the description of a run has in its directory. Renaming it
// needs no space, and says what the run's state is.
const (
	binDone      = "run.json"
	binMoving    = "moving.json"    // the run is under way, or was stopped
	binRestoring = "restoring.json" // a restore of it is, or was
	binEmptying  = "emptying.json"  // what is referenced is put back, or was to be
	binTemporary = "run.json.tmp"
)

// Description is what a run's directory in the trash says of the run.
type Description struct {
	Schema  string    `json:"schema"`
	Command string    `json:"command"`
	Started time.Time `json:"started"`
	Root    string    `json:"root"`
	// Absent are paths that the run's manifests and tags name, and that were not
	// there when it began: a restore need not wait for them.
	Absent []string `json:"absent,omitempty"`
	// Put is, of a repair, what it has written in the place of what is in the
	// trash: the time of each path, in nanoseconds. It may not have come so far.
	Put map[string]int64 `json:"put,omitempty"`
}

// Bin is a run's directory in the trash. Below it are the paths that things
// had below the store's directory.
type Bin struct {
	Description
	Name  string // sorts by time
	lock  *disk.Lock
	moved atomic.Int64 // things, by this process
	state string       // the description's name
}

var binName = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}Z)-([a-z]+)(?:-[0-9]{3})?$`)

const binTime = "20060102T150405Z"

var (
	// ErrSpace says that there is no space for the trash's directories.
	ErrSpace = errors.New("no space for the trash")
	// ErrFilesystem says that things are on another filesystem than the trash.
	ErrFilesystem = errors.New("on another filesystem than the trash")
	// ErrMount says that things are on another mount than the trash, be it
	// one of the same filesystem.
	ErrMount = errors.New("on another mount than the trash: nothing can be renamed from one to the other")
)

// Path returns the parts of the path of something in the trash, relative to the store.
func Path(more ...string) []string {
	return append([]string{layout.Own, layout.Trash}, more...)
}

// NewBin returns a run of the trash to which the execution of a plan moves
// items. Nothing is made before the execution begins.
func NewBin(command, root string, started time.Time) *Bin {
	return &Bin{Description: Description{Schema: BinSchema, Command: command, Started: started.UTC().Truncate(time.Second), Root: root}}
}

// Used reports whether anything has been moved there.
func (b *Bin) Used() bool { return b != nil && b.moved.Load() > 0 }

// AddMoved counts one thing that was moved there.
func (b *Bin) AddMoved() { b.moved.Add(1) }

// Complete records that all items have been moved.
func (b *Bin) Complete() error { return b.rename(binDone) }

// Restoring reports whether a restore of the run was begun and not completed.
func (b *Bin) Restoring() bool { return b.state == binRestoring }

// Emptying reports whether the trash was being emptied of the run, and not all
// that is referenced may have been put back.
func (b *Bin) Emptying() bool { return b.state == binEmptying }

// Open opens the run's directory.
func (b *Bin) Open() (*disk.Locked, error) { return b.lock.Open(Path(b.Name)...) }

// Begin makes the run's directory with its description, which is on the disk
// when it returns.
func (b *Bin) Begin(lock *disk.Lock) error { return b.beginAs(lock, binMoving) }

// beginAs is Begin in a state.
func (b *Bin) beginAs(lock *disk.Lock, state string) error {
	b.lock, b.state = lock, state
	trash, err := makeTrash(lock)
	if err != nil {
		return err
	}
	defer trash.Close()
	name := b.Started.Format(binTime) + "-" + b.Command
	for n := 2; ; n++ {
		b.Name = name
		if err = trash.Mkdir(name, trash.Dir); err == nil || !errors.Is(err, disk.ErrExists) || n > 999 {
			break
		}
		name = fmt.Sprintf("%s-%s-%03d", b.Started.Format(binTime), b.Command, n)
	}
	if err != nil {
		return err
	}
	return b.describe()
}

// describe writes the run's description, which is on the disk when it returns.
func (b *Bin) describe() error {
	dir, err := b.Open()
	if err != nil {
		return err
	}
	defer dir.Close()
	text, err := json.MarshalIndent(&b.Description, "", "  ")
	if err != nil {
		return err
	}
	if err = dir.Write(binTemporary, append(text, '\n')); err == nil {
		err = dir.Rename(binTemporary, dir, b.state)
	}
	if err != nil {
		return err
	}
	return dir.Sync()
}

// makeTrash opens the trash's directory, and makes it if it is not there.
func makeTrash(lock *disk.Lock) (*disk.Locked, error) {
	own, err := tree.MakeOwn(lock)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	if err := tree.NoLink(own.Dir, layout.Trash); err != nil {
		return nil, err
	}
	return tree.OpenOrMake(own, layout.Trash, lock.Store().Dir)
}

// rename gives the description another name, for another state.
func (b *Bin) rename(state string) error {
	if b.state == state || b.state == "" {
		return nil
	}
	dir, err := b.Open()
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Rename(b.state, dir, state); err != nil {
		return err
	}
	b.state = state
	return nil
}

// Bins lists the runs in the trash, the oldest first.
func Bins(store *disk.Dir) ([]*Bin, error) {
	at := ""
	for _, name := range Path() {
		at = path.Join(at, name)
		there, err := tree.IsThere(store, at)
		if err == nil && there {
			err = tree.NoLink(store, at)
		}
		if err != nil || !there {
			return nil, err
		}
	}
	trash, err := tree.WalkTo(store, Path())
	if err != nil {
		return nil, err
	}
	defer trash.Close()
	var names []string
	err = trash.List(func(e disk.Entry) error {
		if e.Type == disk.Directory && binName.MatchString(e.Name) {
			names = append(names, strings.Clone(e.Name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	bins := make([]*Bin, 0, len(names))
	for _, name := range names {
		b, err := readBin(trash, name)
		if err != nil {
			return nil, err
		}
		bins = append(bins, b)
	}
	return bins, nil
}

// maxDescription is how many bytes of a description are read.
const maxDescription = 64 << 20

// readBin reads a run's description. If a power cut has cut it short, the name
// of the run says the rest.
func readBin(trash *disk.Dir, name string) (*Bin, error) {
	b := &Bin{Name: name}
	for _, state := range []string{binDone, binMoving, binRestoring, binEmptying} {
		info, err := trash.Stat(name + "/" + state)
		if disk.Gone(err) {
			continue
		}
		buf := make([]byte, min(info.Size+1, maxDescription))
		n := 0
		if err == nil {
			n, _, err = trash.ReadFile(name+"/"+state, buf)
		}
		if err != nil {
			return nil, err
		}
		b.state = state
		if err := json.Unmarshal(buf[:n], &b.Description); err != nil || b.Schema != BinSchema {
			b.Description = Description{}
		}
		break
	}
	if b.Started.IsZero() || b.Command == "" {
		m := binName.FindStringSubmatch(name)
		b.Started, _ = time.Parse(binTime, m[1])
		b.Command = m[2]
	}
	return b, nil
}

// Stopped returns the newest run that was stopped while it moved things, or nil.
func Stopped(lock *disk.Lock) (*Bin, error) {
	bins, err := Bins(lock.Store().Dir)
	for _, b := range slices.Backward(bins) {
		if b.state == binMoving {
			b.lock = lock
			return b, nil
		}
	}
	return nil, err
}

// Drop removes the run's directory if nothing is in it but directories and the
// description, and those above it if they are empty then.
func (b *Bin) Drop() (gone bool, err error) {
	trash, err := b.lock.Open(Path()...)
	if err != nil {
		return disk.Gone(err), tree.IgnoreGone(err)
	}
	defer trash.Close()
	dir, err := trash.OpenBelow(b.Name)
	if err != nil {
		return disk.Gone(err), tree.IgnoreGone(err)
	}
	defer dir.Close()
	for _, name := range []string{layout.Blobs, layout.Repositories} {
		if err := tree.NoLink(dir.Dir, name); errors.Is(err, tree.ErrLinked) {
			return false, nil // it is not known what it is
		} else if err != nil {
			return false, err
		}
		if gone, err := tree.RemoveEmpty(dir, name); err != nil || !gone {
			return false, err
		}
	}
	for _, name := range []string{b.state, binTemporary} {
		if name == "" {
			continue
		}
		if err := tree.IgnoreGone(dir.Unlink(name)); err != nil {
			return false, err
		}
	}
	b.state = ""
	err = trash.Rmdir(b.Name)
	if disk.NotEmpty(err) {
		return false, nil // it contains something unknown
	}
	if err != nil && !disk.Gone(err) {
		return false, err
	}
	return true, DropEmpty(b.lock)
}

// DropEmpty removes the trash's own directories if they are empty. A change in
// the store's directory would hide the mark of an older version there.
func DropEmpty(lock *disk.Lock) error {
	own, err := lock.Open(layout.Own)
	if err != nil {
		return tree.IgnoreGone(err)
	}
	defer own.Close()
	if err := tree.Rmdir(own, layout.Trash); err != nil {
		return err
	}
	if old, err := tree.HasOldMark(lock.Store().Dir); err != nil || old {
		return err
	}
	return tree.Rmdir(lock.Store(), layout.Own)
}
