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

// syncAll has no narrower call here.
func syncAll(string) error {
	unix.Sync()
	return nil
}

func freeSpace(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, pathError(OpStat, path, "", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
