// Package digests numbers digests and holds a value for each: compactly, since
// there may be millions, and for many readers and writers at a time.
package digests

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/layout"
)

// ID stands for a digest in a Table. The zero value stands for none.
type ID uint32

// entry is what a Table holds for a digest.
type entry[V any] struct {
	sum   sum // of a sha256 digest; of others their place in Table.names
	value V
}

// block holds entries and, a bit for each, what they are. Blocks never move.
type block[V any] struct {
	entries [blockSize]entry[V]
	used    bits // the entry is a digest's
	long    bits // of another algorithm than sha256
}

// sum is a sha256 sum, in words that are compared without a call and that sort as its text.
type sum [4]uint64

func makeSum(b []byte) sum {
	return sum{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])}
}

// append appends the bytes of the sum.
func (s *sum) append(b []byte) []byte {
	for _, word := range s {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	return b
}

const (
	shards    = 256  // by a sum's first byte, as blobs are listed
	blockSize = 1024 // entries
	reserve   = 16   // entries that a shard takes at a time
	// A slot has an ID in its lower bits and a part of the hash above, so that
	// few entries are looked at in vain: each look is a miss of the caches.
	idBits = 28
)

// Table numbers digests and holds a V for each, in some 41 bytes more than a V
// takes. A V should hold no pointer, so that the garbage collector need not look
// at it. All methods may be called concurrently.
type Table[V any] struct {
	seed   maphash.Seed
	shards [shards]shard

	mu       sync.Mutex                  // of who adds a block or a long digest
	blocks   atomic.Pointer[[]*block[V]] // by ID
	next     uint32                      // ID that no shard has taken
	nextLong ID                          // entry that is free for a long digest, unless nextLong%reserve is 0
	long     map[layout.Digest]ID        // sha384 and sha512
	names    []layout.Digest             // of long digests
}

// shard is a part of a Table. What is in it is found without its lock.
type shard struct {
	mu    sync.Mutex                      // of who adds
	slots atomic.Pointer[[]atomic.Uint32] // open addressing
	n     int                             // slots in use
	next  ID                              // entry that is the shard's and free, unless next%reserve is 0
}

// NewTable returns an empty table.
func NewTable[V any]() *Table[V] {
	return &Table[V]{seed: maphash.MakeSeed(), long: map[layout.Digest]ID{}, next: reserve} // no ID is 0
}

// Intern returns the digest's number, a new one if it has none.
func (t *Table[V]) Intern(d layout.Digest) ID { return t.find(&d, true) }

// Lookup returns the digest's number, or 0.
func (t *Table[V]) Lookup(d layout.Digest) ID { return t.find(&d, false) }

func (t *Table[V]) find(d *layout.Digest, add bool) ID {
	if d.Algorithm() != layout.SHA256 {
		return t.findLong(d, add)
	}
	sum := makeSum(d.Sum())
	hash := t.hash(&sum)
	s := &t.shards[sum[0]>>56]
	id, _ := t.probe(s, uint32(hash), &sum)
	if id == 0 {
		id = t.findLocked(s, uint32(hash), &sum, add)
	}
	return id
}

// probe looks for a sum; if it is not there, at is the slot that it would get.
// Who does not hold the lock may miss one that is being added.
func (t *Table[V]) probe(s *shard, hash uint32, sum *sum) (id ID, at *atomic.Uint32) {
	table := s.slots.Load()
	if table == nil {
		return 0, nil
	}
	slots := *table
	mask := uint32(len(slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		slot := slots[i].Load()
		if slot == 0 {
			return 0, &slots[i]
		}
		if id := ID(slot & (1<<idBits - 1)); slot>>idBits == hash>>idBits && t.entry(id).sum == *sum {
			return id, &slots[i]
		}
	}
}

// findLocked is find for what seems not to be there.
func (t *Table[V]) findLocked(s *shard, hash uint32, sum *sum, add bool) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, at := t.probe(s, hash, sum)
	if id != 0 || !add {
		return id
	}
	if at == nil || (s.n+1)*4 > len(*s.slots.Load())*3 {
		t.grow(s)
		_, at = t.probe(s, hash, sum)
	}
	if s.next%reserve == 0 {
		s.next = t.take()
	}
	id = s.next
	s.next++
	s.n++
	t.entry(id).sum = *sum
	t.block(id).used.set(id)
	at.Store(hash&^(1<<idBits-1) | uint32(id))
	return id
}

// grow doubles a shard's slots. The lower bits of a slot's hash are not kept,
// but made anew.
func (t *Table[V]) grow(s *shard) {
	size := 16
	var old []atomic.Uint32
	if table := s.slots.Load(); table != nil {
		old = *table
		size = 2 * len(old)
	}
	slots := make([]atomic.Uint32, size)
	mask := uint32(size - 1)
	for i := range old {
		slot := old[i].Load()
		if slot == 0 {
			continue
		}
		at := uint32(t.hash(&t.entry(ID(slot&(1<<idBits-1))).sum)) & mask
		for slots[at].Load() != 0 {
			at = (at + 1) & mask
		}
		slots[at].Store(slot)
	}
	s.slots.Store(&slots)
}

// take reserves entries and returns the first.
func (t *Table[V]) take() ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLocked()
}

func (t *Table[V]) takeLocked() ID {
	id := t.next
	t.next += reserve
	if t.next > 1<<idBits {
		panic("digests: more digests than a table can number")
	}
	if old := t.blocks.Load(); old == nil || int(id/blockSize) >= len(*old) {
		t.addBlock(old)
	}
	return ID(id)
}

func (t *Table[V]) addBlock(old *[]*block[V]) {
	var blocks []*block[V]
	if old != nil {
		blocks = *old
	}
	// The old slice may be in use. It ends before the new block.
	blocks = append(blocks, new(block[V]))
	t.blocks.Store(&blocks)
}

func (t *Table[V]) findLong(d *layout.Digest, add bool) ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := t.long[*d]
	if id == 0 && add {
		if t.nextLong%reserve == 0 {
			t.nextLong = t.takeLocked()
		}
		id = t.nextLong
		t.nextLong++
		t.entry(id).sum[0] = uint64(len(t.names))
		t.block(id).used.set(id)
		t.block(id).long.set(id)
		t.long[*d] = id
		t.names = append(t.names, *d)
	}
	return id
}

// hash differs from run to run: manifests may name digests that were made up to collide.
func (t *Table[V]) hash(sum *sum) uint64 { return maphash.Comparable(t.seed, *sum) }

func (t *Table[V]) block(id ID) *block[V] { return (*t.blocks.Load())[id/blockSize] }

func (t *Table[V]) entry(id ID) *entry[V] { return &t.block(id).entries[id%blockSize] }

// At is the value of a digest. It stays where it is; who writes it says how.
func (t *Table[V]) At(id ID) *V { return &t.entry(id).value }

// IsLong reports whether a digest is of another algorithm than sha256.
func (t *Table[V]) IsLong(id ID) bool { return t.block(id).long.has(id) }

// Digest is the digest that an ID stands for.
func (t *Table[V]) Digest(id ID) layout.Digest {
	e := t.entry(id)
	if t.IsLong(id) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.names[e.sum[0]]
	}
	return layout.FromSum(layout.SHA256, e.sum.append(make([]byte, 0, 32)))
}

// AppendSum appends the sum of a digest of sha256.
func (t *Table[V]) AppendSum(b []byte, id ID) []byte { return t.entry(id).sum.append(b) }

// End is an ID above all that there are.
func (t *Table[V]) End() ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return ID(t.next)
}

// Compare orders two IDs as their digests sort.
func (t *Table[V]) Compare(a, b ID) int {
	x, y := t.entry(a), t.entry(b)
	if t.IsLong(a) || t.IsLong(b) {
		return t.Digest(a).Compare(t.Digest(b))
	}
	for i := range x.sum {
		if x.sum[i] != y.sum[i] {
			return cmp.Compare(x.sum[i], y.sum[i])
		}
	}
	return 0
}

// Rank is a number from 0 to 255. Of two digests, none sorts before one of a lower rank.
func (t *Table[V]) Rank(id ID) uint8 {
	if t.IsLong(id) {
		return 255
	}
	return uint8(t.entry(id).sum[0] >> 56)
}

// All yields every ID and its value. Nothing may be added meanwhile.
func (t *Table[V]) All() iter.Seq2[ID, *V] {
	return func(yield func(ID, *V) bool) {
		for id := ID(reserve); id < ID(t.next); id++ {
			if b := t.block(id); b.used.has(id) && !yield(id, &b.entries[id%blockSize].value) {
				return
			}
		}
	}
}

// bits has a bit for each entry of a block.
type bits [blockSize / 32]atomic.Uint32

func (b *bits) has(id ID) bool { return b[id%blockSize/32].Load()&(1<<(id%32)) != 0 }

func (b *bits) set(id ID) { b[id%blockSize/32].Or(1 << (id % 32)) }

// Set is a set of IDs, an eighth of a byte for each that there is.
type Set []uint64

// Add adds an ID.
func (s *Set) Add(id ID) {
	word := int(id / 64)
	if word >= len(*s) {
		*s = append(*s, make([]uint64, word+1-len(*s))...)
	}
	(*s)[word] |= 1 << (id % 64)
}

// Has reports whether an ID is in the set.
func (s Set) Has(id ID) bool { return int(id/64) < len(s) && s[id/64]&(1<<(id%64)) != 0 }
