package sweep

import (
	"bytes"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker/disk"
)

// Locks are what the store itself protects: the list in the file LocksPath. Every
// command that removes something honours it.
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

// ReadLocks reads the store's own list. If the list exists and cannot be read or
// understood in full, that is an error, since everything that it names must be
// kept.
func ReadLocks(store *disk.Dir) (*Locks, error) {
	text, err := readOwn(store, locksName, maxLocks)
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

// WriteLocks replaces the store's own list, in one step. The new list is on the
// disk when WriteLocks returns.
func WriteLocks(lock *disk.Lock, text []byte) error {
	return writeOwn(lock, locksName, locksTemporary, text)
}
