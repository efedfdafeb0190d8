// Package tree defines what may ever be removed from a store, and how. Every
// removal of a sweep is made here, and nothing is unlinked that does not have a
// known shape. Directories are removed only while they are empty. It is not an
// error if something is gone already, but the filesystem has to say so twice.
package tree

import (
	"errors"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Exit is a way in which items leave the store. Every removal of a sweep uses
// one.
type Exit interface {
	// File takes away a name that is no directory.
	File(d *disk.Locked, name string) error
	// Whole takes away a directory, or what in it is of a shape.
	Whole(parent *disk.Locked, name string, of Shape) error
}

// Unlinker is the exit that removes items for good.
type Unlinker struct{}

// File unlinks a file. It believes that a name is gone when it is told so
// twice.
func (Unlinker) File(d *disk.Locked, name string) error {
	err := d.Unlink(name)
	if disk.Gone(err) {
		err = d.Unlink(name)
	}
	return err
}

// Whole removes what has a shape, and the directory if nothing else is in it.
func (u Unlinker) Whole(parent *disk.Locked, name string, of Shape) error {
	return Remove(u, parent, name, of)
}

// Remove removes what has a shape below a directory, and the directory if
// nothing else is in it.
func Remove(out Exit, parent *disk.Locked, name string, of Shape, at ...string) error {
	d, err := parent.OpenBelow(name)
	if disk.Gone(err) {
		d, err = parent.OpenBelow(name) // one wrong answer is not believed
	}
	if err != nil {
		return IgnoreGone(err)
	}
	defer d.Close()
	// All names are read before one is removed: a listing of a directory that
	// changes may leave names out.
	var files, directories []string
	err = d.List(func(e disk.Entry) error {
		file, directory := of(append(at, e.Name))
		switch {
		case file && e.Type == disk.File:
			files = append(files, strings.Clone(e.Name))
		case directory && e.Type == disk.Directory:
			directories = append(directories, strings.Clone(e.Name))
		}
		return nil
	})
	for _, f := range files {
		err = errors.Join(err, IgnoreGone(out.File(d, f)))
	}
	for _, sub := range directories {
		err = errors.Join(err, Remove(out, d, sub, of, append(at, sub)...))
	}
	if err != nil {
		return err
	}
	return Rmdir(parent, name)
}

// IgnoreGone returns nil for what is gone already, and any other error.
func IgnoreGone(err error) error {
	if disk.Gone(err) {
		return nil
	}
	return err
}

// Rmdir removes a directory if it is empty. It is not a failure if it is not.
func Rmdir(parent *disk.Locked, name string) error {
	err := parent.Rmdir(name)
	if disk.Gone(err) {
		err = parent.Rmdir(name) // one wrong answer is not believed
	}
	if disk.NotEmpty(err) || disk.Gone(err) {
		return nil
	}
	return err
}

// RemoveSignatures removes a manifest's signatures, unless its link has come back.
func RemoveSignatures(out Exit, d *disk.Locked) error {
	if _, err := d.Stat(layout.Signatures); err != nil {
		return IgnoreGone(err)
	}
	if _, err := d.Stat(layout.Link); !disk.Gone(err) {
		return err
	}
	return Remove(out, d, layout.Signatures, HashShape)
}

// RemoveTemporaries removes what is left of interrupted writes in a directory
// that is removed, unless they are recent.
func RemoveTemporaries(out Exit, d *disk.Locked, recent func(mtime int64) bool) error {
	var old []string
	err := d.List(func(e disk.Entry) error {
		if e.Type != disk.File || !layout.IsTemporary(e.Name) {
			return nil
		}
		info, err := d.Stat(e.Name)
		if disk.Gone(err) {
			info, err = d.Stat(e.Name) // one wrong answer is not believed
		}
		if err == nil && !recent(info.MTime) {
			old = append(old, strings.Clone(e.Name))
		}
		return IgnoreGone(err)
	})
	for _, name := range old {
		err = errors.Join(err, IgnoreGone(out.File(d, name)))
	}
	return IgnoreGone(err)
}

// RemoveSkeleton removes a directory with nothing but empty directories of algorithms in it.
func RemoveSkeleton(d *disk.Locked, parts ...string) error {
	if len(parts) == 2 {
		sub, err := d.OpenBelow(parts[0])
		if err != nil {
			return IgnoreGone(err)
		}
		defer sub.Close()
		return RemoveSkeleton(sub, parts[1])
	}
	return Remove(Unlinker{}, d, parts[0], func(p []string) (file, directory bool) {
		_, ok := layout.ParseAlgorithm(p[0])
		return false, ok && len(p) == 1
	})
}

// RemoveNamespace removes a directory and those above it, as far as they are empty.
func RemoveNamespace(lock *disk.Lock, path []string) error {
	for ; len(path) > 1; path = path[:len(path)-1] {
		parent, err := lock.Open(path[:len(path)-1]...)
		if err != nil {
			return IgnoreGone(err)
		}
		err = parent.Rmdir(path[len(path)-1])
		parent.Close()
		if disk.NotEmpty(err) {
			return nil
		}
		if err != nil && !disk.Gone(err) {
			return err
		}
	}
	return nil
}

// RemoveEmpty removes a directory that contains only directories, and reports
// whether it is gone. If it contains anything else, only the empty directories
// in it are removed.
func RemoveEmpty(parent *disk.Locked, name string) (gone bool, err error) {
	d, err := parent.OpenBelow(name)
	if err != nil {
		return disk.Gone(err), IgnoreGone(err)
	}
	defer d.Close()
	var below []string
	gone = true
	err = d.List(func(e disk.Entry) error {
		if e.Type == disk.Directory {
			below = append(below, strings.Clone(e.Name))
		} else {
			gone = false
		}
		return nil
	})
	for _, sub := range below {
		empty, serr := RemoveEmpty(d, sub)
		gone, err = gone && empty, errors.Join(err, serr)
	}
	if err != nil || !gone {
		return false, err
	}
	err = parent.Rmdir(name)
	if disk.NotEmpty(err) {
		return false, nil
	}
	return true, IgnoreGone(err)
}
