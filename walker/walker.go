// Package walker reads what is on disk: the blobs of a store and what its
// repositories link, as typed entries. It decides nothing.
//
// It differs from filepath.WalkDir in these ways:
//   - It knows the layout. Directories are opened relative to their parents and
//     listed once; what a name says is not asked of the kernel again.
//   - Callbacks run concurrently, in no order. At most Options.Jobs file
//     operations are under way at a time. Every method waits for all that it
//     started before it returns.
//   - Errors do not end a walk: each is recorded in Findings, and the walk goes
//     on, so that a report names every path that cannot be read. A walk after
//     which Findings has unreadable paths is incomplete, and nothing may be
//     concluded from what it did not see.
//   - A file that vanished between being listed and being read, or that reads as
//     stale, empty or short, is opened once more by its path after a pause,
//     since a registry may be writing beside us.
//   - Symbolic links are followed as both registries do, each directory once by
//     device, inode and where it is. Special files are never read, nor waited for.
package walker

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// DefaultJobs is how many file operations are under way at a time unless told
// otherwise: enough to keep a network filesystem or a queue of a disk busy.
const DefaultJobs = 32

// lanesLook is how often it is asked whether there are more lanes.
const lanesLook = 10 * time.Millisecond

// pause is how long a file gets to be written to the end: a registry's write
// of a link or manifest takes well under a millisecond on a local disk.
const pause = 100 * time.Millisecond

// Options are the knobs of a Walker.
type Options struct {
	Jobs     int // concurrent file operations; DefaultJobs if 0
	Findings *Findings
	Progress *Progress // or nil
	// Resumed says that a run was stopped while names were set aside: blobs are
	// looked for by both of their names.
	Resumed bool
	// Thorough says that every directory is listed, for what the layout does not
	// define. Otherwise those of blobs and links are not even opened.
	Thorough bool
	// Memory knows what links said before, or is nil.
	Memory Memory
	// InOrder says that the store is on a disk with an arm: what is listed is read in
	// the order of inodes.
	InOrder bool
}

// Walker reads one store. Its methods may be called one after another; their
// callbacks are called concurrently.
type Walker struct {
	Findings *Findings
	Progress *Progress

	store   *disk.Dir
	algs    *algorithmDirs
	jobs    int
	resumed *atomic.Bool // shared with those that With makes
	all     bool         // every directory is listed
	shares  *Shares
	memory  Memory        // or nil
	inOrder bool          // of inodes
	busy    chan struct{} // a token for each goroutine that does file operations
}

// New returns a Walker over an open directory of a store, which the caller closes.
func New(store *disk.Dir, opts Options) *Walker {
	w := &Walker{Findings: opts.Findings, Progress: opts.Progress, store: store, algs: &algorithmDirs{}, jobs: opts.Jobs, resumed: new(atomic.Bool), all: opts.Thorough, shares: newShares(store), memory: opts.Memory, inOrder: opts.InOrder}
	if w.jobs <= 0 {
		w.jobs = DefaultJobs
	}
	if w.Findings == nil {
		w.Findings = new(Findings)
	}
	if w.Progress == nil {
		w.Progress = new(Progress)
	}
	w.resumed.Store(opts.Resumed)
	w.busy = make(chan struct{}, w.jobs)
	return w
}

// With returns a Walker over the same store that records into other findings.
func (w *Walker) With(f *Findings) *Walker {
	other := *w
	other.Findings = f
	return &other
}

// Resume has the Walker, and those that With made of it or makes, look for each
// name as if Options.Resumed had been set.
func (w *Walker) Resume() { w.resumed.Store(true) }

// Close closes the directories that the Walker, and those that With made of it, hold open.
func (w *Walker) Close() {
	for i := range w.algs.open {
		if d := w.algs.open[i].Swap(nil); d != nil {
			d.Close()
		}
	}
}

// algorithmDirs are the directories below blobs/, kept open since every
// manifest is read through one.
type algorithmDirs struct {
	open [len(layout.Algorithms) + 1]atomic.Pointer[disk.Dir]
}

// Top lists the store's own directory, for what the layout does not define.
func (w *Walker) Top() {
	top, err := w.store.Walk(".")
	if err != nil {
		w.Unreadable(".", err)
		return
	}
	defer top.Close()
	w.list(top, func(_ disk.Entry, name string) {
		switch name {
		case layout.Blobs, layout.Repositories, layout.Own, layout.Unfinished, disk.ProbeName, disk.LockName:
		default:
			w.Findings.Add(Problem{Kind: UnknownFile, Path: name, Detail: "not a name of the layout"})
		}
	})
}

// Store is the store's own directory.
func (w *Walker) Store() *disk.Dir { return w.store }

// queue runs tasks that may add tasks, last in first out, so that what is
// waiting stays little.
type queue struct {
	mu      sync.Mutex
	wake    sync.Cond
	tasks   []func()
	pending int // tasks waiting or running
	running int // tasks
}

func (q *queue) push(task func()) {
	q.mu.Lock()
	q.tasks = append(q.tasks, task)
	q.pending++
	q.mu.Unlock()
	q.wake.Signal()
}

func newQueue() *queue {
	q := &queue{}
	q.wake.L = &q.mu
	return q
}

// drain runs the queue's tasks, and those that they add, until none is left.
func (w *Walker) drain(q *queue) {
	var wg sync.WaitGroup
	for range w.jobs {
		wg.Go(func() { w.work(q) })
	}
	stop := make(chan struct{})
	go w.watchLanes(q, stop)
	wg.Wait()
	close(stop)
}

// watchLanes wakes who waits when there are more lanes. It is not urgent: the
// tasks that are running use them, too.
func (w *Walker) watchLanes(q *queue, stop chan struct{}) {
	tick := time.NewTicker(lanesLook)
	defer tick.Stop()
	for before := w.lanes(); before < w.jobs; before = w.lanes() {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if w.lanes() > before {
			q.mu.Lock()
			q.wake.Broadcast()
			q.mu.Unlock()
		}
	}
}

func (w *Walker) work(q *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for (len(q.tasks) == 0 || q.running >= w.lanes()) && q.pending > 0 {
			q.wake.Wait()
		}
		if q.pending == 0 {
			return
		}
		task := q.tasks[len(q.tasks)-1]
		q.tasks = q.tasks[:len(q.tasks)-1]
		q.running++
		q.mu.Unlock()
		q.wake.Signal() // there may be more
		w.busy <- struct{}{}
		task()
		<-w.busy
		q.mu.Lock()
		q.running--
		if q.pending--; q.pending == 0 {
			q.wake.Broadcast()
		}
	}
}

// lanes is how many jobs there is any use in at present: while all that they ask
// for is in memory, no more than there are processors. More would only take
// turns, with the memory of each in use.
func (w *Walker) lanes() int { return min(w.jobs, runtime.GOMAXPROCS(0)) }

// maxChunk is how many entries of one directory a worker takes at a time at
// most. Fewer cost more hand-overs, more leave workers idle at the end of a
// repository. Of what is few, each worker gets its share.
const maxChunk = 32

// Each calls fn(i) for all i below n, in chunks that idle workers share; the
// caller, who is a worker, takes part. It stops early when ctx is done.
func (w *Walker) Each(ctx context.Context, n int, fn func(i int)) {
	w.parts(ctx, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			fn(i)
		}
	})
}

// parts is Each by chunks: fn gets the numbers from lo to below hi.
func (w *Walker) parts(ctx context.Context, n int, fn func(lo, hi int)) {
	w.Share(ctx, n, func(lo, hi int) {
		fn(lo, hi)
		w.Progress.Links.Add(int64(hi - lo))
	})
}

// Share is parts for things other than links: the progress does not count them.
func (w *Walker) Share(ctx context.Context, n int, fn func(lo, hi int)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	lanes := w.lanes()
	chunk := w.chunk(n, lanes)
	for lo := 0; lo < n && ctx.Err() == nil; lo += chunk {
		hi := min(lo+chunk, n)
		if hi == n {
			fn(lo, hi)
			return
		}
		if len(w.busy) >= lanes {
			fn(lo, hi)
			continue
		}
		select {
		case w.busy <- struct{}{}:
			wg.Go(func() {
				defer func() { <-w.busy }()
				fn(lo, hi)
			})
		default:
			fn(lo, hi)
		}
	}
}

// chunk is how many of n entries a worker takes at a time.
func (w *Walker) chunk(n, lanes int) int {
	if w.inOrder {
		return inARow
	}
	return min((n+lanes-1)/lanes, maxChunk)
}

// Unsettled reports whether an error may come from a registry that writes or
// deletes beside us, so that looking once more is due.
func Unsettled(err error) bool {
	return disk.Gone(err) || errors.Is(err, syscall.ESTALE)
}

// Pause waits for a registry's write that may be under way, before a file is
// looked at once more.
func (w *Walker) Pause() { time.Sleep(pause) }

// Jobs is how many file operations are worth having under way at a time, as far as
// that is known at present.
func (w *Walker) Jobs() int { return min(w.jobs, max(DefaultJobs, w.lanes())) }
