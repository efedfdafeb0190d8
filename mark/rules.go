package mark

import (
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker/disk"
)

// Rules say what is live in addition to what tags reach. Durations are ages by the
// run's one clock.
type Rules struct {
	Now time.Time // the run's clock, by which things are recent
	// Grace is the age below which everything is live.
	Grace time.Duration
	// DeleteUntagged takes the untagged manifests that are older than
	// OlderThan and Grace from the roots.
	DeleteUntagged bool
	OlderThan      time.Duration
	// KeepDeleted is the age below which what was deleted through the API, or has
	// lost its last tag, is kept like a root, with what shows it; 0 keeps none.
	KeepDeleted time.Duration
	// UploadsOlderThan is the age above which an upload is abandoned.
	UploadsOlderThan time.Duration
	Protect          *protect.List
	// PullThrough says that the store is a cache, which lacks what nobody has asked for.
	PullThrough bool
	Selection
	// Resumed says that a run was stopped while names were set aside, so that
	// all of them have to be looked for.
	Resumed bool
	ahead   *latest
}

// Selection has the roots that a command removes, or the written plan to which a
// run is limited. The zero value is the selection of gc.
type Selection struct {
	// Selected has the roots that are removed, or nil. What is garbage without that is left alone.
	Selected *Selected
	// Listed is a plan that was written down, or nil. Nothing else is removed.
	Listed *Listing
	// Times has the first Look remember the times of the links that are removed.
	Times bool
}

// cutoff is the modification time above which a thing is younger than age.
func (r *Rules) cutoff(age time.Duration) int64 { return disk.Nanoseconds(r.Now.Add(-age)) }

func (r *Rules) recent(mtime int64) bool {
	if mtime <= r.cutoff(r.Grace) {
		return false
	}
	if r.ahead != nil && mtime > r.Now.Add(ahead).UnixNano() {
		r.ahead.note(mtime)
	}
	return true
}

// ahead is how far in the future a time has to be for no clock to explain it.
const ahead = time.Minute

// latest is the latest time of a file that is dated in the future.
type latest struct{ at atomic.Int64 }

func (l *latest) note(mtime int64) {
	for was := l.at.Load(); mtime > was; was = l.at.Load() {
		if l.at.CompareAndSwap(was, mtime) {
			return
		}
	}
}

func (r *Rules) recentUntagged(mtime int64) bool {
	return mtime > r.cutoff(max(r.Grace, r.OlderThan))
}

// timed reports whether the times of layer links are needed.
func (r *Rules) timed() bool { return r.Times || r.Listed != nil }
