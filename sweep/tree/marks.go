package tree

import (
	"path"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// oldMark is the modification time that versions before this one gave to the
// store's directory while names were set aside.
var oldMark = time.Unix(1_000_000_000, 0)

// HasOldMark reports whether a store bears the mark of an older version.
func HasOldMark(store *disk.Dir) (bool, error) {
	info, err := store.Info()
	return info.MTime == disk.Nanoseconds(oldMark), err
}

// RemoveMark removes the mark, since nothing is set aside any more. If it
// fails, the next run looks for names that are not there.
func RemoveMark(lock *disk.Lock) {
	err := lock.Store().Unlink(layout.Unfinished)
	if err != nil && !disk.Gone(err) {
		err = lock.Store().Unlink(layout.Unfinished)
	}
	if disk.Gone(err) {
		_, _ = lock.Store().Touch() // which removes the mark of an older version
	}
}

// RemoveMarkAt removes a mark among links, by its path. One that is gone is not an error.
func RemoveMarkAt(lock *disk.Lock, at string) error {
	dir, name := path.Split(at)
	d, err := lock.Open(strings.Split(strings.TrimSuffix(dir, "/"), "/")...)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Unlink(name)
	if disk.Gone(err) {
		err = d.Unlink(name) // one wrong answer is not believed
	}
	return IgnoreGone(err)
}
