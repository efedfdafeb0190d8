package mark

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// certain is how long before a link is read its file must have been changed last,
// so that a change after that is seen by the file's times: longer than the unit of
// time of any filesystem of which links are remembered.
const certain = 3 * time.Second

// Memory is what a run knows of manifests and links: what an index says that
// another run has written, and what this run has read itself. It trusts for two
// things only:
//   - what a manifest or a configuration says, by its digest, if its data have the
//     times that they had when they were found to have that digest;
//   - what a link says, if its file is the one that was read, on a disk of this
//     host, and was changed last well before that.
//
// From the second look on nothing of the index is used, every tag is opened, and a
// link is only left closed that this run itself has opened. All methods of a nil
// Memory do nothing.
type Memory struct {
	old    *index.Index
	moment int64 // before this run read anything, by the earlier of the clocks that it knows
	before int64 // what is not older is not remembered
	later  atomic.Bool
	used   bitmap // links of old that were left closed
	met    bitmap // documents of old that are still there
	ids    []atomic.Uint32

	shards    [memoryShards]linkShard
	mu        sync.Mutex // of the rest
	contents  []contentNote
	documents documentNotes
	saved     int // how much had been read when Index was asked last
}

var _ walker.Memory = (*Memory)(nil)

const memoryShards = 64

// linkShard is a part of the links that this run has opened.
type linkShard struct {
	mu    sync.Mutex
	notes []linkNote
	first int              // how many are of the first look, from the second on
	byKey map[uint64]int32 // from the second look on
}

func (s *linkShard) note(at int) linkNote {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notes[at]
}

// linkNote is a link that this run has opened.
type linkNote struct {
	key, device, inode uint64
	mtime, ctime       int64
	target             index.Sum
}

// contentNote is a manifest that this run has read.
type contentNote struct {
	id    ID
	times index.Times
}

// NewMemory returns a memory with an index, which may be nil. Now is the earlier
// of the clocks that are known, before anything is read. An index that was written
// after that is not used.
func NewMemory(old *index.Index, now time.Time) *Memory {
	m := &Memory{moment: disk.Nanoseconds(now), before: disk.Nanoseconds(now.Add(-certain))}
	if old.Latest() <= m.moment {
		m.old = old
	}
	m.used, m.met = newBitmap(m.old.Links()), newBitmap(m.old.Contents())
	m.ids = make([]atomic.Uint32, m.old.Digests())
	return m
}

// bitmap has a bit for each number.
type bitmap []atomic.Uint32

func newBitmap(n int) bitmap { return make(bitmap, (n+31)/32) }

func (b bitmap) set(i int) {
	if at, bit := &b[i/32], uint32(1)<<(i%32); at.Load()&bit == 0 {
		at.Or(bit)
	}
}

func (b bitmap) has(i int) bool { return b[i/32].Load()&(1<<(i%32)) != 0 }

// again is the end of the first look.
func (m *Memory) again() {
	if m == nil || m.later.Swap(true) {
		return
	}
	for i := range m.shards {
		s := &m.shards[i]
		s.first, s.byKey = len(s.notes), make(map[uint64]int32, len(s.notes))
		for at := range s.notes {
			s.byKey[s.notes[at].key] = int32(at)
		}
	}
}

// knows reports whether a blob that has been found is a document of the index.
func (m *Memory) knows(b *walker.Blob) bool {
	if m == nil || m.old == nil || b.State != walker.BlobHere || b.Digest.Algorithm() != layout.SHA256 {
		return false
	}
	at, ok := m.old.Find(b.Digest.Sum(), index.Times{Size: b.Size, MTime: b.MTime, CTime: b.CTime})
	if !ok || b.CTime == 0 {
		return false
	}
	if !m.old.IsManifest(at) {
		m.met.set(at) // it stays remembered though nobody asks for it
	}
	return true
}

// noteContent remembers a manifest that has been read and has its digest.
func (m *Memory) noteContent(id ID, info *disk.Info) {
	if m == nil || info.Type != disk.File || info.Behind || !m.isPast(info) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contents = append(m.contents, contentNote{id, index.Times{Size: info.Size, MTime: info.MTime, CTime: info.CTime}})
}

// isPast reports whether a file was changed last well before this run.
func (m *Memory) isPast(info *disk.Info) bool {
	return info.CTime != 0 && min(info.MTime, info.CTime) > math.MinInt64 && max(info.MTime, info.CTime) < m.before
}

// linkSize is the size of links that are remembered, in bytes: of those that hold a
// digest of sha256, and nothing else.
const linkSize = int64(len("sha256:") + 64)

// ofFirst are the links that the first look has opened.
func (s *linkShard) ofFirst() []linkNote {
	if s.byKey == nil {
		return s.notes
	}
	return s.notes[:s.first]
}

// Find implements walker.Memory.
func (m *Memory) Find(key uint64, isTag bool) int {
	switch {
	case !m.later.Load():
		return m.old.FindLink(key)
	case isTag:
		return -1
	}
	shard := int(key % memoryShards)
	s := &m.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.byKey[key]; ok {
		return int(at)*memoryShards + shard
	}
	return -1
}

// Recall implements walker.Memory.
func (m *Memory) Recall(at int, info disk.Info) (layout.Digest, bool) {
	if info.Size != linkSize || !m.isPast(&info) {
		return layout.Digest{}, false
	}
	if m.later.Load() {
		n := m.shards[at%memoryShards].note(at / memoryShards)
		same := n.device == info.ID.Dev && n.inode == info.ID.Ino && n.mtime == info.MTime && n.ctime == info.CTime
		return layout.FromSum(layout.SHA256, n.target[:]), same
	}
	l := m.old.Link(at)
	if l.Device != info.ID.Dev || l.Inode != info.ID.Ino || l.MTime != info.MTime || l.CTime != info.CTime ||
		max(l.MTime, l.CTime) > l.Moment-int64(certain) {
		return layout.Digest{}, false
	}
	m.used.set(at)
	sum := m.old.Sum(l.Target)
	return layout.FromSum(layout.SHA256, sum[:]), true
}

// Note implements walker.Memory.
func (m *Memory) Note(key uint64, info disk.Info, target layout.Digest) {
	if info.Size != linkSize || target.Algorithm() != layout.SHA256 || !m.isPast(&info) {
		return
	}
	s := &m.shards[key%memoryShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey != nil {
		s.byKey[key] = int32(len(s.notes)) // the next look need not open it again
	}
	s.notes = append(s.notes, linkNote{key, info.ID.Dev, info.ID.Ino, info.MTime, info.CTime, index.Sum(target.Sum())})
}

// Again returns the memory of a run after this one, with the same index.
func (m *Memory) Again(now time.Time) *Memory { return NewMemory(m.old, now) }

// documentNote is a document that this run has read.
type documentNote struct {
	times index.Times
	text  string
}
