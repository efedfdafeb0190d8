package mark

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/layout"
)

// ID stands for a digest in a Table. The zero value stands for none.
type ID uint32

// What is known of a digest, as bits of its record.
const (
	hasBlob  uint32 = 1 << iota // its blob is in the store
	isAside                     // under the name layout.Aside
	isPinned                    // behind a symbolic link: it cannot be removed
	isFresh                     // younger than the grace
	isOdd                       // something that is no file is in its place
	isLate                      // its blob came after the walk of the blobs
)

// reasonShift0 is where the bits of the reasons begin; Dead has none.
const reasonShift0 = 8

// record is what a Table holds for a digest.
type record struct {
	sum      [32]byte // of a sha256 digest; of others the table's long list has it
	size     int64    // bytes
	disk     int64    // bytes
	bits     atomic.Uint32
	owner    atomic.Uint32 // repository+1 whose manifests reference it, or severalOwners
	manifest atomic.Pointer[manifest]
}

const (
	shards    = 256 // of sha256, by hash
	longShard = shards
	shardBits = 9
	blockSize = 64 // records
)

// Table numbers digests and holds a record for each, in some 70 bytes. All
// methods may be called concurrently.
type Table struct {
	seed   [4]uint64
	shards [shards + 1]shard
	long   map[layout.Digest]ID // sha384 and sha512
	names  []layout.Digest      // of the long shard's records
}

type shard struct {
	mu     sync.Mutex
	slots  []uint32 // open addressing: record number + 1, or 0
	n      uint32
	blocks atomic.Pointer[[]*[blockSize]record]
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{long: map[layout.Digest]ID{}}
	for i := range t.seed {
		t.seed[i] = rand.Uint64() | 1
	}
	return t
}

// Intern returns the digest's number, a new one if it has none.
func (t *Table) Intern(d layout.Digest) ID { return t.find(&d, true) }

// Lookup returns the digest's number, or 0.
func (t *Table) Lookup(d layout.Digest) ID { return t.find(&d, false) }

func (t *Table) find(d *layout.Digest, add bool) ID {
	if d.Algorithm() != layout.SHA256 {
		return t.findLong(d, add)
	}
	sum := [32]byte(d.Sum())
	hash := t.hash(&sum)
	number := uint32(hash>>32) % shards
	s := &t.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	if uint64(s.n+1)*4 > uint64(len(s.slots))*3 {
		if !add && s.n == 0 {
			return 0
		}
		t.grow(s)
	}
	mask := uint32(len(s.slots) - 1)
	for at := uint32(hash) & mask; ; at = (at + 1) & mask {
		switch n := s.slots[at]; {
		case n != 0 && s.at(n-1).sum == sum:
			return makeID(n-1, number)
		case n != 0:
		case !add:
			return 0
		default:
			n := s.append()
			s.at(n).sum = sum
			s.slots[at] = n + 1
			return makeID(n, number)
		}
	}
}

func (t *Table) findLong(d *layout.Digest, add bool) ID {
	s := &t.shards[longShard]
	s.mu.Lock()
	defer s.mu.Unlock()
	id := t.long[*d]
	if id == 0 && add {
		id = makeID(s.append(), longShard)
		t.long[*d] = id
		t.names = append(t.names, *d)
	}
	return id
}

// makeID packs a record's number in its shard and the shard; no ID is 0.
func makeID(number, shard uint32) ID { return ID((number+1)<<shardBits | shard) }

// hash mixes all of a sum with numbers that differ from run to run: manifests
// may name digests that were made up to collide.
func (t *Table) hash(sum *[32]byte) uint64 {
	var h uint64
	for i, seed := range t.seed {
		h = (h ^ binary.LittleEndian.Uint64(sum[8*i:])) * seed
		h ^= h >> 32
	}
	return h
}

func (t *Table) grow(s *shard) {
	slots := make([]uint32, max(16, 2*len(s.slots)))
	mask := uint32(len(slots) - 1)
	for n := range s.n {
		at := uint32(t.hash(&s.at(n).sum)) & mask
		for slots[at] != 0 {
			at = (at + 1) & mask
		}
		slots[at] = n + 1
	}
	s.slots = slots
}

// append adds an empty record and returns its number. Blocks never move, so
// that a record can be used while others are added.
func (s *shard) append() uint32 {
	number := s.n
	if number%blockSize == 0 {
		var blocks []*[blockSize]record
		if old := s.blocks.Load(); old != nil {
			blocks = slices.Clone(*old)
		}
		blocks = append(blocks, new([blockSize]record))
		s.blocks.Store(&blocks)
	}
	s.n++
	return number
}

func (s *shard) at(number uint32) *record {
	return &(*s.blocks.Load())[number/blockSize][number%blockSize]
}

// isLong reports whether a digest is of another algorithm than sha256.
func (t *Table) isLong(id ID) bool { return uint32(id)&(1<<shardBits-1) == longShard }

func (t *Table) record(id ID) *record {
	return t.shards[id&(1<<shardBits-1)].at(uint32(id)>>shardBits - 1)
}

// Digest is the digest that an ID stands for.
func (t *Table) Digest(id ID) layout.Digest {
	s := uint32(id) & (1<<shardBits - 1)
	if s == longShard {
		t.shards[longShard].mu.Lock()
		defer t.shards[longShard].mu.Unlock()
		return t.names[uint32(id)>>shardBits-1]
	}
	return layout.FromSum(layout.SHA256, t.record(id).sum[:])
}

// all yields every ID. Nothing may be added meanwhile.
func (t *Table) all() iter.Seq2[ID, *record] {
	return func(yield func(ID, *record) bool) {
		for s := range t.shards {
			for n := range t.shards[s].n {
				if !yield(makeID(n, uint32(s)), t.shards[s].at(n)) {
					return
				}
			}
		}
	}
}

// has reports whether all of these bits are set.
func (r *record) has(bits uint32) bool { return r.bits.Load()&bits == bits }

func (r *record) set(bits uint32) {
	if r.bits.Load()&bits != bits {
		r.bits.Or(bits)
	}
}
