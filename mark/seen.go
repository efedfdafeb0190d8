package mark

import "bytes"

// seen is what was read of one manifest. Manifests read one after another are
// mostly of one repository, and share most of their layers, in the same order.
type seen struct {
	bytes []byte      // in which the manifest is
	refs  []reference // what it names, all with an ID
	spans []span
}

// span is where a descriptor of a manifest is, and what it refers to.
type span struct {
	start, end int // in the manifest's bytes; end is 0 unless it refers to one digest
	ref        int // index of seen.refs
	optional   bool
}

// again steps over a descriptor that the manifest before had at this place, byte
// for byte, and adds what it refers to.
func (s *scanner) again(optional bool) bool {
	before, at := s.p.before, len(s.p.spans)
	if before == nil || at >= len(before.spans) {
		return false
	}
	d := &before.spans[at]
	if d.end == 0 || d.optional != optional || !bytes.HasPrefix(s.b[s.i:], before.bytes[d.start:d.end]) {
		return false
	}
	s.i += d.end - d.start
	s.p.refs = append(s.p.refs, before.refs[d.ref])
	return true
}

// remember notes the descriptor that has just been read for the next manifest.
func (s *scanner) remember(d span) {
	if s.p.before == nil || len(s.b) > maxSeen {
		return
	}
	if len(s.p.refs) == d.ref+1 {
		d.end = s.i
	}
	s.p.spans = append(s.p.spans, d)
}

// maxSeen is how long a manifest may be, in bytes, that is remembered.
const maxSeen = 64 << 10
