package manifest

import (
	"bytes"
	"encoding/binary"
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

	p *Parsed
	// What decides about the kind, as in document.
	unknownTypes, knownTypes               int
	configs, layers, blobs, fsLayers, many int
}

// Scan fills p, which holds no reference, and reports whether it understood the
// content. If it did not, p is worth nothing.
func Scan(content []byte, p *Parsed) bool {
	s := scanner{b: content, ok: true, p: p}
	s.space()
	s.object(s.top, 1)
	s.space()
	if !s.ok || s.i != len(s.b) {
		return false
	}
	p.Kind = s.kind()
	return p.Kind != Unknown // its text is searched elsewhere
}

// kind decides as (*document).kind does.
func (s *scanner) kind() Kind {
	switch {
	case s.unknownTypes > 0:
		return Unknown
	case s.fsLayers > 0:
		return Schema1
	case s.many > 0:
		return Index
	case s.configs+s.layers+s.blobs+s.knownTypes > 0:
		return Image
	}
	return Unknown
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

// object reads an object whose keys matter and calls value for each, which reads the value.
func (s *scanner) object(value func(f field, depth int), depth int) { s.members(s.key, value, depth) }

// members reads an object: each key by key, and each value by value.
func (s *scanner) members(key func() field, value func(f field, depth int), depth int) {
	if !s.take('{') || depth > maxScanDepth {
		s.fail()
		return
	}
	s.space()
	if s.take('}') {
		return
	}
	for s.ok {
		f := key()
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

// text reads a string and returns what is between its quotes. plain is false
// if that has escapes or bytes outside ASCII, so that it is not what it means.
func (s *scanner) text() (text []byte, plain bool) {
	if !s.take('"') {
		s.fail()
		return nil, false
	}
	start := s.i
	plain = true
	for {
		for s.i+8 <= len(s.b) && meansItself(binary.LittleEndian.Uint64(s.b[s.i:])) {
			s.i += 8
		}
		for s.i < len(s.b) && inText[s.b[s.i]] {
			s.i++
		}
		if s.i == len(s.b) {
			break
		}
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
			plain = false
			s.i++
		}
		if !s.ok {
			return nil, false
		}
	}
	s.fail()
	return nil, false
}

// meansItself reports whether all eight bytes are in inText. A byte is taken
// for another one at most if an earlier one is not in it, by the borrow.
func meansItself(eight uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, backslash := eight^ones*'"', eight^ones*'\\'
	return (eight|(eight-ones*' ')|(quote-ones)|(backslash-ones))&tops == 0
}

// inText are the characters of a string that mean themselves: ASCII without
// control characters, quote and backslash.
var inText = func() (t [256]bool) {
	for c := ' '; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

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
		s.members(func() field { s.text(); return other }, func(_ field, depth int) { s.skip(depth) }, depth+1)
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
