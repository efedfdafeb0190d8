package mark

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

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

const (
	// maxDocument is the length of the longest document that is remembered, in bytes.
	maxDocument = 4 << 10
	// maxDocuments is how many bytes of documents one run remembers.
	maxDocuments = 32 << 20
)

// documentNote is a document that this run has read.
type documentNote struct {
	times index.Times
	text  string
}

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
	text, ok := shorten(content, s.configText(id))
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

func (m *Memory) noteDocument(id ID, n documentNote) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.documentBytes+len(n.text) > maxDocuments {
		return
	}
	if m.documents == nil {
		m.documents, m.texts = map[ID]documentNote{}, map[string]string{}
	}
	if text, ok := m.texts[n.text]; ok {
		n.text = text // many manifests say the same
	} else {
		m.texts[n.text] = n.text
		m.documentBytes += len(n.text)
	}
	m.documents[id] = n
}

// theConfig stands in a shorter document for the digest of a manifest's only
// configuration, which is known as a reference.
const theConfig = "@"

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

// configured is a view of a manifest, which has a configuration.
type configured interface{ config() *describedPart }

func (m *described) config() *describedPart { return m.Config }
func (m *labelled) config() *describedPart  { return m.Config }

// readShort reads a shorter document into one of the views.
func (s *Store) readShort(id ID, text []byte, into any) (ok bool) {
	if json.Unmarshal(text, into) != nil {
		return false
	}
	if m, is := into.(configured); is && m.config() != nil && m.config().Digest == theConfig {
		m.config().Digest = s.configText(id)
		return m.config().Digest != ""
	}
	return true
}

// shorten leaves out of a document what no view has: layers, histories, environments.
func shorten(content []byte, config string) (text []byte, ok bool) {
	var all map[string]json.RawMessage
	if json.Unmarshal(content, &all) != nil {
		return nil, false
	}
	if !namesOnce(content, documentNames) {
		return content, true // what Go's decoder makes of that, it makes of nothing else
	}
	for name, value := range all {
		switch nameOf(name, documentNames) {
		case "mediatype", "artifacttype", "manifests", "annotations", "architecture", "os", "variant", "created":
		case "layers", "blobs", "fslayers":
			if string(value) != "null" {
				all[name] = json.RawMessage("[]") // that it has such a list tells what it is
			}
		case "config":
			all[name] = shortenConfig(value, config)
		case "history":
			if all[name] = firstOfHistory(value); all[name] == nil {
				delete(all, name)
			}
		default:
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	return text, err == nil
}

// The names that views have, in a document and in its value "config".
var (
	documentNames = []string{
		"mediatype", "artifacttype", "manifests", "annotations", "architecture", "os", "variant", "created",
		"layers", "blobs", "fslayers", "config", "history",
	}
	configNames = []string{"mediatype", "labels", "platform", "blobsum", "size", "digest"}
)

// nameOf returns which of some names a name is to Go's decoder, or "".
func nameOf(name string, names []string) string {
	for _, n := range names {
		if strings.EqualFold(name, n) {
			return n
		}
	}
	return ""
}

// namesOnce reports whether an object has each of some names once, however it is written.
func namesOnce(object []byte, names []string) bool {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return true // it has no names
	}
	var seen []string
	for d.More() {
		t, err := d.Token()
		name, is := t.(string)
		var value json.RawMessage
		if err != nil || !is || d.Decode(&value) != nil {
			return false
		}
		if name = nameOf(name, names); name == "" {
			continue
		}
		if slices.Contains(seen, name) {
			return false
		}
		seen = append(seen, name)
	}
	return true
}

// shortenConfig is what of the value "config" counts: a part of a manifest, or what is
// to be run of a configuration.
func shortenConfig(value json.RawMessage, config string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(value, &all) != nil || all == nil || !namesOnce(value, configNames) {
		return value
	}
	for name, part := range all {
		switch nameOf(name, configNames) {
		case "mediatype", "labels", "platform", "blobsum":
		case "size":
			if json.Unmarshal(part, new(*int64)) == nil {
				delete(all, name) // what is no number makes the whole unreadable
			}
		case "digest":
			if config != "" && string(part) == `"`+config+`"` {
				all[name] = json.RawMessage(`"` + theConfig + `"`)
			}
		default:
			delete(all, name)
		}
	}
	short, err := json.Marshal(all)
	if err != nil {
		return value
	}
	return short
}

// firstOfHistory is the first entry, if it is one of schema 1; otherwise nil.
func firstOfHistory(value json.RawMessage) json.RawMessage {
	var all []struct{ V1Compatibility string }
	if json.Unmarshal(value, &all) != nil {
		return value
	}
	if len(all) == 0 || all[0].V1Compatibility == "" {
		return nil
	}
	short, err := json.Marshal(all[:1])
	if err != nil {
		return value
	}
	return short
}
