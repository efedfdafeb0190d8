package e2e

import (
	"math/rand"
	"sync"
	"time"
)

// besideBound is how long an image may be hidden beside a sweep: a batch, which
// lasts a second, the check after it, and what a slow machine adds.
const besideBound = 3 * time.Second

// hidden is how often and how long images could not be pulled that are there.
type hidden struct {
	mu      sync.Mutex
	times   int
	longest time.Duration
}

func (h *hidden) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.times++
	h.longest = max(h.longest, d)
}

func (h *hidden) said() (times int, longest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.times, h.longest
}

// watch looks at pictures at random, whether they can be pulled.
func (b *beside) watch(random *rand.Rand) {
	for !b.stopped() {
		if i := b.album.any(random); i != nil {
			b.see(i)
			i.Unlock()
		}
		b.pause(time.Duration(random.Intn(20)) * time.Millisecond)
	}
}

// see looks whether a picture that is there can be pulled, and if not, for how long.
// A registry that is being restarted answers nothing, which is not looked at.
func (b *beside) see(i *picture) {
	if !i.there {
		return
	}
	begin := time.Now()
	for first := true; ; first = false {
		if !b.hides(i) {
			if !first {
				b.hidden.add(time.Since(begin))
			}
			return
		}
		if d := time.Since(begin); d > besideBound {
			b.hidden.add(d)
			b.t.Errorf("%s:%s (%s) is hidden for %v already (pushed %v ago)", i.repository, i.tag, i.kind, d, time.Since(i.pushed))
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// hides reports whether the registry answers 404 to something that a picture needs.
func (b *beside) hides(i *picture) bool {
	if _, err := b.api().Manifest(i.repository, i.tag); isNotFound(err) {
		return true
	}
	for _, p := range append(i.children[:len(i.children):len(i.children)], i.plate) {
		if _, err := b.api().Manifest(i.repository, p.digest); isNotFound(err) {
			return true
		}
		for _, blob := range p.blobs {
			if _, ok, err := b.api().HasBlob(i.repository, blob.digest); err == nil && !ok {
				return true
			}
		}
	}
	return false
}
