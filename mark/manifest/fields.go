package manifest

import "github.com/regsweep/regsweep/layout"

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
	fieldSize
)

// fieldOf folds letters as encoding/json does, for names in ASCII.
func fieldOf(name []byte) field {
	switch len(name) {
	case 4:
		if f := oneOf(name, "size", fieldSize, "urls", fieldURLs); f != other {
			return f
		}
		return oneOf(name, "data", fieldData, "", other)
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
		from, start := len(s.p.Refs), s.i
		if !s.again(optional) {
			s.descriptor(optional, depth)
		}
		for i := from; i < len(s.p.Refs); i++ {
			s.p.Refs[i].Config = n == &s.configs
		}
		s.remember(span{start: start, ref: from, optional: optional})
		*n += len(s.p.Refs) - from
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
	from := len(s.p.Refs)
	var size amount
	s.object(func(f field, depth int) {
		switch f {
		case fieldDigest, fieldBlobSum:
			s.reference()
		case fieldSize:
			size = s.amount(depth)
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
	for i := from; i < len(s.p.Refs); i++ {
		s.p.Refs[i].Optional, s.p.Refs[i].Size = optional, size.of(len(s.p.Refs)-from)
	}
}

// amount reads a number of bytes, or any other value, which says nothing.
func (s *scanner) amount(depth int) (a amount) {
	start := s.i
	s.skip(depth)
	text := s.b[start:s.i]
	if len(text) == 0 || len(text) > 18 { // more than any file has
		return a
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return amount{}
		}
		a.bytes = 10*a.bytes + int64(c-'0')
	}
	a.known = true
	return a
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
	}
	if !plain || len(text) == 0 {
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
		s.p.Refs = append(s.p.Refs, Reference{Digest: d})
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
				s.p.Subjects = append(s.p.Subjects, d)
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
