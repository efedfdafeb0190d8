package mark

import (
	"cmp"
	"io"
	"maps"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/mark/manifest"
)

// Index returns what the next run can use. The first look must have read the store
// in full, and no other look must be under way. Index returns nil if the index
// that the memory was made with has all of it already.
func (m *Memory) Index(s *Store) *index.Builder {
	if m == nil || m.old != nil && !m.isNew() || !m.hasMore() {
		return nil
	}
	g := &gathering{m: m, s: s, numbers: make([]uint32, s.Table.End()), others: map[index.Sum]uint32{}, added: newBitmap(int(s.Table.End()))}
	g.b = index.NewBuilder(g.appendSum)
	g.b.Grow(int(s.Blobs), len(m.contents)+m.old.Contents(), m.old.Links())
	for i := range m.old.Contents() {
		if m.met.has(i) {
			sum := m.old.SumOf(i)
			g.content(s.Table.Lookup(layout.FromSum(layout.SHA256, sum[:])), m.old.Times(i))
		}
	}
	for i := range m.contents {
		g.content(m.contents[i].id, m.contents[i].times)
	}
	for _, id := range slices.Sorted(maps.Keys(m.documents.of)) {
		g.content(id, m.documents.of[id].times)
	}
	for i := range m.old.Links() {
		if m.used.has(i) {
			l := m.old.Link(i)
			sum := m.old.Sum(l.Target)
			l.Target = g.target(&sum)
			g.b.Link(&l)
		}
	}
	for i := range m.shards {
		notes := m.shards[i].ofFirst()
		for at := range notes {
			n := &notes[at]
			g.b.Link(&index.Link{
				Key: n.key, Device: n.device, Inode: n.inode, MTime: n.mtime, CTime: n.ctime,
				Target: g.target(&n.target), Moment: m.moment,
			})
		}
	}
	return g.b
}

// isNew reports whether the run has met anything that the index lacks, or has not
// met something that it has.
func (m *Memory) isNew() bool {
	if len(m.contents)+len(m.documents.of) > 0 {
		return true
	}
	for i := range m.shards {
		if len(m.shards[i].ofFirst()) > 0 {
			return true
		}
	}
	return !m.used.all(m.old.Links()) || !m.met.all(m.old.Contents())
}

// hasMore reports whether the run has read more since it was asked last.
func (m *Memory) hasMore() bool {
	n := 1 + len(m.contents) + len(m.documents.of)
	for i := range m.shards {
		n += len(m.shards[i].ofFirst())
	}
	before := m.saved
	m.saved = n
	return n != before
}

// all reports whether all of the first n bits are set.
func (b bitmap) all(n int) bool {
	for i := range n {
		if !b.has(i) {
			return false
		}
	}
	return true
}

// gathering is an index on its way.
type gathering struct {
	m       *Memory
	s       *Store
	b       *index.Builder
	numbers []uint32             // 1 + the index's number of a digest, by ID
	others  map[index.Sum]uint32 // numbers of digests that the Store does not know
	ids     []ID                 // of the index's digests; 0 of those that the Store does not know
	strange []strangeDigest      // these
	lists   [3][]uint32
	added   bitmap // the documents that it has
}

// strangeDigest is a digest that the Store does not know, and its number.
type strangeDigest struct {
	number uint32
	sum    index.Sum
}

// appendSum is as index.NewBuilder has it.
func (g *gathering) appendSum(to []byte, number uint32) []byte {
	if id := g.ids[number]; id != 0 {
		return g.s.Table.AppendSum(to, id)
	}
	at, _ := slices.BinarySearchFunc(g.strange, number, func(s strangeDigest, n uint32) int { return cmp.Compare(s.number, n) })
	return append(to, g.strange[at].sum[:]...)
}

// number is the index's number of a digest; ok is false of one that is not of sha256.
func (g *gathering) number(id ID) (n uint32, ok bool) {
	if n := g.numbers[id]; n != 0 {
		return n - 1, true
	}
	if g.s.Table.IsLong(id) {
		return 0, false
	}
	n = g.b.Digest()
	g.numbers[id] = n + 1
	g.ids = append(g.ids, id)
	return n, true
}

// target is the index's number of what a link holds.
func (g *gathering) target(sum *index.Sum) uint32 {
	if id := g.s.Table.Lookup(layout.FromSum(layout.SHA256, sum[:])); id != 0 {
		n, _ := g.number(id)
		return n
	}
	n, ok := g.others[*sum]
	if !ok {
		n = g.b.Digest()
		g.others[*sum] = n
		g.ids, g.strange = append(g.ids, 0), append(g.strange, strangeDigest{n, *sum})
	}
	return n
}

// content adds a manifest, unless it names digests of other algorithms, or what
// another document says of itself.
func (g *gathering) content(id ID, times index.Times) {
	if id == 0 || g.added.has(int(id)) {
		return
	}
	digest, ok := g.number(id)
	if !ok {
		return
	}
	c := index.Content{Digest: digest, Times: times, Text: g.text(id, times)}
	place := g.s.Table.At(id).manifest.Load()
	if place == 0 && c.Text == nil {
		return
	}
	if place != 0 && !g.references(place, &c) {
		return
	}
	g.added.set(int(id))
	g.b.Content(&c)
}

// text is what a document says of itself, as this run or the index knows it; nil if
// neither does.
func (g *gathering) text(id ID, times index.Times) []byte {
	if n, ok := g.m.documents.of[id]; ok && n.times == times {
		return []byte(n.text)
	}
	digest := g.s.Table.Digest(id)
	if at, ok := g.m.old.Find(digest.Sum(), times); ok {
		return g.m.old.Text(at)
	}
	return nil
}

// references fills in what a manifest references; ok is false if the format cannot
// hold it.
func (g *gathering) references(place uint32, c *index.Content) (ok bool) {
	m := g.s.manifests.At(place)
	c.Kind, c.Configs = uint8(m.Kind), m.Configs
	for i, list := range [...][]ID{m.Required, m.Optional, m.Subjects} {
		g.lists[i] = g.lists[i][:0]
		for _, ref := range list {
			n, ok := g.number(ref)
			if !ok {
				return false
			}
			g.lists[i] = append(g.lists[i], n)
		}
	}
	c.Required, c.Optional, c.Subjects = g.lists[0], g.lists[1], g.lists[2]
	return true
}

// indexVersion is that of what an index says of documents.
const indexVersion = documentVersion<<16 | manifest.Version

// ReadIndex reads what Builder.Bytes has written for manifests as this version
// understands them. It uses nothing of any other text.
func ReadIndex(text []byte) *index.Index {
	x, err := index.Parse(text, indexVersion)
	if err != nil {
		return nil
	}
	return x
}

// IndexText is an index as a file.
func IndexText(b *index.Builder) []byte { return b.Bytes(indexVersion) }

// WriteIndex writes an index as a file.
func WriteIndex(to io.Writer, b *index.Builder) error { return b.Write(to, indexVersion) }
