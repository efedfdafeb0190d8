//go:build linux && !portable

package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fileServerTime is how long a file server may take to lock a file before it
// counts as one without locks.
const fileServerTime = 10 * time.Second

// lockTries is how often a file is made and locked again that somebody removes.
const lockTries = 10

var errLockTime = errors.New("the file server did not answer a request for a lock")

// BindHosts locks a file too, which it makes, and on a file server that has
// locks this keeps the other hosts out; then Hosts is true. ErrLocked says that
// one of them, or a process here, holds it; ErrOneHost that the locks here are
// this host's. Any other error, too, says that there is no such lock. The lock is held until Release, or until the file is removed.
func (l *Lock) BindHosts(dir *Locked, name string) error {
	if err := dir.fs.check(OpLock, dir.path, name); err != nil {
		return err
	}
	for range lockTries {
		file, err := dir.lockFile(name)
		if err != nil {
			return pathError(OpLock, dir.path, name, err)
		}
		if named, err := isNamed(dir.Dir, name, file); err != nil || !named {
			err = errors.Join(err, unlockFile(file))
			if err != nil {
				return err
			}
			continue // it was removed, as a lock of a dead host, and may be another file by now
		}
		if !dir.bindsHosts(file) {
			return errors.Join(pathError(OpLock, dir.path, name, ErrOneHost), unlockFile(file))
		}
		dir.Adopt(name, dir.Dir) // the next run may be another user's
		l.file.hosts, l.Hosts = file, true
		return nil
	}
	return pathError(OpLock, dir.path, name, ErrLocked) // somebody else makes it again and again
}

// lockFile opens a file, which it makes if it is not there, and locks it as a
// whole. The lock is the open file's, not the process's (OFD).
func (d *Locked) lockFile(name string) (*os.File, error) {
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), d.Join(name))
	answer := make(chan error, 1)
	go func() { answer <- setLock(file, unix.F_WRLCK) }()
	select {
	case err = <-answer:
	case <-time.After(fileServerTime):
		return nil, errLockTime // the call may take for ever, and has the file until then
	}
	if err == unix.EAGAIN || err == unix.EACCES {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func setLock(file *os.File, kind int16) error {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart}
	return retry(func() error { return unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock) })
}

// unlockFile gives the lock of a file back before the file is closed: on FUSE
// the kernel does not do so by itself.
func unlockFile(file *os.File) error {
	err := setLock(file, unix.F_UNLCK)
	if err != nil {
		err = pathError(OpLock, "", file.Name(), err)
	}
	return errors.Join(err, file.Close())
}

// isNamed reports whether a name is still that of an open file.
func isNamed(dir *Dir, name string, file *os.File) (bool, error) {
	var open, named unix.Stat_t
	if err := retry(func() error { return unix.Fstat(int(file.Fd()), &open) }); err != nil {
		return false, pathError(OpStat, dir.path, name, err)
	}
	err := dir.kernel.fstatat(dir.fd, name, &named, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, pathError(OpStat, dir.path, name, err)
	}
	return open.Dev == named.Dev && open.Ino == named.Ino, nil
}

// bindsHosts reports whether the lock of a file is one of the file server. FUSE
// and NFS lock in this kernel alone where the other side has no locks, and say
// nothing of it: FUSE lists only such locks, NFS says so among its mount's options.
func (d *Locked) bindsHosts(file *os.File) bool {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(d.fd, &fs) != nil || unix.Fstat(int(file.Fd()), &st) != nil {
		return false
	}
	major, minor := unix.Major(st.Dev), unix.Minor(st.Dev)
	switch uint32(fs.Type) {
	case unix.FUSE_SUPER_MAGIC:
		table, err := os.ReadFile("/proc/locks")
		return err == nil && !hasField(string(table), fmt.Sprintf("%02x:%02x:%d", major, minor, st.Ino))
	case unix.NFS_SUPER_MAGIC:
		table, err := readMountTable()
		return err == nil && nfsAsksServer(string(table), fmt.Sprintf("%d:%d", major, minor))
	case unix.CEPH_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC:
		return true
	}
	return false // unknown: the warning of other hosts stays
}

// hasField reports whether a line of a table has a field that is this.
func hasField(table, field string) bool {
	return slices.Contains(strings.Fields(table), field)
}

// nfsAsksServer reports whether a table of mounts says of a device that its
// locks are those of the file server.
func nfsAsksServer(table, device string) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[2] == device {
			return slices.Contains(strings.Split(fields[len(fields)-1], ","), "local_lock=none")
		}
	}
	return false
}
