package mark

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

// What is known of a digest, as bits of its record.
const (
	hasBlob   uint32 = 1 << iota // its blob is in the store
	isAside                      // under the name layout.Aside
	isPinned                     // behind a symbolic link: it cannot be removed
	isFresh                      // younger than the grace
	isOdd                        // something that is no file is in its place
	isLate                       // its blob came after the walk of the blobs
	isUsed                       // the record is a digest's
	isLong                       // of another algorithm than sha256: Table.names has it
	isTaken                      // a manifest names it that a Removal takes away
	isBelow                      // such a manifest reaches it
	isGuarded                    // a manifest reaches it that a Judge calls protected
	isNewer                      // than the plan that was written down
)

// reasonShift0 is where the bits of the reasons begin; Dead has none.
const reasonShift0 = 12

// record is what a Table holds for a digest: 56 bytes and no pointer, since
// there may be millions and the garbage collector need not look at them.
type record struct {
	sum      sum           // of a sha256 digest; of others their place in Table.names
	size     int64         // bytes
	sectors  uint32        // of diskUnit bytes; manySectors if Store.huge has it
	bits     atomic.Uint32 // what is known of it, and the reasons
	owner    atomic.Uint32 // repository+1 whose manifests reference it, or severalOwners
	manifest atomic.Uint32 // where Store.manifests has it, or 0
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
	blockSize = 1024 // records
	reserve   = 16   // records that a shard takes at a time
	// A slot has an ID in its lower bits and a part of the hash above, so that
	// few records are looked at in vain: each look is a miss of the caches.
	idBits = 28
)

// Table numbers digests and holds a record for each, in some 65 bytes. All
// methods may be called concurrently.
type Table struct {
	seed   maphash.Seed
	shards [shards]shard

	mu       sync.Mutex                           // of who adds a block or a long digest
	blocks   atomic.Pointer[[]*[blockSize]record] // by ID; blocks never move
	next     uint32                               // ID that no shard has taken
	nextLong ID                                   // record that is free for a long digest, unless nextLong%reserve is 0
	long     map[layout.Digest]ID                 // sha384 and sha512
	names    []layout.Digest                      // of long digests
}

// shard is a part of a Table. What is in it is found without its lock.
type shard struct {
	mu    sync.Mutex                      // of who adds
	slots atomic.Pointer[[]atomic.Uint32] // open addressing
	n     int                             // slots in use
	next  ID                              // record that is the shard's and free, unless next%reserve is 0
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{seed: maphash.MakeSeed(), long: map[layout.Digest]ID{}, next: reserve} // no ID is 0
}

// Intern returns the digest's number, a new one if it has none.
func (t *Table) Intern(d layout.Digest) ID { return t.find(&d, true) }

// Lookup returns the digest's number, or 0.
func (t *Table) Lookup(d layout.Digest) ID { return t.find(&d, false) }

func (t *Table) find(d *layout.Digest, add bool) ID {
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
func (t *Table) probe(s *shard, hash uint32, sum *sum) (id ID, at *atomic.Uint32) {
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
		if id := ID(slot & (1<<idBits - 1)); slot>>idBits == hash>>idBits && t.record(id).sum == *sum {
			return id, &slots[i]
		}
	}
}

// findLocked is find for what seems not to be there.
func (t *Table) findLocked(s *shard, hash uint32, sum *sum, add bool) ID {
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
	r := t.record(id)
	r.sum = *sum
	r.set(isUsed)
	at.Store(hash&^(1<<idBits-1) | uint32(id))
	return id
}

// grow doubles a shard's slots. The lower bits of a slot's hash are not kept,
// but made anew.
func (t *Table) grow(s *shard) {
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
		at := uint32(t.hash(&t.record(ID(slot&(1<<idBits-1))).sum)) & mask
		for slots[at].Load() != 0 {
			at = (at + 1) & mask
		}
		slots[at].Store(slot)
	}
	s.slots.Store(&slots)
}

// take reserves records and returns the first.
func (t *Table) take() ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLocked()
}

func (t *Table) takeLocked() ID {
	id := t.next
	t.next += reserve
	if t.next > 1<<idBits {
		panic("mark: more digests than a table can number")
	}
	var blocks []*[blockSize]record
	if old := t.blocks.Load(); old != nil {
		blocks = *old
	}
	if int(id/blockSize) >= len(blocks) {
		// Who reads the old slice reads nothing behind its end.
		blocks = append(blocks, new([blockSize]record))
		t.blocks.Store(&blocks)
	}
	return ID(id)
}

func (t *Table) findLong(d *layout.Digest, add bool) ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := t.long[*d]
	if id == 0 && add {
		if t.nextLong%reserve == 0 {
			t.nextLong = t.takeLocked()
		}
		id = t.nextLong
		t.nextLong++
		r := t.record(id)
		r.sum[0] = uint64(len(t.names))
		r.set(isUsed | isLong)
		t.long[*d] = id
		t.names = append(t.names, *d)
	}
	return id
}

// hash differs from run to run: manifests may name digests that were made up to collide.
func (t *Table) hash(sum *sum) uint64 { return maphash.Comparable(t.seed, *sum) }

func (t *Table) record(id ID) *record {
	return &(*t.blocks.Load())[id/blockSize][id%blockSize]
}

// isLong reports whether a digest is of another algorithm than sha256.
func (t *Table) isLong(id ID) bool { return t.record(id).has(isLong) }

// Digest is the digest that an ID stands for.
func (t *Table) Digest(id ID) layout.Digest {
	r := t.record(id)
	if r.has(isLong) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.names[r.sum[0]]
	}
	return layout.FromSum(layout.SHA256, r.sum.append(make([]byte, 0, 32)))
}

// compare orders two IDs as their digests sort.
func (t *Table) compare(a, b ID) int {
	x, y := t.record(a), t.record(b)
	if x.has(isLong) || y.has(isLong) {
		return t.Digest(a).Compare(t.Digest(b))
	}
	for i := range x.sum {
		if x.sum[i] != y.sum[i] {
			return cmp.Compare(x.sum[i], y.sum[i])
		}
	}
	return 0
}

// all yields every ID. Nothing may be added meanwhile.
func (t *Table) all() iter.Seq2[ID, *record] {
	return func(yield func(ID, *record) bool) {
		for id := ID(reserve); id < ID(t.next); id++ {
			if r := t.record(id); r.has(isUsed) && !yield(id, r) {
				return
			}
		}
	}
}

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

// has reports whether all of these bits are set.
func (r *record) has(bits uint32) bool { return r.bits.Load()&bits == bits }

func (r *record) set(bits uint32) {
	if r.bits.Load()&bits != bits {
		r.bits.Or(bits)
	}
}
