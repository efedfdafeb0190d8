package sweep

import (
	"bytes"
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Locks are what the store itself protects: the list in the file LocksPath,
// which every command that removes honours.
type Locks struct {
	*protect.List        // nil if the file is not there
	Text          []byte // of the file
}

const (
	locksName      = "protect"
	locksTemporary = "protect.tmp"
	// LocksPath is where the list is, relative to the store.
	LocksPath = layout.Own + "/" + locksName
	// maxLocks is how large the list may be, in bytes.
	maxLocks = 16 << 20
)

// ReadLocks reads the store's own list. A list that is there and cannot be read
// or understood in full is an error, since whatever it names has to stay.
func ReadLocks(store *disk.Dir) (*Locks, error) {
	text, err := readLocks(store)
	if err != nil || text == nil {
		return &Locks{}, err
	}
	list, err := protect.Read(bytes.NewReader(text), LocksPath)
	if err != nil {
		return nil, err
	}
	list.Lock()
	return &Locks{List: list, Text: text}, nil
}

// readLocks returns nil if there is no list. Only a name that is not there says
// so: what cannot be opened, a symbolic link to nothing included, is an error.
func readLocks(store *disk.Dir) ([]byte, error) {
	there, err := isThere(store, layout.Own)
	if err != nil || !there {
		return nil, err
	}
	own, err := store.Open(layout.Own)
	if err != nil {
		return nil, tree.NotGone(err)
	}
	defer own.Close()
	there, err = isThere(own, locksName)
	if err != nil || !there {
		return nil, err
	}
	info, err := own.Follow(locksName)
	switch {
	case err != nil:
		return nil, tree.NotGone(err)
	case info.Size > maxLocks:
		return nil, fmt.Errorf("%s: it has more than %d bytes", LocksPath, maxLocks)
	}
	text := make([]byte, info.Size+1) // one byte more shows a file that has grown
	n, info, err := own.ReadFile(locksName, text)
	switch {
	case err != nil:
		return nil, tree.NotGone(err)
	case int64(n) != info.Size:
		return nil, fmt.Errorf("%s: it changed while it was read", LocksPath)
	}
	return text[:n], nil
}

// WriteLocks puts a list in the place of the store's own one, in one step. It
// is on the disk when it returns.
func WriteLocks(lock *disk.Lock, text []byte) error {
	own, err := makeOwn(lock)
	if err != nil {
		return err
	}
	defer own.Close()
	if err = own.Write(locksTemporary, text); err == nil {
		err = own.Rename(locksTemporary, own, locksName)
	}
	if err != nil {
		_ = own.Unlink(locksTemporary) // it is in nobody's way
		return err
	}
	return own.Sync()
}
