//go:build linux && !portable

package disk

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Rename gives name in this directory the name to in another one, in place of
// what may have been there.
func (d *Locked) Rename(name string, dir *Locked, to string) error {
	return d.rename(name, dir, to, 0)
}

// RenameNoReplace is Rename that fails with ErrExists when the new name is
// taken, unless by the same file.
func (d *Locked) RenameNoReplace(name string, dir *Locked, to string) error {
	err := d.renameNoReplace(name, dir, to)
	if errors.Is(err, ErrExists) && d.isBoth(name, dir, to) {
		return d.Unlink(name)
	}
	return err
}

func (d *Locked) renameNoReplace(name string, dir *Locked, to string) error {
	err := d.rename(name, dir, to, unix.RENAME_NOREPLACE)
	if !isUnknownFlag(err) {
		return err
	}
	// The filesystem (or a seccomp profile) does not know the flag: a second
	// name for the file, which never replaces one, then one name less.
	switch err = d.Link(name, dir, to); {
	case err == nil:
		return d.Unlink(name)
	case errors.Is(err, ErrExists) || Gone(err):
		return err
	}
	// No second names either, for which filesystems have many errors: EPERM,
	// EOPNOTSUPP, ENOSYS, EMLINK, EIO. What is left is to look before.
	if _, serr := dir.Stat(to); serr == nil {
		return pathError(OpRename, d.path, name, ErrExists)
	} else if !Gone(serr) {
		return serr
	}
	return d.rename(name, dir, to, 0)
}

// isUnknownFlag reports whether a rename failed for its flag and not for its names.
func isUnknownFlag(err error) bool {
	for _, known := range []error{unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EOPNOTSUPP} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// Link gives a file a second name, unless something has that.
func (d *Locked) Link(name string, dir *Locked, to string) error {
	if err := d.fs.check(OpLink, d.path, name); err != nil {
		return err
	}
	if err := retry(func() error { return unix.Linkat(d.fd, name, dir.fd, to, 0) }); err != nil {
		return pathError(OpLink, d.path, name, err)
	}
	return nil
}

func (d *Locked) rename(name string, dir *Locked, to string, flags uint) error {
	if err := d.fs.check(OpRename, d.path, name); err != nil {
		return err
	}
	err := retry(func() error {
		if flags == 0 {
			return unix.Renameat(d.fd, name, dir.fd, to)
		}
		if err := d.fs.check(OpNoReplace, d.path, name); err != nil {
			return err
		}
		return unix.Renameat2(d.fd, name, dir.fd, to, flags)
	})
	if err != nil {
		return pathError(OpRename, d.path, name, err)
	}
	return nil
}
