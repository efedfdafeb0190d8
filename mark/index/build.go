package index

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Builder puts an index together. Its methods may not be called concurrently.
type Builder struct {
	digests, contents, refs, links []byte
	devices, moments               table
}

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
	b.digests = make([]byte, 0, digests*sha256.Size)
	b.contents = make([]byte, 0, contents*contentSize)
	b.refs = make([]byte, 0, (contents*(contentHead+4)+digests)*4)
	b.links = make([]byte, 0, links*linkSize)
}

// Digest adds a digest, which must not have been added before, and returns its number.
func (b *Builder) Digest(sum []byte) uint32 {
	b.digests = append(b.digests, sum...)
	return uint32(len(b.digests)/sha256.Size - 1)
}

// Content adds a manifest, each once. One that the format cannot hold is left out.
func (b *Builder) Content(c *Content) {
	at := len(b.refs) / 4
	if c.Size < 0 || c.Size > math.MaxUint32 || int64(at) > math.MaxUint32 || max(c.Configs[0], c.Configs[1]) > maxConfigs {
		return
	}
	put := binary.LittleEndian
	b.contents = put.AppendUint32(b.contents, c.Digest)
	b.contents = put.AppendUint32(b.contents, uint32(c.Size))
	b.contents = put.AppendUint64(b.contents, uint64(c.MTime))
	b.contents = put.AppendUint64(b.contents, uint64(c.CTime))
	b.contents = put.AppendUint32(b.contents, uint32(at))
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

// Bytes is the index as a file, for a parser of this version.
func (b *Builder) Bytes(parser uint32) []byte {
	sections := [...]struct {
		text []byte
		size int
	}{{b.digests, sha256.Size}, {b.contents, contentSize}, {b.refs, 4}, {b.links, linkSize}, {b.devices.list, 8}, {b.moments.list, 8}}
	size := headerSize + sha256.Size
	for i := range sections {
		size += len(sections[i].text)
	}
	text := append(make([]byte, 0, size), magic...)
	text = binary.LittleEndian.AppendUint32(text, parser)
	for i := range sections {
		text = binary.LittleEndian.AppendUint32(text, uint32(len(sections[i].text)/sections[i].size))
	}
	for i := range sections {
		text = append(text, sections[i].text...)
	}
	sum := sha256.Sum256(text)
	return append(text, sum[:]...)
}
