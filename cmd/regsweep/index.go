package main

import (
	"context"
	"time"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// recollection is what a run remembers of the store, for itself and for the next
// one. Whatever goes wrong with that, the run goes on without.
type recollection struct {
	dir    *disk.Dir
	memory *mark.Memory // nil if nothing is remembered
}

// recollect reads what the last run has remembered. Uses is false for a run that
// reads everything anew. Now is the earlier of the clocks that are known. While names
// may be set aside nothing is remembered.
func (c *common) recollect(dir *disk.Dir, now time.Time, resumed, uses bool) recollection {
	r := recollection{dir: dir}
	if c.index == indexNone || resumed {
		return r
	}
	var old *index.Index
	if uses {
		old = sweep.ReadIndex(dir)
	}
	r.memory = mark.NewMemory(old, now)
	return r
}

// tell gives the memory to a walker, if there is one.
func (r *recollection) tell(o *walker.Options) {
	if r.memory != nil {
		o.Memory = r.memory
	}
}

// keep remembers what the first look has read of the store, unless something could
// not be read, or names were found to be set aside. A run that removes does so at its
// end: one that is stopped, or that a full disk waits for, leaves nothing of its own.
func (r *recollection) keep(ctx context.Context, store *mark.Store, unreadable int) {
	if r.memory == nil || ctx.Err() != nil || unreadable > 0 || store.Resumed() {
		return
	}
	_ = sweep.WriteIndex(r.dir, r.memory, store) // the next run reads all then
}
