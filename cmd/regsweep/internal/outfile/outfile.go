// Package outfile writes the files that flags name: whole, or not at all.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/regsweep/regsweep/layout"
)

// File is where a flag's file is written: a file that is replaced when it is
// complete, or a stream. A symbolic link stays; what it names is written.
type File struct {
	path   string      // of the file, without symbolic links in place of it
	old    fs.FileInfo // the file that is there; nil if there is none
	stream *os.File    // a device, a pipe or one of this process's descriptors
	// inPlace says that the file cannot be replaced by another one.
	inPlace bool
}

// Open finds where a flag's file goes, and refuses what could not be
// written in the end, or would be one more file in the store. The caller
// closes it.
func Open(flag, path, store string) (*File, error) {
	d, err := Find(path)
	if err == nil && d.stream == nil && IsBelow(filepath.Dir(d.path), store) {
		err = errors.New("it would be in the store")
	}
	if err == nil {
		err = d.Try()
	}
	if err != nil {
		d.Close()
		return nil, &layout.HintError{
			Err:  fmt.Errorf("%s %q: %w", flag, path, err),
			Hint: "nothing has been removed; name a file in a directory that exists, outside the store",
		}
	}
	return d, nil
}

// Find follows symbolic links to what is to be written. With an error it returns
// a File, too, which has to be closed.
func Find(path string) (*File, error) {
	d := &File{path: path}
	for range 40 { // as many as Linux follows
		dir, err := filepath.Abs(filepath.Dir(d.path))
		if err == nil {
			dir, err = filepath.EvalSymlinks(dir)
		}
		if err != nil {
			return d, err
		}
		if info, err := os.Stat(dir); err != nil {
			return d, err
		} else if !info.IsDir() {
			return d, fmt.Errorf("%q is not a directory", dir)
		}
		d.path = filepath.Join(dir, filepath.Base(d.path))
		if n, ok := ownDescriptor(d.path); ok {
			d.stream, err = duplicate(n)
			return d, err
		}
		info, err := os.Lstat(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			return d, nil
		}
		if err != nil {
			return d, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return d, d.meet(info)
		}
		to, err := os.Readlink(d.path)
		if err != nil {
			return d, err
		}
		if !filepath.IsAbs(to) {
			to = dir + string(filepath.Separator) + to // Clean would take x/.. for nothing
		}
		d.path = to
	}
	return d, syscall.ELOOP
}

// ownDescriptor is the number of one of this process's descriptors, which Linux
// shows as symbolic links. Opening what such a link names would not write where
// the descriptor does.
func ownDescriptor(path string) (n int, ok bool) {
	parts := strings.Split(filepath.ToSlash(path), "/")
	if len(parts) != 5 && len(parts) != 7 || parts[1] != "proc" || parts[2] != strconv.Itoa(os.Getpid()) || parts[len(parts)-2] != "fd" {
		return 0, false
	}
	n, err := strconv.Atoi(parts[len(parts)-1])
	return n, err == nil
}

// meet decides about what is there.
func (d *File) meet(info fs.FileInfo) (err error) {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		d.old = info
	case mode.IsDir():
		return errors.New("it is a directory")
	case mode&fs.ModeNamedPipe != 0:
		// Without a reader the run would wait for one for ever.
		d.stream, err = os.OpenFile(d.path, os.O_WRONLY|openNow, 0)
		if errors.Is(err, syscall.ENXIO) {
			return errors.New("it is a pipe that nobody reads yet")
		}
	case mode&fs.ModeCharDevice != 0:
		d.stream, err = os.OpenFile(d.path, os.O_WRONLY|openNow, 0)
	default:
		return errors.New("it is neither a file nor a pipe, and no device that is written to")
	}
	return err
}

// Try finds out, before the run does anything, whether the file can be written,
// and how. That the disk is full may change until then.
func (d *File) Try() error {
	if d.stream != nil {
		return nil
	}
	f, err := d.temporary()
	if err == nil {
		f.Close()
		err = os.Remove(f.Name())
	}
	switch {
	case err == nil, errors.Is(err, syscall.ENOSPC), isQuota(err):
		return nil
	case d.old == nil:
		return err
	}
	f, err = os.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	d.inPlace = true
	return f.Close()
}

// temporary makes the file that becomes the new one, with the mode and owner
// of the old one.
func (d *File) temporary() (f *os.File, err error) {
	// Not derived from the file's name, which may be as long as names can be.
	// Its ending is none that the node exporter reads.
	name := filepath.Join(filepath.Dir(d.path), fmt.Sprintf(".regsweep-%016x.tmp", rand.Uint64()))
	mode := fs.FileMode(0o666)
	if d.old != nil {
		mode = 0o600
	}
	if f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil {
		return nil, err
	}
	if d.old != nil {
		if err = giveOwner(f, d.old); err == nil {
			err = giveMode(f, d.old)
		}
	}
	if err != nil {
		f.Close()
		return nil, errors.Join(err, os.Remove(name))
	}
	return f, nil
}

// Write writes the file. One that can be replaced is seen under its name when
// it is complete.
func (d *File) Write(write func(io.Writer) error) error {
	switch {
	case d.stream != nil:
		return write(d.stream)
	case d.inPlace:
		return d.overwrite(write)
	}
	f, err := d.temporary()
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
		if d.old != nil && errors.Is(err, syscall.EBUSY) { // it is mounted, as containers have it
			return d.overwrite(write)
		}
		return err
	}
	if dir, err := os.Open(filepath.Dir(d.path)); err == nil {
		// Some systems cannot sync a directory; the file is whole all the same.
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// overwrite writes over the file that is there.
func (d *File) overwrite(write func(io.Writer) error) error {
	f, err := os.OpenFile(d.path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// IsStream reports whether it is written as it comes, and not replaced.
func (d *File) IsStream() bool { return d.stream != nil }

// Close gives back what the file holds. A nil *File has nothing to close.
func (d *File) Close() {
	if d != nil && d.stream != nil {
		d.stream.Close()
	}
}

// IsBelow reports whether a directory is one of the store's, by whatever name.
func IsBelow(dir, store string) bool {
	var parts []fs.FileInfo
	for _, part := range []string{"", layout.Blobs, layout.Repositories} {
		if info, err := os.Stat(filepath.Join(store, part)); err == nil {
			parts = append(parts, info)
		}
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && slices.ContainsFunc(parts, func(p fs.FileInfo) bool { return os.SameFile(p, info) }) {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}
