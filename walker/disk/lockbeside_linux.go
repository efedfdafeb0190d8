//go:build linux && !portable

package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockFile is what is locked besides the directory.
type lockFile struct {
	file  *os.File // where directories cannot be locked
	hosts *os.File // what keeps other hosts out, or nil
}

// isUnlockable reports whether an error says that a filesystem has no lock for
// what was to be locked.
func isUnlockable(err error) bool {
	return errors.Is(err, unix.EBADF) || errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.EOPNOTSUPP)
}

// lockBeside locks a file in the store's directory, which it makes. The file
// stays, so that a later run needs no space for it.
func (l *Lock) lockBeside() error {
	for range lockTries {
		file, err := openLock(l.store.fd, LockName)
		if err != nil {
			return pathError(OpLock, l.store.path, LockName, err)
		}
		err = l.store.flock(int(file.Fd()), LockName)
		named := false
		if err == nil {
			named, err = isNamed(l.store, LockName, file)
		}
		if named {
			l.file.file = file
			return nil
		}
		file.Close()
		if isUnlockable(err) {
			return l.lockTemporary()
		}
		if err != nil {
			return err
		}
	}
	return ErrLocked // somebody removes it again and again
}

// lockTemporary locks a file in the directory for temporary files: the filesystem
// of the store has no locks at all. That binds those who share the directory.
func (l *Lock) lockTemporary() error {
	info, err := l.store.Info()
	if err != nil {
		return err
	}
	name := filepath.Join(os.TempDir(), fmt.Sprintf("regsweep-%x-%x.lock", info.ID.Dev, info.ID.Ino))
	file, err := openLock(unix.AT_FDCWD, name)
	if err != nil {
		return pathError(OpLock, "", name, err)
	}
	switch err := retry(func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) }); err {
	case nil:
		l.file.file = file
		return nil
	case unix.EWOULDBLOCK:
		file.Close()
		return ErrLocked
	default:
		file.Close()
		return pathError(OpLock, "", name, err)
	}
}

// openLock opens a file that is to be locked, and makes it if it is not there. It
// may be another user's. No link is followed and no FIFO waited for: where others
// may make files, these may be theirs.
func openLock(at int, name string) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd := -1
	err := retry(func() (err error) {
		// With O_CREAT the kernel may refuse to open another user's file in a directory like /tmp.
		if fd, err = unix.Openat(at, name, flags, 0); err == unix.ENOENT {
			fd, err = unix.Openat(at, name, flags|unix.O_CREAT, 0o644)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
