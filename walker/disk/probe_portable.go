//go:build !linux || portable

package disk

import (
	"os"
	"time"
)

// noReplace is the only such rename that there is here: see RenameNoReplace.
func (d *Locked) noReplace(name string, dir *Locked, to string) error {
	return d.RenameNoReplace(name, dir, to)
}

// beside is never true here: the directory itself is locked, or nothing is.
func (l *Lock) beside() bool { return false }

func (d *Locked) setMTime(nsec int64) error {
	at := time.Unix(0, nsec)
	return os.Chtimes(d.real, time.Time{}, at)
}

func (d *Dir) access(name string) (int, error) {
	info, err := os.Stat(d.at(name))
	if err != nil {
		return -1, cause(err)
	}
	return owner(info), access(d.at(name))
}
