package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Source is a regular file that is open for being copied.
type Source struct {
	fs   *FS
	file *os.File
	dir  string
	name string
	// Size is its size in bytes when it was opened.
	Size int64
}

// OpenSource opens a regular file for being copied, behind symbolic links too.
// Anything but a regular file is ErrNotFile. The caller closes it.
func (d *Dir) OpenSource(name string) (*Source, error) {
	if err := d.fs.check(OpOpen, d.path, name); err != nil {
		return nil, err
	}
	file, err := d.openFile(name)
	if err != nil {
		return nil, pathError(OpOpen, d.path, name, cause(err))
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFile
	}
	if err != nil {
		file.Close()
		return nil, pathError(OpRead, d.path, name, cause(err))
	}
	return &Source{fs: d.fs, file: file, dir: d.path, name: name, Size: info.Size()}, nil
}

// Close closes the file.
func (s *Source) Close() error { return s.file.Close() }

// each calls fn with the content of a file, piece by piece.
func (s *Source) each(file *os.File, buf []byte, fn func([]byte) error) error {
	for {
		if err := s.fs.check(OpRead, s.dir, s.name); err != nil {
			return err
		}
		n, err := file.Read(buf)
		if n > 0 {
			if err := fn(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return pathError(OpRead, s.dir, s.name, cause(err))
		}
	}
}

// copyBuffer is how many bytes are copied at a time.
const copyBuffer = 256 << 10

// CopyNew makes a file with the content of another one, which is on the disk
// when it returns. Where the filesystem can, the two share their blocks until
// one of them is written to: cloned says so. fn is called with the content of
// the new file, piece by piece; its error ends the copy and is returned as it
// is. A file that is there is ErrExists. After another error what was made is
// removed, as far as that can be done.
func (d *Locked) CopyNew(name string, from *Source, fn func([]byte) error) (cloned bool, err error) {
	if err := d.fs.check(OpWrite, d.path, name); err != nil {
		return false, err
	}
	file, err := d.createFile(name)
	if err != nil {
		return false, pathError(OpWrite, d.path, name, cause(err))
	}
	buf := make([]byte, copyBuffer)
	if cloned = clone(file, from.file); cloned {
		err = from.each(file, buf, fn)
	} else {
		err = from.each(from.file, buf, func(piece []byte) error {
			if err := fn(piece); err != nil {
				return err
			}
			if err := d.fs.check(OpWrite, d.path, name); err != nil {
				return err
			}
			if _, err := file.Write(piece); err != nil {
				return pathError(OpWrite, d.path, name, cause(err))
			}
			return nil
		})
	}
	if err == nil {
		if err = d.fs.check(OpSync, d.path, name); err == nil {
			if err = file.Sync(); err != nil {
				err = pathError(OpSync, d.path, name, cause(err))
			}
		}
	}
	if cerr := file.Close(); cerr != nil && err == nil {
		err = pathError(OpWrite, d.path, name, cause(cerr))
	}
	d.countMade(name)
	if err != nil {
		_ = d.Unlink(name) // a later run removes what is left
	}
	return cloned, err
}

// LinkFrom gives a file of any directory a second name in this one, unless
// something has that name. Of a symbolic link it is the file that it leads to.
func (d *Locked) LinkFrom(from *Dir, name, to string) error {
	if err := d.fs.check(OpLink, from.path, name); err != nil {
		return err
	}
	if err := d.linkFrom(from, name, to); err != nil {
		return pathError(OpLink, from.path, name, cause(err))
	}
	d.countMade(to)
	return nil
}

// cause is an error without the path, which is known here by its name in the store.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}
