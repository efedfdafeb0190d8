package mark

import (
	"context"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Read walks the blobs of a store.
func Read(ctx context.Context, w *walker.Walker, rules Rules) *Store {
	return ReadWith(ctx, w, rules, nil)
}

// ReadWith is Read for a run with a memory. The walker has the same memory.
func ReadWith(ctx context.Context, w *walker.Walker, rules Rules, memory *Memory) *Store {
	rules.ahead = new(latest)
	s := &Store{
		Table: rules.Listed.digests(), rules: rules,
		walked: walked{shared: map[disk.ID]*inode{}, huge: map[ID]int64{}},
		known:  known{memory: memory},
	}
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
	if s.rules.recent(b.MTime) {
		bits |= isRecent
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
		if s.rules.recent(t.MTime) {
			old = false
			continue
		}
		s.temporaries = append(s.temporaries, t)
	}
	if b.Left.Empty && old && !b.Linked && !s.rules.recent(b.Left.MTime) {
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

// resume has all that follows look for names that are set aside, and looks for
// those of blobs that have been stored again since.
func (s *Store) resume(ctx context.Context, w *walker.Walker) {
	if s.rules.Resumed {
		return
	}
	s.rules.Resumed = true
	w.Resume()
	again := w.With(new(walker.Findings))
	again.Blobs(ctx, nil, func(b walker.Blob) {
		if b.Twice {
			s.addTwice(b)
		}
	})
	if w.Findings.Unreadable() == 0 {
		w.Findings.AddUnreadable(again.Findings)
	}
}
