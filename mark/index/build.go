package index

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
)

// Builder puts an index together. Its methods may not be called concurrently. It knows
// digests by their numbers only: there are as many of them as there are blobs, and who
// builds an index has them already.
type Builder struct {
	sum                   func(to []byte, digest uint32) []byte
	digests               uint32
	contents, refs, links []byte
	devices, moments      table
	texts                 []byte
	textAt                map[string]uint32 // places of texts: many documents say the same
}

// NewBuilder returns a Builder of an index without anything. Sum appends a digest by
// its number, and is asked when the index is written.
func NewBuilder(sum func(to []byte, digest uint32) []byte) *Builder { return &Builder{sum: sum} }

// table numbers values of which there are few.
type table struct {
	list   []byte
	number map[uint64]uint16
}

func (t *table) at(value uint64) (number uint16, ok bool) {
	if number, ok = t.number[value]; ok {
		return number, true
	}
	n := len(t.number)
	if n > math.MaxUint16 {
		return 0, false
	}
	if t.number == nil {
		t.number = map[uint64]uint16{}
	}
	t.number[value] = uint16(n)
	t.list = binary.LittleEndian.AppendUint64(t.list, value)
	return uint16(n), true
}

// Grow makes room for so many of each.
func (b *Builder) Grow(digests, contents, links int) {
	b.contents = make([]byte, 0, contents*contentSize)
	b.refs = make([]byte, 0, (contents*(contentHead+4)+digests)*4)
	b.links = make([]byte, 0, links*linkSize)
}

// Digest adds a digest, which must not have been added before, and returns its number.
func (b *Builder) Digest() uint32 {
	b.digests++
	return b.digests - 1
}

// Content adds a manifest or another document, each once. One that the format cannot hold is left out.
func (b *Builder) Content(c *Content) {
	at := len(b.refs) / 4
	if c.Size < 0 || c.Size > math.MaxUint32 || int64(at) > math.MaxUint32 || max(c.Configs[0], c.Configs[1]) > maxConfigs {
		return
	}
	text, ok := b.text(c.Text)
	if !ok {
		return
	}
	put := binary.LittleEndian
	b.contents = put.AppendUint32(b.contents, c.Digest)
	b.contents = put.AppendUint32(b.contents, uint32(c.Size))
	b.contents = put.AppendUint64(b.contents, uint64(c.MTime))
	b.contents = put.AppendUint64(b.contents, uint64(c.CTime))
	b.contents = put.AppendUint32(b.contents, uint32(at))
	b.contents = put.AppendUint32(b.contents, text)
	b.refs = put.AppendUint32(b.refs, uint32(c.Kind)|uint32(c.Configs[0])<<8|uint32(c.Configs[1])<<20)
	lists := [...][]uint32{c.Required, c.Optional, c.Subjects}
	for _, list := range lists {
		b.refs = put.AppendUint32(b.refs, uint32(len(list)))
	}
	for _, list := range lists {
		for _, digest := range list {
			b.refs = put.AppendUint32(b.refs, digest)
		}
	}
}

// text returns the place of a text, which it adds if it is new.
func (b *Builder) text(text []byte) (place uint32, ok bool) {
	if text == nil {
		return 0, true
	}
	if place, ok = b.textAt[string(text)]; ok {
		return place, true
	}
	if len(text) > MaxText || int64(len(b.texts))+textHead+int64(len(text)) >= math.MaxUint32 {
		return 0, false
	}
	if b.textAt == nil {
		b.textAt = map[string]uint32{}
	}
	place = uint32(len(b.texts)) + 1
	b.textAt[string(text)] = place
	b.texts = binary.LittleEndian.AppendUint16(b.texts, uint16(len(text)))
	b.texts = append(b.texts, text...)
	return place, true
}

// Link adds a link, each key once. One that the format cannot hold is left out.
func (b *Builder) Link(l *Link) {
	device, ok := b.devices.at(l.Device)
	moment, also := b.moments.at(uint64(l.Moment))
	if !ok || !also {
		return
	}
	put := binary.LittleEndian
	b.links = put.AppendUint64(b.links, l.Key)
	b.links = put.AppendUint64(b.links, l.Inode)
	b.links = put.AppendUint64(b.links, uint64(l.MTime))
	b.links = put.AppendUint64(b.links, uint64(l.CTime))
	b.links = put.AppendUint32(b.links, l.Target)
	b.links = put.AppendUint16(b.links, device)
	b.links = put.AppendUint16(b.links, moment)
}

// ForgetLinks takes the links back that have been added.
func (b *Builder) ForgetLinks() { b.links, b.devices, b.moments = nil, table{}, table{} }

// Size is how many bytes the index has as a file.
func (b *Builder) Size() int64 {
	size := int64(headerSize + sha256.Size + len(b.contents) + len(b.refs) + len(b.links) + len(b.devices.list) + len(b.moments.list) + len(b.texts))
	return size + int64(b.digests)*sha256.Size
}

// Write writes the index as a file, for a parser of this version.
func (b *Builder) Write(to io.Writer, parser uint32) error {
	checksum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(to, checksum), 64<<10)
	sections := [...]struct {
		text []byte
		size int
	}{{b.contents, contentSize}, {b.refs, 4}, {b.links, linkSize}, {b.devices.list, 8}, {b.moments.list, 8}, {b.texts, 1}}
	head := binary.LittleEndian.AppendUint32([]byte(magic), parser)
	head = binary.LittleEndian.AppendUint32(head, b.digests)
	for i := range sections {
		head = binary.LittleEndian.AppendUint32(head, uint32(len(sections[i].text)/sections[i].size))
	}
	_, _ = w.Write(head) // an error is one of Flush, too
	var sum [sha256.Size]byte
	for digest := range b.digests {
		_, _ = w.Write(b.sum(sum[:0], digest))
	}
	for i := range sections {
		_, _ = w.Write(sections[i].text)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := to.Write(checksum.Sum(nil))
	return err
}

// Bytes is what Write writes.
func (b *Builder) Bytes(parser uint32) []byte {
	var text bytes.Buffer
	text.Grow(int(b.Size()))
	_ = b.Write(&text, parser) // there is memory for it
	return text.Bytes()
}
