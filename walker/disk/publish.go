package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Publish puts a file into a directory of the store, in one step and without the
// lock; d has to be the store's own directory. It is for files that nobody has to
// believe: of two that publish at a time, one wins. The directory is made if it is
// not there, and has to be no symbolic link. A process that is killed may leave a file that ends in .tmp.
func (d *Dir) Publish(dir, name string, text []byte) error {
	return d.publish(dir, name, func(file *os.File) error {
		if _, err := file.Write(text); err != nil {
			return err
		}
		return file.Sync()
	})
}

// PublishNow is Publish of what write writes, which may depend on what the file server
// calls the present (the zero time if that is not known), and which may be lost when the
// power fails: then the file is whatever.
func (d *Dir) PublishNow(dir, name string, write func(to io.Writer, now time.Time) error) error {
	return d.publish(dir, name, func(file *os.File) error {
		var now time.Time
		if info, err := file.Stat(); err == nil {
			now = info.ModTime()
		}
		return write(file, now)
	})
}

func (d *Dir) publish(dir, name string, write func(*os.File) error) error {
	if err := d.fs.check(OpWrite, d.path, dir+"/"+name); err != nil {
		return err
	}
	at := filepath.Join(d.top(), dir)
	switch err := os.Mkdir(at, 0o777); {
	case err == nil:
		ownDirectory(at, d.top()) // the next run may be another user's
	case !errors.Is(err, fs.ErrExist):
		return pathError(OpMkdir, d.path, dir, cause(err))
	}
	info, err := os.Lstat(at)
	if err == nil && !info.IsDir() {
		err = ErrNotFile
	}
	if err != nil {
		return pathError(OpWrite, d.path, dir, cause(err))
	}
	file, err := os.CreateTemp(at, name+".*.tmp")
	if err != nil {
		return pathError(OpWrite, d.path, dir+"/"+name, cause(err))
	}
	_ = file.Chmod(info.Mode().Perm()&0o666 | 0o600) // some filesystems have no modes
	ownAs(file, d.top())
	if err = errors.Join(write(file), file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(at, name))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // it is in nobody's way
		return pathError(OpWrite, d.path, dir+"/"+name, cause(err))
	}
	return nil
}
