package sweep

import (
	"errors"
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

const lockName = "lock"

// LockPath is the file that keeps other hosts out on network filesystems, relative
// to the store. Removing the file removes the lock of a dead host.
const LockPath = layout.Own + "/" + lockName

// ErrOtherHost is an ErrLocked of disk: another host has the lock, or a process
// that opened the store in another way.
var ErrOtherHost = fmt.Errorf("%w, from another host or through another mount", disk.ErrLocked)

// Lock takes the lock of a store, without waiting. On a network filesystem, it
// also takes the lock that keeps other hosts out, if the file server has locks.
// The errors are those of disk's Lock, and ErrOtherHost.
func Lock(store *disk.Dir) (*disk.Lock, error) {
	lock, err := store.Lock()
	if err != nil || !lock.Remote {
		return lock, err
	}
	own, err := tree.MakeOwn(lock)
	if err != nil {
		return lock, nil // as on a full disk: it binds this host then, which Hosts says
	}
	defer own.Close()
	switch err := lock.BindHosts(own, lockName); {
	case errors.Is(err, disk.ErrLocked):
		return nil, errors.Join(ErrOtherHost, lock.Release())
	case errors.Is(err, disk.ErrOneHost): // nobody needs the file
		_ = own.Unlink(lockName)
		_ = tree.Rmdir(lock.Store(), layout.Own) // there may be a trash in it
	}
	return lock, nil
}
