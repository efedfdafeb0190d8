package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// doubts reports whether a manifest has to be read although something is known of it.
func (s *Store) doubts(r *record) bool {
	return s.memory != nil && r.has(isKnown) && s.memory.later.Load()
}

// recall returns the place of a manifest that the index knows, or 0.
func (s *Store) recall(id ID) (place uint32) {
	m, r := s.memory, s.Table.At(id)
	if m == nil || !r.has(isKnown) {
		return 0
	}
	if m.later.Load() || s.sizes != nil {
		r.unset(isKnown) // it is read now
		return 0
	}
	digest := s.Table.Digest(id)
	at, ok := m.old.At(digest.Sum())
	var c index.Content
	if !ok || !m.old.Content(at, &c) {
		r.unset(isKnown)
		return 0
	}
	if c.Kind == 0 {
		return 0 // only what it says of itself is known
	}
	m.met.set(at)
	summary := manifest.Summary{
		Kind: manifest.Kind(c.Kind), Configs: c.Configs,
		Required: s.intern(c.Required), Optional: s.intern(c.Optional), Subjects: s.intern(c.Subjects),
	}
	return s.manifests.Add(&summary)
}

// intern turns digests of the index into those of the Store.
func (s *Store) intern(digests []uint32) []ID {
	ids := make([]ID, len(digests))
	for i, d := range digests {
		known := &s.memory.ids[d]
		if ids[i] = ID(known.Load()); ids[i] == 0 {
			sum := s.memory.old.Sum(d)
			ids[i] = s.Table.Intern(layout.FromSum(layout.SHA256, sum[:]))
			known.Store(uint32(ids[i]))
		}
	}
	return ids
}

// readBlob reads a manifest, and what its file is if that is to be remembered.
func (s *Store) readBlob(w *walker.Walker, digest layout.Digest, aside bool, into []byte, buf *buffer) (n int, err error) {
	buf.info = disk.Info{}
	if s.memory == nil || aside || s.memory.later.Load() {
		return w.ReadBlob(digest, aside, into)
	}
	n, buf.info, err = w.ReadBlobInfo(digest, aside, into)
	return n, err
}
