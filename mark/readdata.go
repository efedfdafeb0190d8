package mark

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/verified"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Share says how much of a store's data should be read.
type Share struct {
	Part  float64 // of its bytes; all if it is 1
	Bytes int64   // or so many, if it is not 0
	Shard Shard   // of this part of the store
}

// Shard is one of several parts of a store's blobs, which are about equal; the
// zero value is all of it.
type Shard struct {
	Index int // from 0 to Count-1
	Count int
}

// Has reports whether a blob is in the shard.
func (s Shard) Has(d layout.Digest) bool {
	return s.Count < 2 || binary.BigEndian.Uint64(d.Sum())%uint64(s.Count) == uint64(s.Index)
}

// DataRead counts what has been read, while it is read.
type DataRead struct {
	// InOrder has blobs read in their order, some hundreds at a time, and not the
	// small ones of all first: for who may not get to the last.
	InOrder bool
	// Whole is called of each blob that has its digest, of one at a time; or nil.
	Whole func(d layout.Digest, size int64)

	Blobs, Bytes           atomic.Int64
	Done                   atomic.Int64 // blobs that have had their turn
	TotalBlobs, TotalBytes atomic.Int64
}

// readBuffer is how many bytes are read at a time, by each worker.
const readBuffer = 256 << 10

// largeBlob is the size in bytes above which a blob takes a processor or a disk
// for itself: more of these at a time only make a disk seek.
const largeBlob = 1 << 20

// Choose returns the blobs whose data are to be read: all, or those of a part of
// the store that moves on by its own size every day, so that a share read every
// day covers all in as few days as can be. It is the same part all day. What a
// stopped run was about to remove is left out.
func (s *Store) Choose(share Share, now time.Time) (ids []ID) {
	total := int64(0)
	for id, r := range s.Table.All() {
		if r.has(hasBlob) && share.Shard.Has(s.Table.Digest(id)) && (!r.has(isAside) || r.reason() != Dead) {
			ids = append(ids, id)
			total += r.size
		}
	}
	slices.SortFunc(ids, s.Table.Compare)
	part := share.Part
	if share.Bytes > 0 {
		part = float64(share.Bytes) / float64(max(total, 1))
	}
	if part >= 1 || len(ids) == 0 {
		return ids
	}
	from := int64(turn(part, now) * float64(total))
	size := int64(math.Ceil(part * float64(total)))
	at := int64(0)
	var chosen []ID
	over := ids[0] // begins last of those that begin before the part does
	for _, id := range ids {
		if at <= from {
			over = id
		}
		if (at-from+total)%max(total, 1) < size {
			chosen = append(chosen, id)
		}
		at += s.Table.At(id).size
	}
	if chosen == nil { // a part smaller than the blob in its place
		chosen = []ID{over}
	}
	return chosen
}

// turn is where the part of a day begins, from 0 to below 1.
func turn(part float64, now time.Time) float64 {
	day := float64(now.Unix() / (24 * 60 * 60))
	_, at := math.Modf(day * part)
	return at
}

// Damage is a blob whose data do not match its digest.
type Damage struct {
	ID  ID
	Err error // why they cannot be read; nil if they have another digest
}

// ReadData reads the data of blobs, small ones first, each by one of several
// workers. It returns the blobs that have another digest or cannot be read. A blob
// that has been deleted meanwhile does not count. It stops early when ctx is done.
func (s *Store) ReadData(ctx context.Context, w *walker.Walker, ids []ID, count *DataRead) []Damage {
	d := &dataReader{ctx: ctx, s: s, w: w, count: count}
	for _, id := range ids {
		count.TotalBlobs.Add(1)
		count.TotalBytes.Add(s.Table.At(id).size)
	}
	if !count.InOrder {
		d.group(ids)
		return d.found
	}
	for group := range slices.Chunk(ids, inOrder) {
		d.group(group)
	}
	return d.found
}

// inOrder is how many blobs are read at a time of those that are read in order.
const inOrder = 256

// group reads blobs, small ones first.
func (d *dataReader) group(ids []ID) {
	var small, large []ID
	for _, id := range ids {
		if d.s.Table.At(id).size > largeBlob {
			large = append(large, id)
		} else {
			small = append(small, id)
		}
	}
	d.read(small, d.w.Jobs())
	d.read(large, min(d.w.Jobs(), max(4, 2*runtime.NumCPU())))
}

// Recheck leaves out the blobs that were verified since a time. It puts blobs that
// were never verified first, and then those that were verified longest ago. left
// is how many it has left out.
func (s *Store) Recheck(ids []ID, known *verified.Table, since time.Time) (again []ID, left int) {
	at := map[ID]time.Time{}
	for _, id := range ids {
		at[id] = known.At(s.Table.Digest(id), s.Table.At(id).size)
		if at[id].IsZero() || since.IsZero() || at[id].Before(since) {
			again = append(again, id)
		}
	}
	slices.SortStableFunc(again, func(a, b ID) int { return at[a].Compare(at[b]) })
	return again, len(ids) - len(again)
}

// HasBlob reports whether the store has a blob.
func (s *Store) HasBlob(d layout.Digest) bool {
	id := s.Table.Lookup(d)
	return id != 0 && s.Table.At(id).has(hasBlob)
}

// dataReader reads blobs.
type dataReader struct {
	ctx   context.Context
	s     *Store
	w     *walker.Walker
	count *DataRead

	mu    sync.Mutex
	found []Damage
}

// read reads blobs by so many workers.
func (d *dataReader) read(ids []ID, workers int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, len(ids)) {
		wg.Go(func() {
			buf := make([]byte, readBuffer)
			for d.ctx.Err() == nil {
				i := next.Add(1) - 1
				if i >= int64(len(ids)) {
					return
				}
				d.blob(ids[i], buf)
			}
		})
	}
	wg.Wait()
}

func (d *dataReader) blob(id ID, buf []byte) {
	digest := d.s.Table.Digest(id)
	sum, err := d.w.SumBlob(digest, buf, d.progress)
	if d.ctx.Err() != nil {
		return
	}
	if walker.Unsettled(err) || err == nil && sum != digest {
		// A registry may be writing it, as 2.8 writes manifests in place.
		d.w.Pause()
		sum, err = d.w.SumBlob(digest, buf, func(int) error { return d.ctx.Err() })
	}
	if d.ctx.Err() != nil {
		return
	}
	d.count.Done.Add(1)
	switch {
	case disk.Gone(err):
		return
	case errors.Is(err, disk.ErrNotFile):
		return // that has been said
	case err != nil:
		d.add(Damage{id, err})
		return
	}
	d.count.Blobs.Add(1)
	if sum != digest {
		d.add(Damage{ID: id})
		return
	}
	if d.count.Whole != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.count.Whole(digest, d.s.Table.At(id).size)
	}
}

func (d *dataReader) progress(n int) error {
	d.count.Bytes.Add(int64(n))
	return d.ctx.Err()
}

func (d *dataReader) add(found Damage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = append(d.found, found)
}
