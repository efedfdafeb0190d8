package disk

import (
	"errors"
	"fmt"
	"time"
)

// ErrTimeIgnored is wrapped by Touch when a filesystem ignores a time that is
// set, so that what it shows is not its clock.
var ErrTimeIgnored = errors.New("the filesystem ignores a time that is set")

// ErrPretend is what a Fault returns for an OpTouch that is to do nothing and
// to say that it did, as some filesystems do.
var ErrPretend = errors.New("nothing is done")

const (
	// touches is how often a time that does not change is set.
	touches = 3
	// touchPause and its repetition are longer than any filesystem's unit of time.
	touchPause = 1100 * time.Millisecond
	// sameTime is how far a time may be from ours to be taken for the present:
	// more than the unit of any filesystem.
	sameTime = 3 * time.Second
)

// Touch sets the directory's times to the present, which needs the right to
// write and not to own it, and returns what the file server calls the present.
// A time that has not changed and is not ours is set again, in case it was set
// within the filesystem's unit of time before; if it stays, that is ErrTimeIgnored.
func (d *Locked) Touch() (time.Time, error) {
	before, err := d.Info()
	if err != nil {
		return time.Time{}, err
	}
	for try := range touches {
		if try > 0 {
			time.Sleep(touchPause)
		}
		if err := d.touch(); err != nil {
			return time.Time{}, err
		}
		after, err := d.Info()
		if err != nil {
			return time.Time{}, err
		}
		now := time.Unix(0, after.MTime)
		if after.MTime != before.MTime || time.Since(now).Abs() < sameTime {
			return now, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s", ErrTimeIgnored, d.name())
}

func (d *Locked) touch() error {
	if err := d.fs.check(OpTouch, d.path, ""); errors.Is(err, ErrPretend) {
		return nil
	} else if err != nil {
		return err
	}
	if err := d.setNow(); err != nil {
		return pathError(OpTouch, d.path, "", err)
	}
	return nil
}

// SyncHere waits until the names in the directory are on the disk.
func (d *Locked) SyncHere() error {
	if err := d.fs.check(OpSync, d.path, ""); err != nil {
		return err
	}
	if err := d.syncHere(); err != nil {
		return pathError(OpSync, d.path, "", err)
	}
	return nil
}

// name is the directory's path for a message, which is never empty.
func (d *Dir) name() string { return named(d.path) }
