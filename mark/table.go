package mark

import (
	"hash/maphash"
	"iter"
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

// record is what a Table holds for a digest: 56 bytes and no pointer, since
// there may be millions and the garbage collector need not look at them.
type record struct {
	sum      [32]byte      // of a sha256 digest; of others the table's long list has it
	size     int64         // bytes
	sectors  uint32        // of diskUnit bytes; manySectors if Store.huge has it
	bits     atomic.Uint32 // what is known of it, and the reasons
	owner    atomic.Uint32 // repository+1 whose manifests reference it, or severalOwners
	manifest atomic.Uint32 // where Store.manifests has it, or 0
}

const (
	shards    = 256 // of sha256, by hash
	longShard = shards
	shardBits = 9
	blockSize = 73 // records: nearly 4096 bytes, which is what the allocator gives
)

// Table numbers digests and holds a record for each, in some 65 bytes. All
// methods may be called concurrently.
type Table struct {
	seed   maphash.Seed
	shards [shards + 1]shard
	long   map[layout.Digest]ID // sha384 and sha512
	names  []layout.Digest      // of the long shard's records
}

// shard is a part of a Table. What is in it is found without its lock.
type shard struct {
	mu     sync.Mutex                      // of who adds
	slots  atomic.Pointer[[]atomic.Uint32] // open addressing: record number + 1, or 0
	n      uint32
	blocks atomic.Pointer[[]*[blockSize]record]
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{seed: maphash.MakeSeed(), long: map[layout.Digest]ID{}}
}

// Intern returns the digest's number, a new one if it has none.
func (t *Table) Intern(d layout.Digest) ID { return t.find(&d, true) }

// Lookup returns the digest's number, or 0.
func (t *Table) Lookup(d layout.Digest) ID { return t.find(&d, false) }

func (t *Table) find(d *layout.Digest, add bool) ID {
	if d.Algorithm() != layout.SHA256 {
		return t.findLong(d, add)
	}
	sum := (*[32]byte)(d.Sum())
	hash := t.hash(sum)
	number := uint32(hash>>32) % shards
	s := &t.shards[number]
	n, _ := s.probe(uint32(hash), sum)
	if n == 0 {
		n = t.findLocked(s, uint32(hash), sum, add)
	}
	if n == 0 {
		return 0
	}
	return makeID(n-1, number)
}

// probe looks for a sum; if it is not there, at is the slot that it would get.
// Who does not hold the lock may miss one that is being added.
func (s *shard) probe(hash uint32, sum *[32]byte) (n uint32, at *atomic.Uint32) {
	table := s.slots.Load()
	if table == nil {
		return 0, nil
	}
	slots := *table
	mask := uint32(len(slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		n := slots[i].Load()
		if n == 0 || s.at(n-1).sum == *sum {
			return n, &slots[i]
		}
	}
}

// findLocked is find for what seems not to be there.
func (t *Table) findLocked(s *shard, hash uint32, sum *[32]byte, add bool) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, at := s.probe(hash, sum)
	if n != 0 || !add {
		return n
	}
	if at == nil || uint64(s.n+1)*4 > uint64(len(*s.slots.Load()))*3 {
		t.grow(s)
		_, at = s.probe(hash, sum)
	}
	n = s.append() + 1
	s.at(n - 1).sum = *sum
	at.Store(n)
	return n
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

// hash differs from run to run: manifests may name digests that were made up to collide.
func (t *Table) hash(sum *[32]byte) uint64 { return maphash.Bytes(t.seed, sum[:]) }

func (t *Table) grow(s *shard) {
	size := 16
	if old := s.slots.Load(); old != nil {
		size = 2 * len(*old)
	}
	slots := make([]atomic.Uint32, size)
	mask := uint32(size - 1)
	for n := range s.n {
		at := uint32(t.hash(&s.at(n).sum)) & mask
		for slots[at].Load() != 0 {
			at = (at + 1) & mask
		}
		slots[at].Store(n + 1)
	}
	s.slots.Store(&slots)
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
