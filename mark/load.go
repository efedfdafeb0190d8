package mark

import (
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// manifest returns what is kept of a manifest, if it has been read.
func (s *Store) manifest(id ID) manifest.Summary {
	return s.manifests.At(s.Table.At(id).manifest.Load())
}

// load reads a manifest unless it has been read before, and returns its place
// among the manifests. Once more says that this has been tried, so that its
// size may not be what it was.
func (s *Store) load(w *walker.Walker, id ID, onceMore bool) (place uint32, failure *loadError) {
	r := s.Table.At(id)
	if place := r.manifest.Load(); place != 0 && !s.doubts(r) {
		return place, nil
	}
	lock := &s.loading[uint32(id)%uint32(len(s.loading))]
	lock.Lock()
	defer lock.Unlock()
	if place := r.manifest.Load(); place != 0 && !s.doubts(r) {
		return place, nil
	}
	place, failure = s.readManifest(w, id, onceMore)
	r.manifest.Store(place)
	return place, failure
}

func (s *Store) readManifest(w *walker.Walker, id ID, onceMore bool) (place uint32, failure *loadError) {
	r := s.Table.At(id)
	if !s.stat(w, id) {
		return 0, missingBlob()
	}
	size := r.size
	if onceMore {
		if b, ok := w.StatBlob(s.Table.Digest(id)); ok {
			size = b.Size
		}
	}
	if size > manifest.Max {
		return 0, &loadError{err: fmt.Errorf("larger than %d bytes, which no registry accepts", manifest.Max), broken: true}
	}
	buf := s.buffer()
	defer s.buffers.Put(buf)
	if place := s.recall(id, buf); place != 0 {
		return place, nil
	}
	buf.next()
	content, failure := s.read(w, id, r.has(isAside), int(size), buf)
	if failure != nil {
		return 0, failure
	}
	p := buf.now.Begin(&buf.before)
	if !manifest.Scan(content, &p) {
		var err error
		if p, err = s.decode(content); err != nil {
			return 0, &loadError{err: err, broken: true}
		}
	}
	place = s.keep(&p, buf)
	buf.now.End(&p)
	if s.sizes != nil {
		s.sizes.compare(s, id, p.Refs)
	}
	s.memory.noteContent(id, &buf.info)
	return place, nil
}

// largeManifest is the size in bytes above which manifests are decoded one at
// a time: encoding/json may take a hundred times that in memory.
const largeManifest = 256 << 10

func (s *Store) decode(content []byte) (manifest.Parsed, error) {
	if len(content) > largeManifest {
		s.decoding.Lock()
		defer s.decoding.Unlock()
	}
	return manifest.Decode(content)
}

func (s *Store) buffer() *buffer {
	if b, ok := s.buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{}
}

// read reads a manifest's bytes and compares them with its digest.
func (s *Store) read(w *walker.Walker, id ID, aside bool, size int, buf *buffer) ([]byte, *loadError) {
	if len(buf.now.Bytes) <= size {
		buf.now.Bytes = make([]byte, size+size/4+1)
	}
	digest := s.Table.Digest(id)
	// One byte more than expected shows a file that has grown.
	n, err := s.readBlob(w, digest, aside, buf.now.Bytes[:size+1], buf)
	switch {
	case disk.Gone(err):
		failure := missingBlob()
		failure.unsettled = true
		return nil, failure
	case err != nil:
		return nil, &loadError{err: err, unsettled: walker.Unsettled(err)}
	}
	content := buf.now.Bytes[:n]
	if layout.FromBytes(digest.Algorithm(), content) != digest {
		return nil, &loadError{err: fmt.Errorf("its %d bytes have another digest", n), broken: true, unsettled: true}
	}
	return content, nil
}

// keep turns what a manifest says into numbers, configurations first.
func (s *Store) keep(p *manifest.Parsed, buf *buffer) (place uint32) {
	m := manifest.Summary{Kind: p.Kind, Required: buf.ids[0][:0], Optional: buf.ids[1][:0], Subjects: buf.ids[2][:0]}
	for i := range p.Refs {
		ref := &p.Refs[i]
		if ref.ID == 0 {
			ref.ID = s.Table.Intern(ref.Digest)
		}
		list, configs := &m.Required, &m.Configs[0]
		if ref.Optional {
			list, configs = &m.Optional, &m.Configs[1]
		}
		if *list = append(*list, ref.ID); ref.Config {
			last := len(*list) - 1
			(*list)[*configs], (*list)[last] = (*list)[last], (*list)[*configs]
			*configs++
		}
	}
	for i := range p.Subjects {
		m.Subjects = append(m.Subjects, s.Table.Intern(p.Subjects[i]))
	}
	buf.ids = [3][]ID{m.Required, m.Optional, m.Subjects}
	return s.manifests.Add(&m)
}

// compare remembers what does not agree, or cannot be told without knowing the
// repository. It is called concurrently.
func (c *sizeClaims) compare(s *Store, by ID, refs []manifest.Reference) {
	var odd []sizeClaim
	for i := range refs {
		ref := &refs[i]
		if ref.Size == manifest.NoSize {
			continue
		}
		id := ref.ID
		if id == 0 {
			id = s.Table.Intern(ref.Digest)
		}
		if r := s.Table.At(id); r.has(hasBlob) && r.size == ref.Size {
			continue
		}
		odd = append(odd, sizeClaim{id, ref.Size})
	}
	if odd == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[by] = odd
}
