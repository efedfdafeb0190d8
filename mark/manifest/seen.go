package manifest

import "bytes"

// Seen is what was read of one manifest. Manifests read one after another are
// mostly of one repository, and share most of their layers, in the same order.
type Seen struct {
	Bytes []byte      // in which the manifest is
	refs  []Reference // what it names, all with an ID
	spans []span
}

// Begin returns what Scan fills with the manifest that is in s.Bytes; before is
// what was read before it. Reset must have been called since s was used last.
func (s *Seen) Begin(before *Seen) Parsed {
	return Parsed{Refs: s.refs[:0], before: before, spans: s.spans}
}

// End remembers what Scan has found, once all references have their IDs.
func (s *Seen) End(p *Parsed) { s.refs, s.spans = p.Refs, p.spans }

// Reset forgets what was read, before other bytes take its place.
func (s *Seen) Reset() { s.spans = s.spans[:0] }

// span is where a descriptor of a manifest is, and what it refers to.
type span struct {
	start, end int // in the manifest's bytes; end is 0 unless it refers to one digest
	ref        int // index of Seen.refs
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
	if d.end == 0 || d.optional != optional || !bytes.HasPrefix(s.b[s.i:], before.Bytes[d.start:d.end]) {
		return false
	}
	s.i += d.end - d.start
	s.p.Refs = append(s.p.Refs, before.refs[d.ref])
	return true
}

// remember notes the descriptor that has just been read for the next manifest.
func (s *scanner) remember(d span) {
	if s.p.before == nil || len(s.b) > maxSeen {
		return
	}
	if len(s.p.Refs) == d.ref+1 {
		d.end = s.i
	}
	s.p.spans = append(s.p.spans, d)
}

// maxSeen is how long a manifest may be, in bytes, that is remembered.
const maxSeen = 64 << 10
