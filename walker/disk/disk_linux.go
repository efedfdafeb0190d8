//go:build linux && !portable

package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Dir is an open directory, for reading. Its methods may be called concurrently.
type Dir struct {
	fs     *FS
	fd     int
	path   string
	linked bool
	kernel kernel
	root   string // of the store's own directory: its absolute path
}

// OpenStore opens the store's own directory. The caller closes it.
func (f *FS) OpenStore(path string) (*Dir, error) {
	if err := f.check(OpOpen, "", path); err != nil {
		return nil, err
	}
	fd, err := kernel{slow: true}.openat(unix.AT_FDCWD, path, unix.O_DIRECTORY)
	if err != nil {
		return nil, pathError(OpOpen, "", path, err)
	}
	root, err := filepath.Abs(path)
	if err != nil {
		unix.Close(fd)
		return nil, pathError(OpOpen, "", path, err)
	}
	return &Dir{fs: f, fd: fd, kernel: kernel{slow: remote(fd)}, root: root}, nil
}

// top is the absolute path of the store's own directory.
func (d *Dir) top() string { return d.root }

// Open opens a directory below this one, through a symbolic link too.
// The caller closes it.
func (d *Dir) Open(name string) (*Dir, error) {
	sub, err := d.openHere(name)
	if !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
		return sub, err
	}
	// Something else than a directory is there; behind a link there may be one.
	if _, lerr := d.Follow(name); lerr != nil {
		return nil, lerr
	}
	fd, err := d.kernel.openat(d.fd, name, unix.O_DIRECTORY)
	if err != nil {
		return nil, pathError(OpOpen, d.path, name, err)
	}
	return &Dir{fs: d.fs, fd: fd, path: d.Join(name), linked: true, kernel: kernel{slow: remote(fd)}}, nil
}

// OpenStraight opens a directory several names below this one, in one call.
// Where a symbolic link or nothing is on the way, and where the system cannot
// tell, the error is NotStraight, and Open has to go step by step. The caller
// closes what it returns.
func (d *Dir) OpenStraight(path string) (*Dir, error) {
	if err := d.fs.check(OpOpen, d.path, path); err != nil {
		return nil, err
	}
	how := &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Openat2(d.fd, path, how)
		return err
	})
	if err != nil {
		return nil, pathError(OpOpen, d.path, path, err)
	}
	return &Dir{fs: d.fs, fd: fd, path: d.Join(path), linked: d.linked, kernel: d.kernel}, nil
}

// NotStraight reports whether OpenStraight failed for what an Open by steps may
// not fail for. An old kernel does not know its call; a container may forbid it.
func NotStraight(err error) bool {
	for _, known := range []error{unix.ENOENT, unix.ELOOP, unix.ENOTDIR, unix.EXDEV, unix.ENOSYS, unix.EPERM, unix.EINVAL, unix.E2BIG, unix.EAGAIN} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// openHere is Open for a directory that is no symbolic link.
func (d *Dir) openHere(name string) (*Dir, error) {
	if err := d.fs.check(OpOpen, d.path, name); err != nil {
		return nil, err
	}
	fd, err := d.kernel.openat(d.fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, pathError(OpOpen, d.path, name, err)
	}
	return &Dir{fs: d.fs, fd: fd, path: d.Join(name), linked: d.linked, kernel: d.kernel}, nil
}

// Close gives the descriptor back.
func (d *Dir) Close() error {
	if err := d.kernel.close(d.fd); err != nil {
		return &fs.PathError{Op: "close", Path: d.name(), Err: err}
	}
	return nil
}

// Info is what the directory itself is.
func (d *Dir) Info() (Info, error) {
	if err := d.fs.check(OpStat, d.path, ""); err != nil {
		return Info{}, err
	}
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(d.fd, &st) }); err != nil {
		return Info{}, pathError(OpStat, d.path, "", err)
	}
	return info(&st), nil
}

func (d *Dir) stat(name string, follow bool) (Info, error) {
	if err := d.fs.check(OpStat, d.path, name); err != nil {
		return Info{}, err
	}
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	var st unix.Stat_t
	if err := d.kernel.fstatat(d.fd, name, &st, flags); err != nil {
		return Info{}, pathError(OpStat, d.path, name, err)
	}
	return info(&st), nil
}

func info(st *unix.Stat_t) Info {
	i := Info{
		Type:  Special,
		Size:  st.Size,
		Disk:  int64(st.Blocks) * 512,
		MTime: nanoseconds(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)),
		CTime: nanoseconds(int64(st.Ctim.Sec), int64(st.Ctim.Nsec)),
		Links: uint64(st.Nlink),
		ID:    ID{Dev: uint64(st.Dev), Ino: st.Ino},
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		i.Type = File
	case unix.S_IFDIR:
		i.Type = Directory
	case unix.S_IFLNK:
		i.Type = Symlink
	}
	return i
}

// ReadRegular is ReadFile for a name that is known to be a regular file.
// Should it have become something else, it returns without waiting for it.
func (d *Dir) ReadRegular(name string, buf []byte) (int, error) {
	if err := d.fs.check(OpRead, d.path, name); err != nil {
		return 0, err
	}
	fd, err := d.kernel.openat(d.fd, name, unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return 0, pathError(OpRead, d.path, name, err)
	}
	defer func() { _ = d.kernel.close(fd) }()
	return d.fill(fd, name, buf)
}

// readOpened is ReadFile by opening a name before anything is known of it, which
// takes one search for the name where a stat before the open takes two. It is not
// done if the name has to be looked at more closely.
func (d *Dir) readOpened(name string, buf []byte) (n int, what Info, done bool, err error) {
	if err := d.fs.check(OpStat, d.path, name); err != nil {
		return 0, Info{}, true, err
	}
	fd, err := d.kernel.openat(d.fd, name, unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	switch {
	case errors.Is(err, unix.ENOENT):
		return 0, Info{}, true, pathError(OpStat, d.path, name, err)
	case err != nil:
		return 0, Info{}, false, nil //nolint:nilerr // a symbolic link, a socket, or what the slower way says
	}
	defer func() { _ = d.kernel.close(fd) }()
	var st unix.Stat_t
	if err := d.kernel.fstat(fd, &st); err != nil {
		return 0, Info{}, true, pathError(OpStat, d.path, name, err)
	}
	what = info(&st)
	if what.Type != File {
		return 0, what, true, pathError(OpRead, d.path, name, ErrNotFile)
	}
	if err := d.fs.check(OpRead, d.path, name); err != nil {
		return 0, what, true, err
	}
	n, err = d.fill(fd, name, buf)
	return n, what, true, err
}

// fill reads an open file until the buffer is full.
func (d *Dir) fill(fd int, name string, buf []byte) (n int, err error) {
	for n < len(buf) {
		m, err := d.kernel.read(fd, buf[n:])
		if err != nil {
			return n, pathError(OpRead, d.path, name, err)
		}
		// A regular file gives less than was asked for only at its end.
		if short := m < len(buf)-n; short {
			return n + m, nil
		}
		n += m
	}
	return n, nil
}

// Stream reads a regular file, behind symbolic links too, and calls fn with
// one piece after another, which is valid until fn returns, and at most as long
// as buf. An error of fn ends it and is returned as it is. Anything but a
// regular file is ErrNotFile.
func (d *Dir) Stream(name string, buf []byte, fn func([]byte) error) error {
	if err := d.fs.check(OpOpen, d.path, name); err != nil {
		return err
	}
	fd, err := d.kernel.openat(d.fd, name, unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return pathError(OpOpen, d.path, name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return pathError(OpStat, d.path, name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return pathError(OpRead, d.path, name, ErrNotFile)
	}
	// Only advice: without it the same is read, in smaller pieces.
	_ = unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
	for {
		if err := d.fs.check(OpRead, d.path, name); err != nil {
			return err
		}
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return pathError(OpRead, d.path, name, err)
		}
		if n == 0 {
			return nil
		}
		if err := fn(buf[:n]); err != nil {
			return err
		}
	}
}

// direntsSize is the buffer that the kernel fills with names at a time; a
// larger one saves calls only in directories of more than 600 names.
const direntsSize = 64 << 10

var direntsPool = sync.Pool{New: func() any { return new([direntsSize]byte) }}

// List calls fn for every name in the directory, in the order of the
// filesystem, until it returns an error, which List returns. A listing that
// breaks off is an error. Entries whose type the filesystem does not tell are
// stat'ed. It may be called once for each time that the directory was opened.
func (d *Dir) List(fn func(Entry) error) error {
	if err := d.fs.check(OpList, d.path, ""); err != nil {
		return err
	}
	buf := direntsPool.Get().(*[direntsSize]byte)
	defer direntsPool.Put(buf)
	for {
		n, err := d.kernel.getdents(d.fd, buf[:])
		if err != nil {
			return pathError(OpList, d.path, "", err)
		}
		if n <= 0 {
			return nil
		}
		if err := d.eachDirent(buf[:n], fn); err != nil {
			return err
		}
	}
}

// eachDirent reads the records of linux_dirent64: inode and offset (8 bytes
// each), length (2), type (1), name with its terminating NUL.
func (d *Dir) eachDirent(buf []byte, fn func(Entry) error) error {
	for len(buf) > 0 {
		size := binary.NativeEndian.Uint16(buf[16:])
		record := buf[:size]
		buf = buf[size:]
		name := record[19:]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if string(name) == "." || string(name) == ".." {
			continue
		}
		e := Entry{Name: unsafe.String(unsafe.SliceData(name), len(name)), Inode: binary.NativeEndian.Uint64(record)}
		switch record[18] {
		case unix.DT_REG:
			e.Type = File
		case unix.DT_DIR:
			e.Type = Directory
		case unix.DT_LNK:
			e.Type = Symlink
		case unix.DT_UNKNOWN:
			info, err := d.Stat(e.Name)
			if Gone(err) {
				continue
			}
			if err != nil {
				return err
			}
			e.Type = info.Type
		default:
			e.Type = Special
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}
