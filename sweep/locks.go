package sweep

import (
	"bytes"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
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

// WriteLocks puts a list in the place of the store's own one, in one step. It
// is on the disk when it returns.
func WriteLocks(lock *disk.Lock, text []byte) error {
	return writeOwn(lock, locksName, locksTemporary, text)
}
