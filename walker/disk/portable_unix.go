//go:build unix && (!linux || portable)

package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const nonblock = unix.O_NONBLOCK | unix.O_NOCTTY

func (i *Info) addSystem(_ string, info os.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		i.Disk, i.Links = int64(st.Blocks)*512, uint64(st.Nlink)
		i.ID = ID{Dev: uint64(st.Dev), Ino: uint64(st.Ino)}
	}
}

func lockDirectory(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, pathError(OpLock, "", path, err)
	}
	return f, nil
}

// NotEmpty reports whether err says that a directory was not removed because
// something is in it, or is mounted on it.
func NotEmpty(err error) bool {
	return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EBUSY)
}

// IsNoSpace reports whether err says that something cannot be made for want of
// space, of inodes or of a quota.
func IsNoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// setNow sets both times of a directory to the present, which needs the right
// to write, and not to own it.
func setNow(path string) error { return unix.Utimes(path, nil) }

func syncDirectory(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
		return cause(err)
	}
	return nil
}

// syncAll has no narrower call here.
func syncAll(string) error {
	unix.Sync()
	return nil
}

func volume(path string) (Volume, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Volume{}, pathError(OpStat, path, "", err)
	}
	unit := uint64(st.Bsize)
	return Volume{
		Free: space(uint64(max(st.Bavail, 0)), unit), Size: space(uint64(st.Blocks), unit),
		FreeInodes: uint64(max(st.Ffree, 0)), Inodes: uint64(st.Files),
		ReadOnly: st.Flags&readOnlyFlag != 0,
	}, nil
}

func access(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, allAccess, unix.AT_EACCESS)
}

const allAccess = unix.R_OK | unix.W_OK | unix.X_OK

func owner(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
