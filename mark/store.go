package mark

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Rules say what is live besides what tags reach. Durations are ages by the
// run's one clock.
type Rules struct {
	Now time.Time // the run's clock; what is younger is fresh
	// Grace is the age below which everything is live.
	Grace time.Duration
	// DeleteUntagged takes the untagged manifests that are older than
	// OlderThan and Grace from the roots.
	DeleteUntagged bool
	OlderThan      time.Duration
	// KeepDeleted is the age below which what was deleted through the API, or has
	// lost its last tag, is kept like a root, with what shows it; 0 keeps none.
	KeepDeleted time.Duration
	// UploadsOlderThan is the age above which an upload is abandoned.
	UploadsOlderThan time.Duration
	Protect          *protect.List
	// PullThrough says that the store is a cache, which lacks what nobody has asked for.
	PullThrough bool
	// Away are roots that go, or nil. What is garbage without that is left alone.
	Away *Removal
	// Listed is a plan that was written down, or nil. Nothing else goes.
	Listed *Listing
	// Times has the first Look remember the times of the links that go.
	Times bool
	// observer is told about every repository, or nil.
	observer Observer
	// Resumed says that a run was stopped while names were set aside, so that
	// all of them have to be looked for.
	Resumed bool
	ahead   *latest
}

// cutoff is the modification time above which a thing is younger than age.
func (r *Rules) cutoff(age time.Duration) int64 { return disk.Nanoseconds(r.Now.Add(-age)) }

func (r *Rules) fresh(mtime int64) bool {
	if mtime <= r.cutoff(r.Grace) {
		return false
	}
	if r.ahead != nil && mtime > r.Now.Add(ahead).UnixNano() {
		r.ahead.note(mtime)
	}
	return true
}

// ahead is how far in the future a time has to be for no clock to explain it.
const ahead = time.Minute

// latest is the latest time of a file that is dated in the future.
type latest struct{ at atomic.Int64 }

func (l *latest) note(mtime int64) {
	for was := l.at.Load(); mtime > was; was = l.at.Load() {
		if l.at.CompareAndSwap(was, mtime) {
			return
		}
	}
}

// Ahead is the latest time, in nanoseconds since 1970, of something that was
// found to be recent since it is dated in the future; 0 if there is none.
func (s *Store) Ahead() int64 { return s.rules.ahead.at.Load() }

func (r *Rules) youngUntagged(mtime int64) bool {
	return mtime > r.cutoff(max(r.Grace, r.OlderThan))
}

// timed reports whether the times of layer links are needed.
func (r *Rules) timed() bool { return r.Times || r.Listed != nil }

// Store is what is known of a store's blobs and manifests. It outlives a Look,
// so that no manifest is read twice.
type Store struct {
	Table *table
	Blobs int64 // that the walk found

	rules   Rules
	hasLong bool // there are blobs of other algorithms than sha256
	looked  bool // the first Look has been
	// metAside says that the walk has met data that a stopped run set aside.
	metAside atomic.Bool
	oldest   latest // see noteOldest
	// empty are the directories of blobs without data.
	mu          sync.Mutex
	late        sync.Mutex // of blobs that the walk has not seen
	empty       []ID
	temporaries []walker.Temporary
	shared      map[disk.ID]*inode // of files with several names
	huge        map[ID]int64       // disk bytes of blobs with manySectors
	manifests   manifest.Summaries
	subjects    subjects
	sizes       *sizeClaims // who wants to know what manifests say of sizes, or nil
	buffers     sync.Pool   // of *buffer
	decoding    sync.Mutex
	loading     [1024]sync.Mutex
	memory      *Memory // of other runs and of this one, or nil
}

// inode is a file that several blobs may be names of.
type inode struct {
	links uint64
	disk  int64
	blobs []ID
}

// Read walks the blobs of a store.
func Read(ctx context.Context, w *walker.Walker, rules Rules) *Store {
	return ReadWith(ctx, w, rules, nil)
}

// ReadWith is Read for a run that has a memory, which the walker has, too.
func ReadWith(ctx context.Context, w *walker.Walker, rules Rules, memory *Memory) *Store {
	rules.ahead = new(latest)
	s := &Store{Table: rules.Listed.digests(), rules: rules, shared: map[disk.ID]*inode{}, huge: map[ID]int64{}, memory: memory}
	w.Top()
	w.Blobs(ctx, nil, s.addBlob)
	if s.metAside.Load() {
		s.resume(ctx, w)
	}
	for id, r := range s.Table.All() {
		if r.has(hasBlob) {
			s.Blobs++
			s.hasLong = s.hasLong || s.Table.IsLong(id)
		}
	}
	return s
}

func (s *Store) addBlob(b walker.Blob) {
	id := s.Table.Intern(b.Digest)
	r := s.Table.At(id)
	bits := uint32(0)
	switch b.State {
	case walker.BlobSpecial:
		r.set(isOdd)
		return
	case walker.BlobAbsent:
		s.addEmpty(id, b)
		return
	case walker.BlobAside:
		bits |= isAside
		s.metAside.Store(true)
	}
	r.size = b.Size
	s.setDisk(id, b.Disk)
	bits |= hasBlob
	if s.memory.knows(&b) {
		bits |= isKnown
	}
	if b.Linked {
		bits |= isPinned
	}
	s.noteOldest(b.MTime)
	if s.rules.fresh(b.MTime) {
		bits |= isFresh
	}
	if s.rules.Listed.isNewer(b.MTime) {
		bits |= isNewer
	}
	if b.Links > 1 {
		s.addShared(id, b)
	}
	if b.Twice {
		s.addTwice(b)
	}
	r.set(bits)
}

func (s *Store) addEmpty(id ID, b walker.Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := true
	for _, t := range b.Left.Temporaries {
		if s.rules.fresh(t.MTime) {
			old = false
			continue
		}
		s.temporaries = append(s.temporaries, t)
	}
	if b.Left.Empty && old && !b.Linked && !s.rules.fresh(b.Left.MTime) {
		s.empty = append(s.empty, id)
	}
}

// addTwice plans to remove what a stopped run set aside and a push has replaced.
func (s *Store) addTwice(b walker.Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.temporaries = append(s.temporaries, walker.Temporary{Path: layout.BlobDir(b.Digest) + "/" + layout.Aside, Size: b.Size})
}

func (s *Store) addShared(id ID, b walker.Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.shared[b.ID]
	if n == nil {
		n = &inode{links: b.Links, disk: b.Disk}
		s.shared[b.ID] = n
	}
	n.blobs = append(n.blobs, id)
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
