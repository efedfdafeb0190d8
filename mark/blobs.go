package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
)

// BlobInfo is what is known of a blob.
type BlobInfo struct {
	ID     ID
	Size   int64 // bytes
	Disk   int64 // bytes that its removal frees, or that it takes if it is kept
	Reason Reason
}

// Blob returns what is known of a blob.
func (s *Store) Blob(id ID) BlobInfo {
	r := s.Table.At(id)
	return BlobInfo{ID: id, Size: r.size, Disk: s.disk(id), Reason: r.reason()}
}

// EachBlob calls fn for every blob that the walk found. A blob behind a symbolic
// link cannot be removed, so it counts as live.
func (s *Store) EachBlob(fn func(BlobInfo)) {
	for id, r := range s.Table.All() {
		if !r.has(hasBlob) || r.has(isLate) {
			continue
		}
		b := BlobInfo{ID: id, Size: r.size, Disk: s.disk(id), Reason: r.reason()}
		if b.Reason == Dead && r.has(isPinned) {
			b.Reason = Broken
		}
		fn(b)
	}
}

// SettleDisk decides for which name of a hard-linked file its disk space counts.
// If a name is live, the space counts for that name. If all names are blobs here,
// it counts for the last one. Otherwise it counts for no name, since the file is
// kept.
func (s *Store) SettleDisk() {
	for _, n := range s.shared {
		slices.SortFunc(n.blobs, s.Table.Compare)
		holder := ID(0)
		if uint64(len(n.blobs)) == n.links {
			holder = n.blobs[len(n.blobs)-1]
		}
		if at := slices.IndexFunc(n.blobs, func(id ID) bool { return s.Table.At(id).reason() != Dead }); at >= 0 {
			holder = n.blobs[at]
		}
		for _, id := range n.blobs {
			disk := int64(0)
			if id == holder {
				disk = n.disk
			}
			s.setDisk(id, disk)
		}
	}
}

// SetAside records that a blob is being renamed to layout.Aside, so that a Look
// that finds it live gives its name back.
func (s *Store) SetAside(id ID) { s.Table.At(id).set(isAside) }

// SetBack records that a blob has its name again.
func (s *Store) SetBack(id ID) { s.Table.At(id).unset(isAside) }

// BlobOf returns what is known of the blob with a digest. ok is false if the blob
// is not in the store.
func (l *Look) BlobOf(d layout.Digest) (b BlobInfo, ok bool) {
	id := l.Store.Table.Lookup(d)
	if id == 0 || !l.Store.Table.At(id).has(hasBlob) {
		return BlobInfo{}, false
	}
	return l.Store.Blob(id), true
}

// EachUnowned calls fn with every blob that no repository's manifest references.
func (l *Look) EachUnowned(fn func(BlobInfo)) {
	l.Store.EachBlob(func(b BlobInfo) {
		if l.Store.Table.At(b.ID).owner.Load() == 0 {
			fn(b)
		}
	})
}
