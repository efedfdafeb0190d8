//go:build linux && !portable

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes the exclusive lock on the store's directory, without waiting, by
// flock: that needs no file, so it works on a full disk. Some network
// filesystems cannot lock a directory (NFS 3 and 4.2 of Linux 6.1 can); there it
// is that of the file LockName. BindHosts keeps other hosts out.
func (d *Dir) Lock() (*Lock, error) {
	l := &Lock{store: d, Remote: d.kernel.slow}
	err := d.flock(d.fd, "")
	if l.Remote && isUnlockable(err) {
		err = l.lockBeside()
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// flock locks what is open for a name in the directory.
func (d *Dir) flock(fd int, name string) error {
	if err := d.fs.check(OpLock, d.path, name); err != nil {
		return err
	}
	err := retry(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	switch err {
	case nil:
		return nil
	case unix.EWOULDBLOCK:
		return ErrLocked
	}
	return pathError(OpLock, d.path, name, err)
}

// releaseHosts gives back what BindHosts has locked.
func (l *Lock) releaseHosts() error {
	if l.file.hosts == nil {
		return nil
	}
	return unlockFile(l.file.hosts)
}

// Release gives the lock back.
func (l *Lock) Release() error {
	err := l.releaseHosts()
	if l.file.file != nil {
		return errors.Join(err, l.file.file.Close())
	}
	if uerr := retry(func() error { return unix.Flock(l.store.fd, unix.LOCK_UN) }); uerr != nil {
		err = errors.Join(err, pathError(OpLock, l.store.path, "", uerr))
	}
	return err
}

// setNow sets both times of the directory to the present of who serves the
// filesystem. Any other time, or only one of the two, would need its owner, and
// some filesystems set neither then, and say that they did.
func (d *Locked) setNow() error {
	// No path is the directory itself (futimens), and no times are the present;
	// x/sys has no call for that.
	return retry(func() error {
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(d.fd), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// syncHere waits until the directory's names are on the disk.
func (d *Locked) syncHere() error {
	err := retry(func() error { return unix.Fsync(d.fd) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) { // some filesystems cannot sync a directory alone
		return nil
	}
	return err
}

// Mkdir makes a directory with the mode and time, and as far as we may the owner, of another.
func (d *Locked) Mkdir(name string, like *Dir) error {
	if err := d.fs.check(OpMkdir, d.path, name); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(like.fd, &st) }); err != nil {
		return pathError(OpMkdir, d.path, name, err)
	}
	if err := retry(func() error { return unix.Mkdirat(d.fd, name, st.Mode&0o7777) }); err != nil {
		return pathError(OpMkdir, d.path, name, err)
	}
	var made unix.Stat_t
	_ = d.kernel.fstatat(d.fd, name, &made, unix.AT_SYMLINK_NOFOLLOW) // what follows does no harm then
	if made.Uid != st.Uid || made.Gid != st.Gid {
		if unix.Fchownat(d.fd, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW) != nil {
			_ = unix.Fchownat(d.fd, name, -1, int(st.Gid), unix.AT_SYMLINK_NOFOLLOW) // a member of the group may do this
		}
	}
	if made.Mode&0o7777 != st.Mode&0o7777 { // the umask, or the change of the owner
		_ = unix.Fchmodat(d.fd, name, st.Mode&0o7777, 0)
	}
	d.countMade(name)
	_ = unix.UtimesNanoAt(d.fd, name, []unix.Timespec{st.Mtim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW) // one alone some filesystems ignore
	return nil
}

// Write makes a file with this content, which is on the disk when it returns.
// Whoever may write to the directory may read and write it: the next run may be
// another user's. What had the name is removed, since it may be such a user's.
func (d *Locked) Write(name string, content []byte) error {
	if err := d.fs.check(OpWrite, d.path, name); err != nil {
		return err
	}
	fd, err := d.createNew(name)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if unix.Fstat(d.fd, &st) == nil {
		_ = unix.Fchmod(fd, st.Mode&0o666|0o600) // some filesystems have no modes
	}
	file := os.NewFile(uintptr(fd), d.Join(name))
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	d.countMade(name)
	return err
}

// Adopt gives a file, as far as we may, the owner of a directory and the right
// to read and write of whoever may read and write that.
func (d *Locked) Adopt(name string, like *Dir) {
	var st, made unix.Stat_t
	if unix.Fstat(like.fd, &st) != nil || d.kernel.fstatat(d.fd, name, &made, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return
	}
	if made.Uid != st.Uid || made.Gid != st.Gid {
		_ = unix.Fchownat(d.fd, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
	}
	if mode := st.Mode & 0o666; made.Mode&0o7777 != mode {
		_ = unix.Fchmodat(d.fd, name, mode, 0)
	}
}

func (d *Locked) createNew(name string) (fd int, err error) {
	for range 2 {
		err = retry(func() (err error) {
			fd, err = unix.Openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
			return err
		})
		switch {
		case err == nil:
			return fd, nil
		case err != unix.EEXIST:
			return -1, pathError(OpWrite, d.path, name, err)
		}
		if err := d.Unlink(name); err != nil {
			return -1, err
		}
	}
	return -1, pathError(OpWrite, d.path, name, err)
}

// Create makes a file with nothing in it. One that is there is ErrExists.
func (d *Locked) Create(name string) error {
	if err := d.fs.check(OpWrite, d.path, name); err != nil {
		return err
	}
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
		return err
	})
	if err == nil {
		err = unix.Close(fd)
	}
	if err != nil {
		return pathError(OpWrite, d.path, name, err)
	}
	d.countMade(name)
	return nil
}

// IsNoSpace reports whether err says that something cannot be made for want of
// space, of inodes or of a quota.
func IsNoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// Unlink removes a name that is no directory.
func (d *Locked) Unlink(name string) error { return d.unlink(OpUnlink, name, 0) }

// Rmdir removes an empty directory.
func (d *Locked) Rmdir(name string) error { return d.unlink(OpRmdir, name, unix.AT_REMOVEDIR) }

func (d *Locked) unlink(op Op, name string, flags int) error {
	if err := d.fs.check(op, d.path, name); err != nil {
		return err
	}
	was, ok := d.measure(name)
	if ok {
		d.ledger.meet(&was)
	}
	if err := retry(func() error { return unix.Unlinkat(d.fd, name, flags) }); err != nil {
		return pathError(op, d.path, name, err)
	}
	if ok {
		d.ledger.gone(&was)
	}
	return nil
}

// measure is what a name takes on the disk, or the directory itself if it is "".
func (d *Dir) measure(name string) (Info, bool) {
	var st unix.Stat_t
	var err error
	if name == "" {
		err = retry(func() error { return unix.Fstat(d.fd, &st) })
	} else {
		err = d.kernel.fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	return info(&st), err == nil
}

func (d *Locked) countMade(name string) {
	if made, ok := d.measure(name); ok {
		d.ledger.made(&made)
	}
}

// NotEmpty reports whether err says that a directory was not removed because
// something is in it, or is mounted on it.
func NotEmpty(err error) bool {
	return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EBUSY)
}

// Sync waits until all that was changed on the directory's filesystem is on its disk.
func (d *Locked) Sync() error {
	if err := d.fs.check(OpSync, d.path, ""); err != nil {
		return err
	}
	if err := retry(func() error { return unix.Syncfs(d.fd) }); err != nil {
		return pathError(OpSync, d.path, "", err)
	}
	return nil
}

// Volume is what is known of the directory's filesystem.
func (d *Dir) Volume() (Volume, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &st) }); err != nil {
		return Volume{}, pathError(OpStat, d.path, "", err)
	}
	unit := uint64(st.Frsize) // what statvfs counts in; 0 on some old filesystems
	if unit == 0 {
		unit = uint64(st.Bsize)
	}
	return Volume{
		Free: space(st.Bavail, unit), Size: space(st.Blocks, unit),
		FreeInodes: st.Ffree, Inodes: st.Files,
		ReadOnly: st.Flags&readOnlyFlag != 0,
	}, nil
}
