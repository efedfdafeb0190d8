//go:build !linux || portable

package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Dir is a directory, for reading. Its methods may be called concurrently.
// Where directories cannot be opened relative to each other, it is a path.
type Dir struct {
	fs     *FS
	real   string // where it is
	path   string
	linked bool
}

// OpenStore opens the store's own directory. The caller closes it.
func (f *FS) OpenStore(path string) (*Dir, error) {
	if err := f.check(OpOpen, "", path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(OpOpen, "", path, cause(err))
	}
	if !info.IsDir() {
		return nil, pathError(OpOpen, "", path, errNotDirectory)
	}
	real, err := filepath.Abs(path)
	if err != nil {
		return nil, pathError(OpOpen, "", path, err)
	}
	return &Dir{fs: f, real: real}, nil
}

// top is the absolute path of the store's own directory.
func (d *Dir) top() string { return d.real }

func (d *Dir) at(name string) string { return filepath.Join(d.real, filepath.FromSlash(name)) }

// Open opens a directory below this one, through a symbolic link too.
// The caller closes it.
func (d *Dir) Open(name string) (*Dir, error) {
	sub, err := d.openHere(name)
	if err == nil || Gone(err) {
		return sub, err
	}
	here, lerr := d.Stat(name)
	if lerr != nil || here.Type != Symlink {
		return nil, err
	}
	info, err := d.Follow(name)
	if err != nil {
		return nil, err
	}
	if info.Type != Directory {
		return nil, pathError(OpOpen, d.path, name, errNotDirectory)
	}
	return &Dir{fs: d.fs, real: d.at(name), path: d.Join(name), linked: true}, nil
}

// OpenStraight fails: here nothing can be opened in one call.
func (d *Dir) OpenStraight(path string) (*Dir, error) {
	return nil, pathError(OpOpen, d.path, path, errors.ErrUnsupported)
}

// NotStraight reports whether OpenStraight failed as it does here.
func NotStraight(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// openHere is Open for a directory that is no symbolic link.
func (d *Dir) openHere(name string) (*Dir, error) {
	if err := d.fs.check(OpOpen, d.path, name); err != nil {
		return nil, err
	}
	info, err := os.Lstat(d.at(name))
	if err != nil {
		return nil, pathError(OpOpen, d.path, name, cause(err))
	}
	if !info.IsDir() {
		return nil, pathError(OpOpen, d.path, name, errNotDirectory)
	}
	return &Dir{fs: d.fs, real: d.at(name), path: d.Join(name), linked: d.linked}, nil
}

// Close does nothing here.
func (d *Dir) Close() error { return nil }

// Info is what the directory itself is.
func (d *Dir) Info() (Info, error) { return d.stat("", true) }

func (d *Dir) stat(name string, follow bool) (Info, error) {
	if err := d.fs.check(OpStat, d.path, name); err != nil {
		return Info{}, err
	}
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	info, err := stat(d.at(name))
	if err != nil {
		return Info{}, pathError(OpStat, d.path, name, cause(err))
	}
	i := Info{Type: typeOf(info.Mode()), Size: info.Size(), MTime: Nanoseconds(info.ModTime())}
	i.addSystem(d.at(name), info)
	return i, nil
}

func typeOf(m os.FileMode) Type {
	switch {
	case m.IsRegular():
		return File
	case m.IsDir():
		return Directory
	case m&os.ModeSymlink != 0:
		return Symlink
	}
	return Special
}

// readOpened is never done: no call says what an open file is that does not follow
// symbolic links.
func (d *Dir) readOpened(string, []byte) (int, Info, bool, error) { return 0, Info{}, false, nil }

// ReadRegular is ReadFile for a name that is known to be a regular file.
func (d *Dir) ReadRegular(name string, buf []byte) (int, error) {
	if err := d.fs.check(OpRead, d.path, name); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(d.at(name), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return 0, pathError(OpRead, d.path, name, cause(err))
	}
	defer f.Close()
	n, err := io.ReadFull(f, buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	if err != nil {
		return n, pathError(OpRead, d.path, name, cause(err))
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
	f, err := os.OpenFile(d.at(name), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return pathError(OpOpen, d.path, name, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return pathError(OpStat, d.path, name, cause(err))
	}
	if !info.Mode().IsRegular() {
		return pathError(OpRead, d.path, name, ErrNotFile)
	}
	for {
		if err := d.fs.check(OpRead, d.path, name); err != nil {
			return err
		}
		n, err := f.Read(buf)
		if n > 0 {
			if err := fn(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return pathError(OpRead, d.path, name, cause(err))
		}
	}
}

// List calls fn for every name in the directory until it returns an error,
// which List returns. A listing that breaks off is an error.
func (d *Dir) List(fn func(Entry) error) error {
	if err := d.fs.check(OpList, d.path, ""); err != nil {
		return err
	}
	f, err := os.Open(d.real)
	if err != nil {
		return pathError(OpList, d.path, "", cause(err))
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			if err := fn(Entry{Name: e.Name(), Type: typeOf(e.Type())}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return pathError(OpList, d.path, "", cause(err))
		}
	}
}
