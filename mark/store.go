package mark

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Ahead returns the latest time, in nanoseconds since 1970, of anything that
// counts as recent because its time is in the future, or 0 if there is none.
func (s *Store) Ahead() int64 { return s.rules.ahead.at.Load() }

// Store has what is known of a store's blobs and manifests. It outlives a Look, so
// that no manifest is read twice.
type Store struct {
	Table *table
	Blobs int64 // that the walk found

	rules  Rules
	looked bool // the first Look has been
	walked
	known
}

// walked is what the walk of the blobs has met besides their sizes.
type walked struct {
	hasLong bool // there are blobs of other algorithms than sha256
	// metAside says that the walk has met data that a stopped run set aside.
	metAside atomic.Bool
	oldest   latest // see noteOldest
	mu       sync.Mutex
	late     sync.Mutex // of blobs that the walk has not seen
	// empty are the directories of blobs without data.
	empty       []ID
	temporaries []walker.Temporary
	shared      map[disk.ID]*inode // of files with several names
	huge        map[ID]int64       // disk bytes of blobs with manySectors
}

// known is what is known of manifests, and what reading them takes.
type known struct {
	manifests manifest.Summaries
	subjects  subjects
	sizes     *sizeClaims // who wants to know what manifests say of sizes, or nil
	buffers   sync.Pool   // of *buffer
	decoding  sync.Mutex
	loading   [1024]sync.Mutex
	memory    *Memory // of other runs and of this one, or nil
}

// inode is a file that several blobs may be names of.
type inode struct {
	links uint64
	disk  int64
	blobs []ID
}

// stat looks for a blob that the walk has not seen.
func (s *Store) stat(w *walker.Walker, id ID) bool {
	r := s.Table.At(id)
	if r.has(hasBlob) {
		return true
	}
	b, ok := w.StatBlob(s.Table.Digest(id))
	if !ok {
		return false
	}
	s.late.Lock()
	defer s.late.Unlock()
	if !r.has(hasBlob) {
		r.size = b.Size
		s.setDisk(id, b.Disk)
		r.set(hasBlob | isLate)
		if b.State == walker.BlobAside {
			r.set(isAside)
		}
	}
	return true
}

// subjects are the manifests whose directories may have links to referrers.
type subjects struct {
	mu    sync.Mutex
	ids   digests.Set
	any   bool
	asked digests.Set // blobs that have been read to find out whether they are referrers
}

func (s *subjects) add(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids.Add(id)
	s.any = true
}

// all is a copy, or nil.
func (s *subjects) all() digests.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.any {
		return nil
	}
	return slices.Clone(s.ids)
}

func (s *Store) setDisk(id ID, bytes int64) {
	sectors := min(uint64(bytes)/diskUnit, manySectors)
	s.Table.At(id).sectors = uint32(sectors)
	if sectors == manySectors || bytes%diskUnit != 0 {
		s.Table.At(id).sectors = manySectors
		s.mu.Lock()
		defer s.mu.Unlock()
		s.huge[id] = bytes
	}
}

func (s *Store) disk(id ID) int64 {
	if sectors := s.Table.At(id).sectors; sectors < manySectors {
		return int64(sectors) * diskUnit
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.huge[id]
}

// Sizes on disk are kept in units in which every system tells them; the few
// that are too large for that are kept apart.
const (
	diskUnit    = 512
	manySectors = 1<<32 - 1
)
