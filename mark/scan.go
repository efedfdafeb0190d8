package mark

import (
	"bytes"

	"github.com/regsweep/regsweep/layout"
)

// maxScanDepth is how deep a value may be nested for the scanner. Manifests
// have a depth of 5; what is deeper is left to encoding/json.
const maxScanDepth = 64

// scanner reads a manifest in one pass, without an allocation. It understands
// what clients write: valid JSON whose keys, where they matter, have no escapes
// and no letters outside ASCII. On anything else it gives up, and encoding/json
// decides, which is twenty times slower. It never sees less than that would.
type scanner struct {
	b  []byte
	i  int
	ok bool // false once it has given up

	p *parsed
	// What decides about the kind, as in document.
	unknownTypes, knownTypes               int
	configs, layers, blobs, fsLayers, many int
}

// field is a key that matters.
type field uint8

const (
	other field = iota
	fieldMediaType
	fieldConfig
	fieldLayers
	fieldManifests
	fieldBlobs
	fieldFSLayers
	fieldSubject
	fieldDigest
	fieldBlobSum
	fieldURLs
	fieldData
)

// scanManifest fills p, which is empty, and reports whether it understood the
// content. If it did not, p is worth nothing.
func scanManifest(content []byte, p *parsed) bool {
	s := scanner{b: content, ok: true, p: p}
	s.space()
	s.object(s.top, 1)
	s.space()
	if !s.ok || s.i != len(s.b) {
		return false
	}
	p.kind = s.kind()
	return p.kind != kindUnknown // its text is searched elsewhere
}

// kind decides as (*document).kind does.
func (s *scanner) kind() kind {
	switch {
	case s.unknownTypes > 0:
		return kindUnknown
	case s.fsLayers > 0:
		return kindSchema1
	case s.many > 0:
		return kindIndex
	case s.configs+s.layers+s.blobs+s.knownTypes > 0:
		return kindImage
	}
	return kindUnknown
}

func (s *scanner) fail() { s.ok = false }

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek is the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take steps over one byte if it is next.
func (s *scanner) take(c byte) bool {
	if s.peek() == c && s.i < len(s.b) {
		s.i++
		return true
	}
	return false
}

// object reads an object and calls value for each key, which reads the value.
func (s *scanner) object(value func(f field, depth int), depth int) {
	if !s.take('{') || depth > maxScanDepth {
		s.fail()
		return
	}
	s.space()
	if s.take('}') {
		return
	}
	for s.ok {
		f := s.key()
		s.space()
		if !s.take(':') {
			s.fail()
			return
		}
		s.space()
		value(f, depth)
		s.space()
		if s.take('}') {
			return
		}
		if !s.take(',') {
			s.fail()
			return
		}
		s.space()
	}
}

// array calls element for each element, which reads it.
func (s *scanner) array(element func(depth int), depth int) {
	if !s.take('[') || depth > maxScanDepth {
		s.fail()
		return
	}
	s.space()
	if s.take(']') {
		return
	}
	for s.ok {
		element(depth)
		s.space()
		if s.take(']') {
			return
		}
		if !s.take(',') {
			s.fail()
			return
		}
		s.space()
	}
}

// key reads a key. One that could be folded or unescaped into a field's name
// makes the scanner give up.
func (s *scanner) key() field {
	text, plain := s.text()
	if !plain {
		s.fail()
	}
	return fieldOf(text)
}

// fieldOf folds letters as encoding/json does, for names in ASCII.
func fieldOf(name []byte) field {
	switch len(name) {
	case 4:
		return oneOf(name, "urls", fieldURLs, "data", fieldData)
	case 5:
		return oneOf(name, "blobs", fieldBlobs, "", other)
	case 6:
		if f := oneOf(name, "config", fieldConfig, "layers", fieldLayers); f != other {
			return f
		}
		return oneOf(name, "digest", fieldDigest, "", other)
	case 7:
		return oneOf(name, "subject", fieldSubject, "blobsum", fieldBlobSum)
	case 8:
		return oneOf(name, "fslayers", fieldFSLayers, "", other)
	case 9:
		return oneOf(name, "manifests", fieldManifests, "mediatype", fieldMediaType)
	}
	return other
}

func oneOf(name []byte, a string, fa field, b string, fb field) field {
	switch {
	case foldsTo(name, a):
		return fa
	case foldsTo(name, b):
		return fb
	}
	return other
}

// foldsTo compares with a name in lower case.
func foldsTo(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// text reads a string and returns what is between its quotes. plain is false
// if that has escapes or bytes outside ASCII, so that it is not what it means.
func (s *scanner) text() (text []byte, plain bool) {
	if !s.take('"') {
		s.fail()
		return nil, false
	}
	start := s.i
	plain = true
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1], plain
		case c == '\\':
			plain = false
			s.escape()
		case c < ' ':
			s.fail()
			return nil, false
		default:
			plain = plain && c < 0x80
			s.i++
		}
		if !s.ok {
			return nil, false
		}
	}
	s.fail()
	return nil, false
}

// escape steps over a backslash and what belongs to it.
func (s *scanner) escape() {
	s.i++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
	case 'u':
		s.i++
		for range 4 {
			if !isHexDigit(s.peek()) {
				s.fail()
				return
			}
			s.i++
		}
	default:
		s.fail()
	}
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// skip reads any value.
func (s *scanner) skip(depth int) {
	switch c := s.peek(); {
	case c == '{':
		s.skipObject(depth + 1)
	case c == '[':
		s.array(s.skip, depth+1)
	case c == '"':
		s.text()
	case c == '-' || '0' <= c && c <= '9':
		s.number()
	default:
		s.literal()
	}
}

// skipObject reads an object whose keys do not matter.
func (s *scanner) skipObject(depth int) {
	if !s.take('{') || depth > maxScanDepth {
		s.fail()
		return
	}
	s.space()
	if s.take('}') {
		return
	}
	for s.ok {
		s.text()
		s.space()
		if !s.take(':') {
			s.fail()
			return
		}
		s.space()
		s.skip(depth)
		s.space()
		if s.take('}') {
			return
		}
		if !s.take(',') {
			s.fail()
			return
		}
		s.space()
	}
}

func (s *scanner) literal() {
	for _, word := range [3]string{"null", "true", "false"} {
		if bytes.HasPrefix(s.b[s.i:], []byte(word)) {
			s.i += len(word)
			return
		}
	}
	s.fail()
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() {
	s.take('-')
	if !s.take('0') {
		s.digits()
	}
	if s.take('.') {
		s.digits()
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		s.digits()
	}
}

func (s *scanner) digits() {
	start := s.i
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.i++
	}
	if s.i == start {
		s.fail()
	}
}

// top reads the value of a key of the manifest itself.
func (s *scanner) top(f field, depth int) {
	switch f {
	case fieldMediaType:
		s.mediaType()
	case fieldConfig:
		s.descriptors(&s.configs, false, depth)
	case fieldLayers:
		s.descriptors(&s.layers, false, depth)
	case fieldBlobs:
		s.descriptors(&s.blobs, false, depth)
	case fieldFSLayers:
		s.descriptors(&s.fsLayers, false, depth)
	case fieldManifests:
		s.descriptors(&s.many, true, depth)
	case fieldSubject:
		s.subject(depth)
	default:
		s.skip(depth)
	}
}

// mediaType reads the manifest's own type.
func (s *scanner) mediaType() {
	if s.peek() == 'n' {
		s.literal()
		return
	}
	text, plain := s.text()
	if !plain {
		s.fail()
		return
	}
	switch {
	case len(text) == 0:
	case knownTypes[string(text)]:
		s.knownTypes++
	default:
		s.unknownTypes++
	}
}

// descriptors reads one descriptor, a list of them, or null, and counts what they name.
func (s *scanner) descriptors(n *int, optional bool, depth int) {
	one := func(depth int) {
		before := len(s.p.refs)
		s.descriptor(optional, depth)
		*n += len(s.p.refs) - before
	}
	switch s.peek() {
	case '[':
		s.array(one, depth+1)
	case '{':
		one(depth)
	case 'n':
		s.literal()
	default:
		s.fail()
	}
}

// descriptor reads a descriptor and adds what it refers to.
func (s *scanner) descriptor(optional bool, depth int) {
	if s.peek() == 'n' {
		s.literal()
		return
	}
	from := len(s.p.refs)
	s.object(func(f field, depth int) {
		switch f {
		case fieldDigest, fieldBlobSum:
			s.reference()
		case fieldMediaType:
			if s.peek() != '"' {
				s.fail()
				return
			}
			s.text()
		case fieldURLs, fieldData:
			optional = optional || s.peek() != 'n'
			s.skip(depth)
		default:
			s.skip(depth)
		}
	}, depth+1)
	for i := from; i < len(s.p.refs); i++ {
		s.p.refs[i].optional = optional
	}
}

// digest reads a digest; ok is false for null and the empty string.
func (s *scanner) digest() (d layout.Digest, ok bool) {
	if s.peek() == 'n' {
		s.literal()
		return d, false
	}
	text, plain := s.text()
	if !plain {
		s.fail()
		return d, false
	}
	if len(text) == 0 {
		return d, false
	}
	d, err := layout.ParseDigest(text)
	if err != nil {
		s.fail()
		return d, false
	}
	return d, true
}

func (s *scanner) reference() {
	if d, ok := s.digest(); ok {
		s.p.refs = append(s.p.refs, reference{digest: d})
	}
}

// subject reads the descriptor of what a referrer is about.
func (s *scanner) subject(depth int) {
	if s.peek() != '{' {
		s.fail() // null, too: so rare that it need not be understood
		return
	}
	s.object(func(f field, depth int) {
		switch f {
		case fieldDigest:
			if d, ok := s.digest(); ok {
				s.p.subjects = append(s.p.subjects, d)
			}
		case fieldBlobSum, fieldMediaType:
			if s.peek() != '"' {
				s.fail()
				return
			}
			s.text()
		default:
			s.skip(depth)
		}
	}, depth+1)
}
