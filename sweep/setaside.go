package sweep

import (
	"slices"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/work"
)

// setAside renames all items of the plan, looks at the repositories again, and
// gives back the names of what has become live. If it cannot look, it gives
// back all names. Meanwhile it checks what has been pushed, so that a push that
// relies on such an item is not hidden until the end.
func (r *run) setAside() error {
	r.progress.enter(SettingAside)
	r.clearTags()
	r.setAsideMarked()
	r.setAsideLinks()
	r.lastName = r.pace.now()
	r.each(mark.Upload, planned, r.removeUpload)
	r.each(mark.Temporary, planned, r.removeTemporary)
	err := r.sync()
	if err == nil && !r.stopped() {
		r.check()
		if r.setAsideBlobs(); r.anyAside(mark.Blob) {
			r.lastName = r.pace.now()
			r.check()
		}
		r.progress.enter(Waiting)
		r.wait()
		r.progress.enter(LookingOnceMore)
		err = r.giveBackLive()
	}
	if err != nil || r.stopped() {
		r.giveBack(r.allAside())
		r.undone = true
	}
	return err
}

// setAsideBlobs sets the blobs aside in batches, with a check after each batch.
func (r *run) setAsideBlobs() {
	lo, hi := r.kindRange(mark.Blob)
	r.batches(hi-lo, fewAtATime, func(c *cache, i int) { r.one(c, lo+i, planned, setAside, r.setAsideBlob) })
}

// largeRepository is how many names of one repository are worth all workers.
const largeRepository = 4 * work.ChunkSize

// setAsideLinks sets tags and links aside, one repository after another, with a
// check just before and after each. Several small repositories are done at the
// same time. A large one gets all workers.
func (r *run) setAsideLinks() {
	var small, large []*mark.Place
	for _, p := range r.recheck.Places() {
		switch n := r.linksOf(p); {
		case n >= largeRepository:
			large = append(large, p)
		case n > 0:
			small = append(small, p)
		}
	}
	r.batches(len(small), 1, func(c *cache, i int) {
		r.setAsideLinksOf(c, small[i], func(lo, hi int, fn func(c *cache, at int)) {
			for at := lo; at < hi; at++ {
				fn(c, at)
			}
		})
	})
	for _, p := range large {
		c := &cache{r: r}
		r.setAsideLinksOf(c, p, func(lo, hi int, fn func(c *cache, at int)) {
			c.Close()
			r.batches(hi-lo, fewAtATime, func(c *cache, i int) { fn(c, lo+i) })
		})
		c.Close()
	}
}

// setAsideLinksOf sets a repository's tags and links aside: manifests before their
// children, and all of them before the layers. each calls a function for the
// items from one to below another.
func (r *run) setAsideLinksOf(c *cache, p *mark.Place, each func(lo, hi int, fn func(c *cache, at int))) {
	r.checkPlace(c, p, false)
	all := func(kind mark.Kind, to outcome, do step) {
		lo, hi := r.within(kind, p.Repo)
		each(lo, hi, func(c *cache, at int) { r.one(c, at, planned, to, do) })
	}
	all(mark.Tag, setAside, r.setAsideTag)
	before := r.countKept(mark.Manifest, p)
	for lo, end := r.within(mark.Manifest, p.Repo); lo < end; {
		hi := lo
		for hi < end && r.items[hi].Extra == r.items[lo].Extra {
			hi++ // these cannot name each other
		}
		each(lo, hi, func(c *cache, at int) { r.one(c, at, planned, setAside, r.setAsideManifest) })
		lo = hi
	}
	if r.countKept(mark.Manifest, p) > before {
		r.checkPlace(c, p, false) // its layers are needed by now
	}
	all(mark.TagHistory, removed, r.removeHistory)
	all(mark.LayerLink, setAside, r.setAsideLayer)
	r.checkPlace(c, p, true)
}

// countKept returns how many items of a kind a repository keeps, though they are
// in the plan.
func (r *run) countKept(kind mark.Kind, p *mark.Place) (n int) {
	lo, hi := r.within(kind, p.Repo)
	for at := lo; at < hi; at++ {
		if r.done[at] == kept {
			n++
		}
	}
	return n
}

// linksOf is how many names a repository may lose.
func (r *run) linksOf(p *mark.Place) (n int) {
	if p.Repo == mark.NoRepo {
		return 0
	}
	for _, kind := range []mark.Kind{mark.Tag, mark.Manifest, mark.TagHistory, mark.LayerLink} {
		lo, hi := r.within(kind, p.Repo)
		n += hi - lo
	}
	return n
}

// wait gives a registry time to link what it found just before that was set
// aside. The registry may have found any of the items, up to the moment in
// which the last of them was renamed.
func (r *run) wait() {
	if !r.anyAside(mark.Manifest, mark.LayerLink, mark.Blob) {
		return
	}
	for !r.stopped() {
		left := r.pace.Settle - r.pace.now().Sub(r.lastName)
		if left <= 0 {
			break
		}
		r.pace.wait(r.ctx, min(left, r.batch))
		r.check()
	}
}

// anyAside reports whether anything of some kinds may have been set aside. A
// rename that failed may still have taken place.
func (r *run) anyAside(kinds ...mark.Kind) bool {
	for i := range r.items {
		if (r.done[i] == setAside || r.done[i] == failed) && slices.Contains(kinds, r.items[i].Kind) {
			return true
		}
	}
	return false
}

// sync waits until the removal of links is on the disk. No power cut may bring
// back a link whose blob was removed.
func (r *run) sync() error {
	for _, path := range r.devices {
		d, err := r.lock.Open(path...)
		if err != nil {
			return err
		}
		err = d.Sync()
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
