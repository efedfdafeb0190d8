// Package index is what one run remembers of a store so that the next one need not
// read it again: what manifests reference, by their digests, and what links say, by
// what the filesystem tells of their files.
//
// It is a value. It knows neither stores nor when what it says may be believed:
// that is decided by who asks. Whoever loses it reads all again.
package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math"
)

// Sum is a SHA-256 digest. Nothing else is remembered.
type Sum = [sha256.Size]byte

// Times are the size of a file in bytes, and when its data and it were last
// changed, in nanoseconds since 1970.
type Times struct{ Size, MTime, CTime int64 }

// Content is what is known of a manifest, or of another document, by its digest.
// Digests are numbers of the index.
type Content struct {
	Digest   uint32
	Times           // of its data, when these had the digest
	Kind     uint8  // 0 if it is not known as a manifest
	Text     []byte // what it says of itself, as its reader understands it; nil if that is not known
	Configs  [2]int // how many of Required and of Optional are configurations
	Required []uint32
	Optional []uint32
	Subjects []uint32
}

// Link is what is known of the file of a link.
type Link struct {
	Key           uint64 // of its path
	Device, Inode uint64
	MTime, CTime  int64
	Target        uint32 // the number of the digest that it held
	Moment        int64  // not after it was read, in nanoseconds since 1970
}

// The file begins with magic and the counts, has the sections in the order of
// them, and ends with the checksum of all that. Numbers are little-endian.
const (
	magic       = "regsweep/index/2"
	counts      = 8 // the parser's version, and how many there are in each section
	headerSize  = len(magic) + 4*counts
	contentSize = 32 // digest, size, times, and where its references and its text are
	linkSize    = 40 // key, inode, times, target, device and moment
	// contentHead are numbers before a content's references: its kind with the
	// configurations, and how many references of each sort there are.
	contentHead = 4
	maxConfigs  = 1<<12 - 1
	textHead    = 2 // bytes before a text: its length
	// MaxText is the length of the longest text, in bytes.
	MaxText = 1<<(8*textHead) - 1
)

var (
	errDamaged = errors.New("it is not complete")
	errOther   = errors.New("it is of another version")
)

// Index is what Parse has read. It must not be changed. A nil Index knows nothing.
type Index struct {
	digests, contents, refs, links, devices, moments, texts []byte
	seed                                                    maphash.Seed
	byDigest, byKey                                         []uint32 // 1 + numbers of contents and links
}

// Parse reads what Builder.Bytes has written, for a parser of the same version.
// Anything else is an error. The text becomes the index's.
func Parse(text []byte, parser uint32) (*Index, error) {
	if len(text) < headerSize+sha256.Size || !bytes.HasPrefix(text, []byte(magic)) {
		return nil, errDamaged
	}
	text, sum := text[:len(text)-sha256.Size], text[len(text)-sha256.Size:]
	if want := sha256.Sum256(text); !bytes.Equal(sum, want[:]) {
		return nil, errDamaged
	}
	if binary.LittleEndian.Uint32(text[len(magic):]) != parser {
		return nil, errOther
	}
	x := &Index{seed: maphash.MakeSeed()}
	rest := text[headerSize:]
	for i, section := range []struct {
		to   *[]byte
		size int
	}{{&x.digests, sha256.Size}, {&x.contents, contentSize}, {&x.refs, 4}, {&x.links, linkSize}, {&x.devices, 8}, {&x.moments, 8}, {&x.texts, 1}} {
		n := int64(binary.LittleEndian.Uint32(text[len(magic)+4*(i+1):])) * int64(section.size)
		if n > int64(len(rest)) {
			return nil, errDamaged
		}
		*section.to, rest = rest[:n:n], rest[n:]
	}
	if len(rest) > 0 {
		return nil, errDamaged
	}
	return x, x.arrange()
}

// arrange makes the tables by which contents and links are found.
func (x *Index) arrange() error {
	n := x.Contents()
	x.byDigest = make([]uint32, slots(n))
	for i := range n {
		digest := binary.LittleEndian.Uint32(x.contents[i*contentSize:])
		if int(digest) >= x.Digests() {
			return errDamaged
		}
		put(x.byDigest, maphash.Bytes(x.seed, x.sum(digest)), i)
	}
	n = x.Links()
	x.byKey = make([]uint32, slots(n))
	for i := range n {
		link := x.links[i*linkSize:]
		target, device, moment := binary.LittleEndian.Uint32(link[32:]), binary.LittleEndian.Uint16(link[36:]), binary.LittleEndian.Uint16(link[38:])
		if int(target) >= x.Digests() || int(device) >= len(x.devices)/8 || int(moment) >= len(x.moments)/8 {
			return errDamaged
		}
		put(x.byKey, binary.LittleEndian.Uint64(link), i)
	}
	return nil
}

// slots is how large an open table of so many is: a power of two, and half empty.
func slots(n int) int {
	size := 8
	for size < 2*n {
		size *= 2
	}
	return size
}

func put(table []uint32, hash uint64, number int) {
	mask := uint64(len(table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if table[i] == 0 {
			table[i] = uint32(number) + 1
			return
		}
	}
}

func (x *Index) sum(digest uint32) []byte {
	return x.digests[int(digest)*sha256.Size:][:sha256.Size:sha256.Size]
}

// Digests is how many digests there are.
func (x *Index) Digests() int {
	if x == nil {
		return 0
	}
	return len(x.digests) / sha256.Size
}

// Contents is how many manifests are known.
func (x *Index) Contents() int {
	if x == nil {
		return 0
	}
	return len(x.contents) / contentSize
}

// Links is how many links are known.
func (x *Index) Links() int {
	if x == nil {
		return 0
	}
	return len(x.links) / linkSize
}

// Latest is the latest of the moments at which links were read; the least number if there are none.
func (x *Index) Latest() int64 {
	latest := int64(math.MinInt64)
	if x == nil {
		return latest
	}
	for at := 0; at < len(x.moments); at += 8 {
		latest = max(latest, int64(binary.LittleEndian.Uint64(x.moments[at:])))
	}
	return latest
}

// Sum is the digest of a number below Digests.
func (x *Index) Sum(digest uint32) (s Sum) {
	copy(s[:], x.sum(digest))
	return s
}

// Find returns the number of a manifest whose data had these times; ok is false
// if none is known.
func (x *Index) Find(sum []byte, times Times) (content int, ok bool) {
	content, ok = x.At(sum)
	return content, ok && x.Times(content) == times
}

// At is Find whatever times the data had.
func (x *Index) At(sum []byte) (content int, ok bool) {
	if x == nil {
		return 0, false
	}
	mask := uint64(len(x.byDigest) - 1)
	for i := maphash.Bytes(x.seed, sum) & mask; x.byDigest[i] != 0; i = (i + 1) & mask {
		content := int(x.byDigest[i] - 1)
		record := x.contents[content*contentSize:]
		if bytes.Equal(x.sum(binary.LittleEndian.Uint32(record)), sum) {
			return content, true
		}
	}
	return 0, false
}

// SumOf is the digest of a manifest whose number is below Contents.
func (x *Index) SumOf(content int) Sum {
	return x.Sum(binary.LittleEndian.Uint32(x.contents[content*contentSize:]))
}

// Times are those that the data of a manifest had whose number is below Contents.
func (x *Index) Times(content int) Times {
	record := x.contents[content*contentSize:]
	return Times{
		Size:  int64(binary.LittleEndian.Uint32(record[4:])),
		MTime: int64(binary.LittleEndian.Uint64(record[8:])),
		CTime: int64(binary.LittleEndian.Uint64(record[16:])),
	}
}

// Content reads what is known of a manifest into c, in the memory of its lists. It
// reports whether that makes sense.
func (x *Index) Content(content int, c *Content) (ok bool) {
	record := x.contents[content*contentSize:]
	c.Digest, c.Times = binary.LittleEndian.Uint32(record), x.Times(content)
	if c.Text, ok = x.text(binary.LittleEndian.Uint32(record[28:])); !ok {
		return false
	}
	at := int64(binary.LittleEndian.Uint32(record[24:])) * 4
	if at+4*contentHead > int64(len(x.refs)) {
		return false
	}
	refs := x.refs[at:]
	var head [contentHead]uint32
	for i := range head {
		head[i] = binary.LittleEndian.Uint32(refs[4*i:])
	}
	refs = refs[4*contentHead:]
	if (int64(head[1])+int64(head[2])+int64(head[3]))*4 > int64(len(refs)) {
		return false
	}
	c.Kind = uint8(head[0])
	c.Configs = [2]int{int(head[0] >> 8 & maxConfigs), int(head[0] >> 20 & maxConfigs)}
	if c.Configs[0] > int(head[1]) || c.Configs[1] > int(head[2]) {
		return false
	}
	for i, list := range []*[]uint32{&c.Required, &c.Optional, &c.Subjects} {
		*list = (*list)[:0]
		for range head[i+1] {
			digest := binary.LittleEndian.Uint32(refs)
			refs = refs[4:]
			if int(digest) >= x.Digests() {
				return false
			}
			*list = append(*list, digest)
		}
	}
	return true
}

// IsManifest reports whether a document is known as a manifest whose number is below
// Contents.
func (x *Index) IsManifest(content int) bool {
	at := int64(binary.LittleEndian.Uint32(x.contents[content*contentSize+24:])) * 4
	return at < int64(len(x.refs)) && x.refs[at] != 0
}

// Text is what a document says of itself whose number is below Contents; nil if
// that is not known. It must not be changed.
func (x *Index) Text(content int) []byte {
	text, _ := x.text(binary.LittleEndian.Uint32(x.contents[content*contentSize+28:]))
	return text
}

// text is the text at a place, of which 0 is that of none. It reports whether that
// makes sense.
func (x *Index) text(place uint32) (text []byte, ok bool) {
	if place == 0 {
		return nil, true
	}
	at := int64(place) - 1
	if at+textHead > int64(len(x.texts)) {
		return nil, false
	}
	text = x.texts[at+textHead:]
	n := int(binary.LittleEndian.Uint16(x.texts[at:]))
	if n > len(text) {
		return nil, false
	}
	return text[:n:n], true
}

// FindLink returns the number of the link with a key, or -1 if none is known.
func (x *Index) FindLink(key uint64) int {
	if x == nil {
		return -1
	}
	mask := uint64(len(x.byKey) - 1)
	for i := key & mask; x.byKey[i] != 0; i = (i + 1) & mask {
		if link := int(x.byKey[i] - 1); binary.LittleEndian.Uint64(x.links[link*linkSize:]) == key {
			return link
		}
	}
	return -1
}

// Link is the link of a number below Links.
func (x *Index) Link(link int) Link {
	record := x.links[link*linkSize:]
	return Link{
		Key:    binary.LittleEndian.Uint64(record),
		Inode:  binary.LittleEndian.Uint64(record[8:]),
		MTime:  int64(binary.LittleEndian.Uint64(record[16:])),
		CTime:  int64(binary.LittleEndian.Uint64(record[24:])),
		Target: binary.LittleEndian.Uint32(record[32:]),
		Device: binary.LittleEndian.Uint64(x.devices[8*int(binary.LittleEndian.Uint16(record[36:])):]),
		Moment: int64(binary.LittleEndian.Uint64(x.moments[8*int(binary.LittleEndian.Uint16(record[38:])):])),
	}
}
