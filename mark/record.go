package mark

import (
	"sync/atomic"

	"github.com/regsweep/regsweep/mark/digests"
)

// ID stands for a digest in a Store's Table.
type ID = digests.ID

// table numbers digests and has what is known of each.
type table = digests.Table[record]

// record is what is known of a digest: 24 bytes and no pointer, since there may
// be millions and the garbage collector need not look at them.
type record struct {
	size     int64         // bytes
	sectors  uint32        // of diskUnit bytes; manySectors if Store.huge has it
	bits     atomic.Uint32 // what is known of it, and the reasons
	owner    atomic.Uint32 // repository+1 whose manifests reference it, or severalOwners
	manifest atomic.Uint32 // where Store.manifests has it, or 0
}

// What is known of a digest, as bits of its record.
const (
	hasBlob      uint32 = 1 << iota // its blob is in the store
	isAside                         // under the name layout.Aside
	isPinned                        // behind a symbolic link: it cannot be removed
	isRecent                        // younger than the grace
	isOdd                           // something that is no file is in its place
	isLate                          // its blob came after the walk of the blobs
	isOfSelected                    // a manifest names it that a selection has
	isBelow                         // such a manifest reaches it
	isGuarded                       // a manifest reaches it that a Selector calls protected
	isNewer                         // than the plan that was written down
	isKept                          // a layer link or a tag that is kept names it
	isLeaving                       // a link that is removed names it, and another one that is kept
	isLinked                        // a layer link that no live manifest names holds it
	isKnown                         // the index knows what its blob says
)

// reasonShift0 is where the bits of the reasons begin; Dead has none.
const reasonShift0 = 14

// has reports whether all of these bits are set.
func (r *record) has(bits uint32) bool { return r.bits.Load()&bits == bits }

func (r *record) unset(bits uint32) {
	if r.bits.Load()&bits != 0 {
		r.bits.And(^bits)
	}
}

func (r *record) set(bits uint32) {
	if r.bits.Load()&bits != bits {
		r.bits.Or(bits)
	}
}
