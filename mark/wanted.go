package mark

import (
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Wanted asks a Look which missing links a repository should have: links of
// digests that a tag or something live there names.
type Wanted struct {
	asked map[string][]layout.Digest

	mu    sync.Mutex
	found map[string]map[layout.Digest]bool
}

// NewWanted asks about digests, by repository.
func NewWanted(asked map[string][]layout.Digest) *Wanted {
	return &Wanted{asked: asked, found: map[string]map[layout.Digest]bool{}}
}

// Has reports whether something live in a repository names a digest.
func (w *Wanted) Has(repository string, d layout.Digest) bool {
	return w.found[repository][d]
}

// Observe is called by a Look.
func (w *Wanted) Observe(p *View) {
	asked := w.asked[p.r.Name]
	if len(asked) == 0 {
		return
	}
	named := map[layout.Digest]bool{}
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" && t.Link.State == walker.LinkGood {
			named[t.Link.Target] = true
		}
	}
	found := map[layout.Digest]bool{}
	for _, d := range asked {
		if id := p.s.Table.Lookup(d); named[d] || id != 0 && p.isLive(id) {
			found[d] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found[p.r.Name] = found
}

// IsLive reports whether anything that is live names a digest, whether or not
// its blob is in the store.
func (l *Look) IsLive(d layout.Digest) bool {
	id := l.Store.Table.Lookup(d)
	return id != 0 && l.Store.Table.At(id).reason() != Dead
}
