//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MayChange returns an error if this process may not make, rename and remove
// names in a directory below the store's own, which the Dir has to be: for want
// of rights, or since it is read-only. Where the system cannot tell, and of what
// is not there, it is nil.
func (d *Dir) MayChange(path string) error {
	if err := d.fs.check(OpStat, d.path, path); err != nil {
		return onlyRefused(err)
	}
	name := filepath.Join(d.top(), filepath.FromSlash(path))
	err := unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	if err != nil && unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK|unix.X_OK, 0) == nil {
		// Before Linux 5.8, and below seccomp profiles that do not know faccessat2,
		// the first answer is made from the mode alone, without access control
		// lists. The kernel itself says this, of who has started the process.
		err = nil
	}
	if err != nil {
		return onlyRefused(pathError(OpStat, d.path, path, err))
	}
	return nil
}

func onlyRefused(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return err
	}
	return nil // it is found when something is changed
}
