package layouttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
)

// Missing says what a client lacks that pulls a reference, NAME:TAG or
// NAME@DIGEST, with all that is below it: an independent, simple model of what
// the registry serves. Nothing is missing of an image that can be pulled. A
// child of an index that the repository does not link is listed, since only
// the test knows whether it was there before.
func (s *Store) Missing(ref string) []string { return s.missing(ref, false, newReading(s)) }

// MissingOf is Missing of several references at one moment. What they share is
// read once.
func (s *Store) MissingOf(refs []string) map[string][]string {
	all, r := map[string][]string{}, newReading(s)
	for _, ref := range refs {
		if _, known := all[ref]; !known {
			all[ref] = s.missing(ref, false, r)
		}
	}
	return all
}

// Broken is Missing of what the registry was ever given: children of an index
// that the repository does not link are left out, and what a manifest of an
// unknown type may reference.
func (s *Store) Broken(ref string) []string { return s.missing(ref, true, newReading(s)) }

func (s *Store) missing(ref string, sparse bool, r *reading) []string {
	repository, digest, ok := strings.Cut(ref, "@")
	if !ok {
		at := strings.LastIndexByte(ref, ':')
		repository = ref[:at]
		if digest = s.tagged(repository, ref[at+1:]); digest == "" {
			return []string{"tag " + ref}
		}
	}
	m := model{reading: r, repository: repository, sparse: sparse, seen: map[string]bool{}}
	m.manifest(digest)
	slices.Sort(m.missing)
	return slices.Compact(m.missing)
}

// Needs is what an image is made of: the digests of its manifests and blobs in its
// repository, as far as they are there.
func (s *Store) Needs(ref string) []string {
	repository, digest, ok := strings.Cut(ref, "@")
	if !ok {
		at := strings.LastIndexByte(ref, ':')
		repository = ref[:at]
		digest = s.tagged(repository, ref[at+1:])
	}
	m := model{reading: newReading(s), repository: repository, seen: map[string]bool{}}
	m.manifest(digest)
	return m.parts
}

// tagged is the digest that a tag names, or "".
func (s *Store) tagged(repository, tag string) string {
	b, err := readFile(s.abs(layout.Object{Kind: layout.TagCurrent, Repository: repository, Tag: tag}.Path()))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// reading remembers what has been read of a store at one moment.
type reading struct {
	s     *Store
	files map[string][]byte         // by path; nil for what cannot be read
	right map[[2]layout.Digest]bool // whether the second one's data have the first as their digest
}

func newReading(s *Store) *reading {
	return &reading{s: s, files: map[string][]byte{}, right: map[[2]layout.Digest]bool{}}
}

// file is the content of a regular file, or nil.
func (r *reading) file(path string) []byte {
	content, known := r.files[path]
	if !known {
		var err error
		if content, err = readFile(r.s.abs(path)); err == nil && content == nil {
			content = []byte{}
		}
		r.files[path] = content
	}
	return content
}

// blob is the data of a blob, or nil if they have another digest than wanted.
func (r *reading) blob(target, wanted layout.Digest) []byte {
	content := r.file(layout.Object{Kind: layout.BlobData, Digest: target}.Path())
	if content == nil {
		return nil
	}
	both := [2]layout.Digest{wanted, target}
	right, known := r.right[both]
	if !known {
		right = layout.FromBytes(wanted.Algorithm(), content) == wanted
		r.right[both] = right
	}
	if !right {
		return nil
	}
	return content
}

type model struct {
	*reading
	repository string
	sparse     bool
	seen       map[string]bool
	missing    []string
	parts      []string // what is there
}

func (m *model) lack(format string, args ...any) {
	m.missing = append(m.missing, fmt.Sprintf(format, args...))
}

// linked follows a link of the repository to content whose digest is right.
func (m *model) linked(kind layout.Kind, digest string) ([]byte, bool) {
	d, err := layout.ParseDigest(digest)
	if err != nil {
		return nil, false
	}
	link := m.file(layout.Object{Kind: kind, Repository: m.repository, Digest: d}.Path())
	if link == nil {
		return nil, false
	}
	target, err := layout.ParseDigest(strings.TrimSpace(string(link)))
	if err != nil {
		return nil, false
	}
	content := m.reading.blob(target, d)
	return content, content != nil
}

func (m *model) manifest(digest string) {
	if m.seen[digest] {
		return
	}
	m.seen[digest] = true
	content, ok := m.linked(layout.RevisionLink, digest)
	if !ok {
		// Registry 2.x reads what 2.1.0 linked as a layer.
		if content, ok = m.linked(layout.LayerLink, digest); !ok {
			m.lack("manifest %s", digest)
			return
		}
	}
	m.parts = append(m.parts, digest)
	var doc struct {
		Config    *part
		Layers    []part
		Blobs     []part
		Things    []part
		Manifests []part
		FSLayers  []struct{ BlobSum string }
	}
	if err := json.Unmarshal(content, &doc); err != nil {
		m.lack("manifest %s: %v", digest, err)
		return
	}
	if doc.Config != nil {
		m.blob(*doc.Config)
	}
	if m.sparse {
		doc.Things = nil
	}
	for _, p := range slices.Concat(doc.Layers, doc.Blobs, doc.Things) {
		m.blob(p)
	}
	for _, l := range doc.FSLayers {
		m.blob(part{Digest: l.BlobSum})
	}
	for _, p := range doc.Manifests {
		linked := m.has(layout.RevisionLink, p.Digest)
		switch layer := m.has(layout.LayerLink, p.Digest); {
		case !linked && layer:
			m.blob(p) // a child that is a plain blob
			continue
		case !linked && m.sparse:
			continue
		}
		m.manifest(p.Digest)
	}
}

// has reports whether the repository has a link for a digest.
func (m *model) has(kind layout.Kind, digest string) bool {
	d, err := layout.ParseDigest(digest)
	return err == nil && m.s.exists(layout.Object{Kind: kind, Repository: m.repository, Digest: d}.Path())
}

// part is a descriptor.
type part struct {
	Digest string
	URLs   []string
	Data   []byte
}

func (m *model) blob(p part) {
	if len(p.URLs) > 0 || p.Data != nil || p.Digest == "" {
		return
	}
	if _, ok := m.linked(layout.LayerLink, p.Digest); !ok {
		m.lack("blob %s", p.Digest)
		return
	}
	m.parts = append(m.parts, p.Digest)
}
