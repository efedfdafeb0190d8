package mark

import (
	"encoding/json"
	"reflect"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Manifests and configurations are also read for what they say of themselves: times,
// labels, platforms. What a run has read of that is remembered as a shorter document. It
// is believed as what manifests reference is: by the digest, if the data have the times
// that they had when they had that digest.

// documentVersion is that of what a shorter document keeps. Old ones are not used.
const documentVersion = 1

// maxDocument is the length of the longest document that is remembered, in bytes.
const maxDocument = 4 << 10

// document reads what a manifest or a configuration says of itself into one of the
// views, without lists of layers; ok is false if it is absent or no JSON.
func (s *Store) document(w *walker.Walker, digest layout.Digest, into any) (ok bool) {
	id := s.Table.Lookup(digest)
	if id == 0 {
		return false
	}
	if text := s.recallDocument(id); text != nil {
		if s.readShort(id, text, into) {
			return true
		}
		reflect.ValueOf(into).Elem().SetZero()
	}
	buf := s.buffer()
	defer s.buffers.Put(buf)
	content, ok := s.readDocument(w, id, buf)
	if !ok {
		return false
	}
	// By way of the shorter one, so that it says the same whether it is remembered or not.
	text, ok := manifest.Shorten(content, s.configText(id))
	if !ok || !s.readShort(id, text, into) {
		return false
	}
	s.noteDocument(id, digest, content, text, &buf.info)
	return true
}

// wholeDocument is document with lists of layers.
func (s *Store) wholeDocument(w *walker.Walker, digest layout.Digest, into any) (ok bool) {
	id := s.Table.Lookup(digest)
	if id == 0 {
		return false
	}
	buf := s.buffer()
	defer s.buffers.Put(buf)
	content, ok := s.readDocument(w, id, buf)
	return ok && json.Unmarshal(content, into) == nil
}

// readDocument reads a small blob into the memory of buf. That the system cannot read
// it is recorded: what it says must not be taken for nothing.
func (s *Store) readDocument(w *walker.Walker, id ID, buf *buffer) (content []byte, ok bool) {
	r := s.Table.At(id)
	if !r.has(hasBlob) || r.size > manifest.Max {
		return nil, false
	}
	digest := s.Table.Digest(id)
	buf.next()
	if int64(len(buf.now.Bytes)) < r.size {
		buf.now.Bytes = make([]byte, r.size+r.size/4)
	}
	n, err := s.readBlob(w, digest, r.has(isAside), buf.now.Bytes[:r.size], buf)
	if err != nil {
		if !disk.Gone(err) {
			w.Unreadable(layout.BlobDir(digest)+"/"+layout.Data, err)
		}
		return nil, false
	}
	return buf.now.Bytes[:n], true
}

// recallDocument returns the shorter document of a blob, or nil if the index has none.
func (s *Store) recallDocument(id ID) []byte {
	m := s.memory
	if m == nil || m.later.Load() || s.sizes != nil || !s.Table.At(id).has(hasBlob|isKnown) {
		return nil
	}
	digest := s.Table.Digest(id)
	at, ok := m.old.At(digest.Sum())
	if !ok {
		return nil
	}
	return m.old.Text(at)
}

// noteDocument remembers a document for the next run, if its bytes have its digest.
func (s *Store) noteDocument(id ID, digest layout.Digest, content, text []byte, info *disk.Info) {
	m := s.memory
	if m == nil || info.Type != disk.File || info.Behind || !m.isPast(info) || len(text) > maxDocument ||
		digest.Algorithm() != layout.SHA256 || layout.FromBytes(layout.SHA256, content) != digest {
		return
	}
	m.noteDocument(id, documentNote{index.Times{Size: info.Size, MTime: info.MTime, CTime: info.CTime}, string(text)})
}

// configText is the digest of a manifest's only configuration as text, or "".
func (s *Store) configText(id ID) string {
	m := s.manifest(id)
	if m.Configs[0]+m.Configs[1] != 1 {
		return ""
	}
	var text string
	m.EachConfig(func(config ID) { text = s.Table.Digest(config).String() })
	return text
}

// readShort reads a shorter document into one of the views.
func (s *Store) readShort(id ID, text []byte, into any) (ok bool) {
	if json.Unmarshal(text, into) != nil {
		return false
	}
	if m, is := into.(configured); is && m.config() != nil && m.config().Digest == manifest.OnlyConfig {
		m.config().Digest = s.configText(id)
		return m.config().Digest != ""
	}
	return true
}
