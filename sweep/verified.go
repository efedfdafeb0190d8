package sweep

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/verified"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

const (
	verifiedName = "verified"
	// VerifiedPath is where checks remember what they have read, relative to the store.
	VerifiedPath = layout.Own + "/" + verifiedName
	// maxVerified is how large that may be, in bytes.
	maxVerified = 2 << 30
)

// ReadVerified reads what checks remember of the store. If the file is missing or
// incomplete, nothing is remembered, and everything is read again.
func ReadVerified(store *disk.Dir) *verified.Table {
	if text, err := readOwn(store, verifiedName, maxVerified); err == nil && text != nil {
		if t, err := verified.Unmarshal(text); err == nil {
			return t
		}
	}
	return &verified.Table{}
}

// WriteVerified remembers what a check has read. It needs no lock. If the store's
// time is the mark of a stopped run, a new name would hide the mark, so nothing is
// written.
func WriteVerified(store *disk.Dir, t *verified.Table) error {
	if old, err := tree.HasOldMark(store); err != nil || old {
		return err
	}
	return store.Publish(layout.Own, verifiedName, t.Marshal())
}
