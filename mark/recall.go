package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// doubts reports whether a manifest has to be read although something is known of it.
func (s *Store) doubts(r *record) bool {
	return s.memory != nil && r.has(isKnown) && s.memory.later.Load()
}

// recall returns the place of a manifest that the index knows, or 0.
func (s *Store) recall(id ID, buf *buffer) (place uint32) {
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
	c := &buf.known
	if !ok || !m.old.Content(at, c) {
		r.unset(isKnown)
		return 0
	}
	if c.Kind == 0 {
		return 0 // only what it says of itself is known
	}
	m.met.set(at)
	for i, list := range [...][]uint32{c.Required, c.Optional, c.Subjects} {
		buf.ids[i] = s.intern(buf.ids[i][:0], list)
	}
	return s.manifests.Add(&manifest.Summary{
		Kind: manifest.Kind(c.Kind), Configs: c.Configs, Required: buf.ids[0], Optional: buf.ids[1], Subjects: buf.ids[2],
	})
}

// intern appends digests of the index as those of the Store.
func (s *Store) intern(ids []ID, digests []uint32) []ID {
	for _, d := range digests {
		known := &s.memory.ids[d]
		id := ID(known.Load())
		if id == 0 {
			sum := s.memory.old.Sum(d)
			id = s.Table.Intern(layout.FromSum(layout.SHA256, sum[:]))
			known.Store(uint32(id))
		}
		ids = append(ids, id)
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
