package tree

import (
	"errors"
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// ErrLinked says that a directory of regsweep's own is a symbolic link, or not a directory.
var ErrLinked = errors.New("the trash is not a directory of the store")

// MakeOwn opens regsweep's own directory, and makes it if it is not there.
func MakeOwn(lock *disk.Lock) (*disk.Locked, error) {
	if old, err := HasOldMark(lock.Store().Dir); err != nil {
		return nil, err
	} else if old { // which a new name in the directory hides
		if err := lock.Store().Create(layout.Unfinished); err != nil && !errors.Is(err, disk.ErrExists) {
			return nil, err
		}
	}
	if err := NoLink(lock.Store().Dir, layout.Own); err != nil {
		return nil, err
	}
	return OpenOrMake(lock.Store(), layout.Own, lock.Store().Dir)
}

// NoLink refuses a name that is there and not a directory: it is ErrLinked.
func NoLink(d *disk.Dir, name string) error {
	info, err := d.Stat(name)
	if disk.Gone(err) {
		info, err = d.Stat(name) // one wrong answer is not believed
	}
	if err == nil && info.Type != disk.Directory {
		return fmt.Errorf("%w: %s", ErrLinked, d.Join(name))
	}
	return IgnoreGone(err)
}

// IsThere reports whether there is something of a name.
func IsThere(d *disk.Dir, path string) (bool, error) {
	_, err := d.Stat(path)
	if disk.Gone(err) {
		_, err = d.Stat(path) // one wrong answer is not believed
	}
	return err == nil, IgnoreGone(err)
}

// WalkTo opens a directory that is there.
func WalkTo(d *disk.Dir, path []string) (*disk.Dir, error) {
	sub, err := d.Walk(path...)
	if disk.Gone(err) {
		sub, err = d.Walk(path...)
	}
	return sub, err
}
