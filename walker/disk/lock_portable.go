//go:build !linux || portable

package disk

import (
	"errors"
	"os"
)

var errNotDirectory = errors.New("not a directory")

// Lock takes the exclusive lock on the store's directory, without waiting.
func (d *Dir) Lock() (*Lock, error) {
	if err := d.fs.check(OpLock, d.path, ""); err != nil {
		return nil, err
	}
	file, err := lockDirectory(d.real)
	if err == ErrLocked {
		return nil, err
	}
	if err != nil {
		return nil, pathError(OpLock, d.path, "", cause(err))
	}
	return &Lock{store: d, file: lockFile{file}}, nil
}

// lockFile is what holds the lock.
type lockFile struct{ file *os.File }

// BindHosts would keep other hosts out; here nothing is known that does.
func (l *Lock) BindHosts(*Locked, string) error { return ErrOneHost }

func (l *Lock) releaseHosts() error { return nil }

// Release gives the lock back.
func (l *Lock) Release() error { return l.file.file.Close() }

// setNow sets both times of the directory to the present.
func (d *Locked) setNow() error { return setNow(d.real) }

// syncHere waits until the directory's names are on the disk.
func (d *Locked) syncHere() error { return syncDirectory(d.real) }

// Rename gives name in this directory the name to in another one, in place of
// what may have been there.
func (d *Locked) Rename(name string, dir *Locked, to string) error {
	if err := d.fs.check(OpRename, d.path, name); err != nil {
		return err
	}
	if err := os.Rename(d.at(name), dir.at(to)); err != nil {
		return pathError(OpRename, d.path, name, cause(err))
	}
	return nil
}

// RenameNoReplace is Rename that fails with ErrExists when the new name is
// taken, unless by the same file: a second name for it, which never replaces
// one, then one name less.
func (d *Locked) RenameNoReplace(name string, dir *Locked, to string) error {
	if err := d.fs.check(OpRename, d.path, name); err != nil {
		return err
	}
	info, err := d.Stat(name)
	if err == nil && info.Type == Directory {
		return d.renameLooking(name, dir, to) // it has one name only
	}
	switch err := d.Link(name, dir, to); {
	case err == nil || d.isBoth(name, dir, to):
		return d.Unlink(name)
	case errors.Is(err, ErrExists) || Gone(err):
		return err
	}
	return d.renameLooking(name, dir, to) // the filesystem has no second names
}

// renameLooking is RenameNoReplace where all that can be done is to look before.
func (d *Locked) renameLooking(name string, dir *Locked, to string) error {
	if _, err := dir.Stat(to); err == nil {
		return pathError(OpRename, d.path, name, ErrExists)
	} else if !Gone(err) {
		return err
	}
	if err := os.Rename(d.at(name), dir.at(to)); err != nil {
		return pathError(OpRename, d.path, name, cause(err))
	}
	return nil
}

// Mkdir makes a directory with the mode and time of another.
func (d *Locked) Mkdir(name string, like *Dir) error {
	if err := d.fs.check(OpMkdir, d.path, name); err != nil {
		return err
	}
	info, err := os.Stat(like.real)
	if err != nil {
		return pathError(OpMkdir, d.path, name, cause(err))
	}
	if err := os.Mkdir(d.at(name), info.Mode().Perm()); err != nil {
		return pathError(OpMkdir, d.path, name, cause(err))
	}
	_ = os.Chmod(d.at(name), info.Mode().Perm())
	d.countMade(name)
	_ = os.Chtimes(d.at(name), info.ModTime(), info.ModTime())
	return nil
}

// Write makes a file with this content, which is on the disk when it returns.
func (d *Locked) Write(name string, content []byte) error {
	if err := d.fs.check(OpWrite, d.path, name); err != nil {
		return err
	}
	file, err := os.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, ErrExists) { // it may be another user's
		if err = d.Unlink(name); err == nil {
			file, err = os.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		}
	}
	if err != nil {
		return pathError(OpWrite, d.path, name, cause(err))
	}
	if info, err := os.Stat(d.at(".")); err == nil {
		_ = file.Chmod(info.Mode()&0o666 | 0o600) // some filesystems have no modes
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	d.countMade(name)
	return err
}

// Adopt gives a file, as far as we may, the right to read and write of whoever
// may read and write a directory.
func (d *Locked) Adopt(name string, like *Dir) {
	if info, err := os.Stat(like.real); err == nil {
		_ = os.Chmod(d.at(name), info.Mode().Perm()&0o666)
	}
}

// Create makes a file with nothing in it. One that is there is ErrExists.
func (d *Locked) Create(name string) error {
	if err := d.fs.check(OpWrite, d.path, name); err != nil {
		return err
	}
	file, err := os.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return pathError(OpWrite, d.path, name, cause(err))
	}
	d.countMade(name)
	return nil
}

// Link gives a file a second name, unless something has that.
func (d *Locked) Link(name string, dir *Locked, to string) error {
	if err := d.fs.check(OpLink, d.path, name); err != nil {
		return err
	}
	if err := os.Link(d.at(name), dir.at(to)); err != nil {
		return pathError(OpLink, d.path, name, cause(err))
	}
	return nil
}

// Unlink removes a name that is no directory.
func (d *Locked) Unlink(name string) error {
	info, err := d.Stat(name)
	if err == nil && info.Type == Directory {
		return pathError(OpUnlink, d.path, name, ErrNotFile)
	}
	return d.remove(OpUnlink, name)
}

// Rmdir removes an empty directory.
func (d *Locked) Rmdir(name string) error {
	info, err := d.Stat(name)
	if err == nil && info.Type != Directory {
		return pathError(OpRmdir, d.path, name, errNotDirectory)
	}
	return d.remove(OpRmdir, name)
}

func (d *Locked) remove(op Op, name string) error {
	if err := d.fs.check(op, d.path, name); err != nil {
		return err
	}
	was, ok := d.measure(name)
	if ok {
		d.ledger.meet(&was)
	}
	if err := os.Remove(d.at(name)); err != nil {
		return pathError(op, d.path, name, cause(err))
	}
	if ok {
		d.ledger.gone(&was)
	}
	return nil
}

// measure is what a name takes on the disk, or the directory itself if it is "".
func (d *Dir) measure(name string) (Info, bool) {
	info, err := os.Lstat(d.at(name))
	if err != nil {
		return Info{}, false
	}
	i := Info{Type: typeOf(info.Mode()), Size: info.Size()}
	i.addSystem(d.at(name), info)
	return i, true
}

func (d *Locked) countMade(name string) {
	if made, ok := d.measure(name); ok {
		d.ledger.made(&made)
	}
}

// Sync waits until all that was changed on the directory's filesystem is on its disk.
func (d *Locked) Sync() error {
	if err := d.fs.check(OpSync, d.path, ""); err != nil {
		return err
	}
	return syncAll(d.real)
}

// Volume is what is known of the directory's filesystem.
func (d *Dir) Volume() (Volume, error) { return volume(d.real) }

// Distant is unknown here: whether calls take time is seen when they do.
func (d *Dir) Distant() bool { return false }
