package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Publish puts a file into a directory of the store, in one step and without the
// lock; d has to be the store's own directory. It is for files that nobody has to
// believe: of two that publish at a time, one wins. The directory is made if it is
// not there, and has to be no symbolic link. A process that is killed may leave a file that ends in .tmp.
func (d *Dir) Publish(dir, name string, text []byte) error {
	if err := d.fs.check(OpWrite, d.path, dir+"/"+name); err != nil {
		return err
	}
	at := filepath.Join(d.top(), dir)
	if err := os.Mkdir(at, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
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
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(at, name))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // it is in nobody's way
		return pathError(OpWrite, d.path, dir+"/"+name, cause(err))
	}
	return nil
}
