package layout

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"github.com/opencontainers/go-digest"
)

// Algorithm is a digest algorithm by which a registry stores blobs. The zero value
// is not an algorithm.
type Algorithm uint8

// The algorithms of go-digest, which both registries accept. Nothing that is
// stored under another name is ever read as a blob or swept.
const (
	SHA256 Algorithm = iota + 1
	SHA384
	SHA512
)

// Algorithms lists what is stored and swept, in the order of their names.
var Algorithms = [...]Algorithm{SHA256, SHA384, SHA512}

// String returns the name in digests and on disk, such as "sha256".
func (a Algorithm) String() string {
	switch a {
	case SHA256:
		return string(digest.SHA256)
	case SHA384:
		return string(digest.SHA384)
	case SHA512:
		return string(digest.SHA512)
	}
	return "unknown"
}

// Size is the length of a sum in bytes; its text has twice as many characters.
func (a Algorithm) Size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA384:
		return sha512.Size384
	case SHA512:
		return sha512.Size
	}
	return 0
}

// ParseAlgorithm returns the algorithm of a directory's name or a digest's
// prefix; ok is false for any other name.
func ParseAlgorithm[T string | []byte](name T) (a Algorithm, ok bool) {
	switch string(name) {
	case "sha256":
		return SHA256, true
	case "sha384":
		return SHA384, true
	case "sha512":
		return SHA512, true
	}
	return 0, false
}

// Digest names content by its hash. It is binary, comparable and free of
// pointers; the zero value is not a digest.
type Digest struct {
	alg Algorithm
	sum [sha512.Size]byte
}

// ErrDigest is wrapped by every error about text that is not a digest.
var ErrDigest = errors.New("not a digest")

// ParseDigest reads "<algorithm>:<hex>". It is as strict as go-digest's
// Validate: lower-case hex of the algorithm's exact length and nothing else.
func ParseDigest[T string | []byte](text T) (Digest, error) {
	for i := 0; i < len(text) && i < 8; i++ {
		if text[i] != ':' {
			continue
		}
		alg, ok := ParseAlgorithm(text[:i])
		if !ok {
			break
		}
		return ParseHex(alg, text[i+1:])
	}
	return Digest{}, fmt.Errorf("%w: %q", ErrDigest, clip(string(text)))
}

// ParseHex reads the hexadecimal part of a digest, as it is in a directory's name.
func ParseHex[T string | []byte](alg Algorithm, text T) (Digest, error) {
	d := Digest{alg: alg}
	if len(text) != 2*alg.Size() || len(text) == 0 {
		return Digest{}, fmt.Errorf("%w: %q has not the length of %s", ErrDigest, clip(string(text)), alg)
	}
	wrong := uint64(0)
	for i := 0; i < len(text)/2; i += 4 {
		four, bad := parseEight(eight(text[2*i : 2*i+8]))
		wrong |= bad
		binary.LittleEndian.PutUint32(d.sum[i:i+4], four)
	}
	if wrong != 0 {
		return Digest{}, fmt.Errorf("%w: %q is not lower-case hexadecimal", ErrDigest, clip(string(text)))
	}
	return d, nil
}

// eight are eight characters, the first in the lowest byte.
func eight[T string | []byte](t T) uint64 {
	_ = t[7]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// parseEight reads eight characters of lower-case hexadecimal at once, a byte
// each. wrong is not 0 if one of them is something else.
func parseEight(text uint64) (four uint32, wrong uint64) {
	const each = 0x0101010101010101
	letter := text >> 6 & each // 'a' to 'f' have this bit, and '0' to '9' have not
	value := text&(each*0x0f) + letter*9
	// The values are those of the characters, digits below 10 and letters from 10 to 15.
	wrong = (value + each*'0' + letter*('a'-'0'-10)) ^ text
	wrong |= value & (each * 0xf0)
	wrong |= (value+each*6)>>4&each ^ letter
	pairs := (value<<4 | value>>8) & 0x00ff00ff00ff00ff
	pairs = (pairs | pairs>>8) & 0x0000ffff0000ffff
	return uint32(pairs | pairs>>16), wrong
}

// clip keeps hostile text short in messages.
func clip(s string) string {
	if len(s) > 150 {
		return s[:150] + "..."
	}
	return s
}

// FromSum is the digest with this binary sum, whose length must be the algorithm's.
func FromSum(alg Algorithm, sum []byte) Digest {
	d := Digest{alg: alg}
	if copy(d.sum[:], sum) != alg.Size() || len(sum) != alg.Size() {
		panic(fmt.Sprintf("layout: a sum of %d bytes for %s", len(sum), alg))
	}
	return d
}

// FromBytes is the digest of content.
func FromBytes(alg Algorithm, content []byte) Digest {
	d := Digest{alg: alg}
	switch alg {
	case SHA256:
		sum := sha256.Sum256(content)
		copy(d.sum[:], sum[:])
	case SHA384:
		sum := sha512.Sum384(content)
		copy(d.sum[:], sum[:])
	case SHA512:
		d.sum = sha512.Sum512(content)
	}
	return d
}

// NewHash returns a hash that computes the algorithm's sums piece by piece.
func (a Algorithm) NewHash() hash.Hash {
	switch a {
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	}
	return sha256.New()
}

// IsZero reports whether d is not a digest at all.
func (d Digest) IsZero() bool { return d.alg == 0 }

// Algorithm returns the algorithm that computed d.
func (d Digest) Algorithm() Algorithm { return d.alg }

// Sum is the binary sum, of the algorithm's length. The caller must not change it.
func (d *Digest) Sum() []byte { return d.sum[:d.alg.Size()] }

// Hex is the sum as it is in paths.
func (d Digest) Hex() string { return hex.EncodeToString(d.Sum()) }

// AppendHex appends the sum as it is in paths.
func (d Digest) AppendHex(b []byte) []byte { return hex.AppendEncode(b, d.Sum()) }

// String is the digest as it is in links and manifests.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return d.alg.String() + ":" + d.Hex()
}

// Compare orders digests by algorithm, then by sum, as their texts sort.
func (d Digest) Compare(e Digest) int {
	if d.alg != e.alg {
		return int(d.alg) - int(e.alg)
	}
	return bytes.Compare(d.sum[:], e.sum[:])
}
