package sweep

import (
	"io"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

const (
	indexName = "index"
	// IndexPath is where runs remember what they have read, relative to the store.
	IndexPath = layout.Own + "/" + indexName
	// maxIndex is how large that may be, in bytes: the next run has it in memory, beside
	// what it takes without one. It is enough for five million blobs, with which a run
	// has less than 1.1 GiB, as one without an index with ten million.
	maxIndex = 160 << 20
	// indexShare is the part of a filesystem that has to be free for it to be written.
	indexShare = 100
	// sameClock is how far the clock of a filesystem of this host may be from this host's.
	sameClock = time.Second
)

// ReadIndex reads what the last run remembered of the store. If the file is
// missing or incomplete, the index is empty, and everything is read.
func ReadIndex(store *disk.Dir) *index.Index {
	text, err := readOwn(store, indexName, maxIndex)
	if err != nil || text == nil {
		return nil
	}
	return mark.ReadIndex(text)
}

// WriteIndex remembers what a run has read. It needs no lock. It does nothing if
// little space is free, if nothing is new, or if the store's time is the mark of a
// stopped run, which a new name would hide. A run can continue after an error.
func WriteIndex(store *disk.Dir, memory *mark.Memory, s *mark.Store) error {
	if old, err := tree.HasOldMark(store); err != nil || old {
		return err
	}
	v, err := store.Volume()
	if err != nil || v.ReadOnly || v.Free < v.Size/indexShare || v.FreeInodes < v.Inodes/indexShare {
		return err
	}
	b := memory.Index(s)
	if b == nil || b.Size() > maxIndex {
		return nil
	}
	started := time.Now()
	return store.PublishNow(layout.Own, indexName, func(to io.Writer, now time.Time) error {
		if now.Sub(started).Abs() > sameClock {
			b.ForgetLinks() // it cannot be told when they were read
		}
		return mark.WriteIndex(to, b)
	})
}
