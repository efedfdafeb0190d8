//go:build !linux || portable

package disk

import (
	"os"
	"path/filepath"
)

func (d *Dir) openFile(name string) (*os.File, error) {
	return os.OpenFile(d.at(name), os.O_RDONLY|nonblock, 0)
}

// createFile makes a file for writing and reading. One that is there is an error.
func (d *Locked) createFile(name string) (*os.File, error) {
	return os.OpenFile(d.at(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// clone fails: here no two files share their blocks.
func clone(_, _ *os.File) bool { return false }

func (d *Locked) linkFrom(from *Dir, name, to string) error {
	file, err := filepath.EvalSymlinks(from.at(name))
	if err != nil {
		return err
	}
	return os.Link(file, d.at(to))
}
