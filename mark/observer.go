package mark

import (
	"github.com/regsweep/regsweep/layout"
)

// Lacking returns the blobs that a manifest of this Look needs and that are not in
// the store, including its own.
func (l *Look) Lacking(i *Item) (absent []layout.Digest) {
	t := l.Store.Table
	m := l.Store.manifest(i.ID)
	for _, id := range append([]ID{i.ID}, m.Required...) {
		if !t.At(id).has(hasBlob) {
			absent = append(absent, t.Digest(id))
		}
	}
	return absent
}

// Required returns what a manifest of this Look needs.
func (l *Look) Required(i *Item) (digests []layout.Digest) {
	for _, id := range l.Store.manifest(i.ID).Required {
		digests = append(digests, l.Digest(id))
	}
	return digests
}
