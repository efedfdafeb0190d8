package sweep

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/work"
	"github.com/regsweep/regsweep/walker/disk"
)

// fewAtATime is how many items a worker takes in a row where a batch may end.
const fewAtATime = work.ChunkSize / 4

// batches calls fn for all i below n, concurrently, some in a row at a time.
// After each batch it checks what has been pushed.
func (r *run) batches(n, inARow int, fn func(c *cache, i int)) {
	for at := 0; at < n && !r.stopped(); {
		if at = r.oneBatch(at, n, inARow, fn); at < n {
			r.check()
		}
	}
}

// oneBatch calls fn from a number on until the batch's time is over, or all below
// n are done, and returns the first that is not.
func (r *run) oneBatch(from, n, inARow int, fn func(c *cache, i int)) int {
	end := r.pace.now().Add(r.batch)
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range min(r.w.Jobs(), (n-from+inARow-1)/inARow) {
		wg.Go(func() {
			c := &cache{r: r}
			defer c.Close()
			for {
				hi := int(next.Add(int64(inARow)))
				for i := hi - inARow; i < min(hi, n); i++ {
					fn(c, i)
				}
				c.Tell()
				if hi >= n || !r.pace.now().Before(end) {
					return
				}
			}
		})
	}
	wg.Wait()
	return min(int(next.Load()), n)
}

// check looks in all repositories for what has been pushed, and keeps or gives
// back what that needs. The next batch lasts at least as long as this check
// took, so that checks take at most half of the time.
func (r *run) check() {
	if r.pace.Alone || r.stopped() {
		return
	}
	began := r.pace.now()
	places := r.recheck.Places()
	work.InChunks(r.w.Jobs(), len(places), func() *cache { return &cache{r: r} }, func(c *cache, i int) {
		r.checkPlace(c, places[i], false)
	})
	r.batch = max(r.pace.batch(), r.pace.now().Sub(began))
}

// checkPlace checks one repository. It only keeps items and gives names back.
// The look at all repositories decides about what it does not see or cannot
// give back.
func (r *run) checkPlace(c *cache, p *mark.Place, closely bool) {
	if r.pace.Alone || r.stopped() {
		return
	}
	links := r.links(p)
	links.Closely = closely
	if ids := r.recheck.Referenced(r.ctx, p, links); len(ids) > 0 {
		for _, at := range r.needed(p, ids) {
			r.keep(c, at)
		}
	}
}

// links returns the manifest and layer links of a repository that are to be
// removed, and those that were to be removed and have been written meanwhile.
func (r *run) links(p *mark.Place) mark.Links {
	if p.Repo == mark.NoRepo {
		return mark.Links{}
	}
	manifests, end := r.within(mark.Manifest, p.Repo)
	layers, last := r.within(mark.LayerLink, p.Repo)
	return mark.Links{N: end - manifests + last - layers, At: func(i int) (*mark.Item, bool) {
		at := manifests + i
		if at >= end {
			at += layers - end
		}
		switch r.done[at] {
		case planned:
			return &r.items[at], r.items[at].Aside
		case setAside, kept:
			return &r.items[at], r.done[at] == setAside
		}
		return nil, false
	}}
}

// needed are the items that digests need which a repository references: blobs
// first, then layer links, then manifests, children before parents.
func (r *run) needed(p *mark.Place, ids []mark.ID) (needed []int) {
	named := make(map[mark.ID]bool, len(ids))
	for _, id := range ids {
		named[id] = true
	}
	var links []int
	if p.Repo != mark.NoRepo {
		for _, kind := range []mark.Kind{mark.LayerLink, mark.TagHistory, mark.Manifest} {
			lo, hi := r.within(kind, p.Repo)
			for at := hi - 1; at >= lo; at-- {
				i := &r.items[at]
				if !named[i.ID] {
					continue
				}
				links = append(links, at)
				if kind == mark.LayerLink && !named[mark.ID(i.Extra)] {
					ids = append(ids, mark.ID(i.Extra)) // the blob has another digest than its link
				}
			}
		}
	}
	lo, hi := r.kindRange(mark.Blob)
	for _, id := range ids {
		if at, ok := slices.BinarySearchFunc(r.items[lo:hi], id, r.look.CompareBlob); ok {
			needed = append(needed, lo+at)
		}
	}
	return append(needed, links...)
}

// keep keeps an item, or gives its name back. Several repositories may need
// one blob.
func (r *run) keep(c *cache, at int) {
	i := &r.items[at]
	r.mu.Lock()
	was := r.done[at]
	if was == planned || was == setAside {
		r.done[at] = kept
	}
	r.mu.Unlock()
	if was != setAside && (was != planned || !i.Aside) {
		return
	}
	e := &entry{r.look, *i}
	err := r.giveBackOne(c, e)
	if disk.Gone(err) {
		// One wrong answer of the filesystem is not believed.
		c.Close()
		err = r.giveBackOne(c, e)
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done[at] = was // the look finds that it is needed
		return
	}
	if i.Kind == mark.Blob {
		r.look.Store.SetBack(i.ID)
	}
}
