//go:build linux && !portable

package disk

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel makes the calls of which there are some for each file.
type kernel struct {
	// slow says that a call may wait for a network, or for ever, so that Go's
	// scheduler has to be told. Of a local disk it is not: with all files in
	// memory that would cost 7 %, for threads that take turns in vain.
	slow bool
}

// Distant reports whether what is asked of the directory is asked of another
// host or of a program, so that each call takes time and none takes a processor.
func (d *Dir) Distant() bool { return d.kernel.slow }

// remote reports whether a directory is on a filesystem that asks another host,
// or a program, which may not see this host's locks.
func remote(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC:
		return true
	}
	return false
}

// call makes a call, again if a signal interrupts it.
func (k kernel) call(trap uintptr, fd int, p unsafe.Pointer, n uintptr) (int, error) {
	for {
		var r uintptr
		var errno unix.Errno
		if k.slow {
			r, _, errno = unix.Syscall6(trap, uintptr(fd), uintptr(p), n, 0, 0, 0)
		} else {
			r, _, errno = unix.RawSyscall6(trap, uintptr(fd), uintptr(p), n, 0, 0, 0)
		}
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

func (k kernel) read(fd int, buf []byte) (int, error) {
	return k.call(unix.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(buf)), uintptr(len(buf)))
}

func (k kernel) getdents(fd int, buf []byte) (int, error) {
	return k.call(unix.SYS_GETDENTS64, fd, unsafe.Pointer(unsafe.SliceData(buf)), uintptr(len(buf)))
}

// close gives a descriptor back, which it does even when it fails.
func (k kernel) close(fd int) error {
	if k.slow {
		return unix.Close(fd)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// nameSize is enough for <hex>/data.regsweep of the longest digest and for most tags.
const nameSize = 256

// openat opens for reading, without an allocation for names of usual length.
func (k kernel) openat(at int, name string, flags int) (int, error) {
	var buf [nameSize]byte
	flags |= unix.O_RDONLY | unix.O_CLOEXEC | unix.O_LARGEFILE
	if len(name) >= len(buf) {
		return openatLong(at, name, flags)
	}
	copy(buf[:], name)
	return k.call(unix.SYS_OPENAT, at, unsafe.Pointer(&buf), uintptr(flags))
}

func openatLong(at int, name string, flags int) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(at, name, flags, 0)
		return err
	})
	return fd, err
}

// fstatat stats without an allocation for names of usual length.
func (k kernel) fstatat(at int, name string, st *unix.Stat_t, flags int) error {
	var buf [nameSize]byte
	if len(name) >= len(buf) || sysFstatat == 0 {
		return retry(func() error { return unix.Fstatat(at, name, st, flags) })
	}
	copy(buf[:], name)
	for {
		var errno unix.Errno
		if k.slow {
			_, _, errno = unix.Syscall6(sysFstatat, uintptr(at), uintptr(unsafe.Pointer(&buf)), uintptr(unsafe.Pointer(st)), uintptr(flags), 0, 0)
		} else {
			_, _, errno = unix.RawSyscall6(sysFstatat, uintptr(at), uintptr(unsafe.Pointer(&buf)), uintptr(unsafe.Pointer(st)), uintptr(flags), 0, 0)
		}
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// fstat stats what is open.
func (k kernel) fstat(fd int, st *unix.Stat_t) error {
	if sysFstat == 0 {
		return retry(func() error { return unix.Fstat(fd, st) })
	}
	_, err := k.call(sysFstat, fd, unsafe.Pointer(st), 0)
	return err
}
