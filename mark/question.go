package mark

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Question asks a Look what keeps a digest alive.
type Question struct {
	digest layout.Digest

	mu     sync.Mutex
	linked bool
	paths  []foundPath
	until  int64 // the latest of the times at which a link is too old to keep it
	broken []string
}

type foundPath struct {
	repository string
	steps      []string
}

// NewQuestion asks about one digest.
func NewQuestion(d layout.Digest) *Question { return &Question{digest: d} }

// Answer says what keeps a digest alive.
type Answer struct {
	Known bool // there is such a blob, or a link or manifest names it
	Here  bool // its blob is in the store
	Live  bool
	// Paths lead to it, one for each repository that keeps it, sorted: from
	// NAME:TAG, or NAME@DIGEST of an untagged manifest, down to the digest.
	Paths [][]string
	// Until is when it is too old to be kept for its age alone, or the zero time.
	Until time.Time
	// Broken are repositories that cannot be understood in full and may need it.
	Broken []string
}

// place is a node, or a digest that is none.
type place struct {
	node int32 // -1 for a digest
	id   ID
}

// observe finds the shortest path in one repository: from a tag if one leads
// there, else from an untagged manifest.
func (q *Question) observe(p *pass) {
	id := p.s.Table.Lookup(q.digest)
	if id == 0 {
		return
	}
	target := place{-1, id}
	if at, ok := p.linked(id); ok {
		target = place{node: at}
	}
	tags := p.tagsOf()
	steps := p.path(target, p.tagged(tags), func(at int32) []string {
		return []string{p.r.Name + ":" + tags[at][0], p.s.Table.Digest(p.nodes[at].path).String()}
	})
	if steps == nil {
		steps = p.path(target, p.untagged(tags), func(at int32) []string {
			return []string{p.r.Name + "@" + p.s.Table.Digest(p.nodes[at].path).String()}
		})
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if steps != nil {
		q.paths = append(q.paths, foundPath{p.r.Name, steps})
	}
	if steps == nil && p.keep != Dead && p.isLive(id) {
		q.broken = append(q.broken, p.r.Name)
	}
	for _, l := range p.noted {
		if l.id == id || l.target == id {
			q.linked = true
			if l.mtime > 0 {
				q.until = max(q.until, p.linkUntil(l.mtime))
			}
		}
	}
	for _, i := range p.layersGo {
		q.linked = q.linked || i.ID == id || ID(i.Extra) == id
	}
}

// linkUntil is when a layer link is too old to keep its blob.
func (p *pass) linkUntil(mtime int64) int64 {
	if p.uploading {
		return mtime + int64(max(p.l.rules.Grace, p.l.rules.UploadsOlderThan))
	}
	return mtime + int64(p.l.rules.Grace)
}

// tagged returns the nodes with tags, in the order of their first tags.
func (p *pass) tagged(tags map[int32][]string) (roots []place) {
	for at := range tags {
		roots = append(roots, place{node: at})
	}
	slices.SortFunc(roots, func(a, b place) int { return strings.Compare(tags[a.node][0], tags[b.node][0]) })
	return roots
}

// untagged returns the nodes without tags, in the order of their digests.
func (p *pass) untagged(tags map[int32][]string) (roots []place) {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.isHere() && !n.layer && tags[int32(i)] == nil {
			roots = append(roots, place{node: int32(i)})
		}
	}
	slices.SortFunc(roots, func(a, b place) int {
		return p.s.Table.Digest(p.nodes[a.node].path).Compare(p.s.Table.Digest(p.nodes[b.node].path))
	})
	return roots
}

// path returns the steps of a shortest way from one of the roots.
func (p *pass) path(target place, roots []place, name func(int32) []string) []string {
	found := Path(roots, target, func(from place, push func(place)) {
		if from.node < 0 {
			return
		}
		p.eachName(from.node, func(id ID) {
			if _, ok := p.linked(id); !ok {
				push(place{-1, id})
			}
			p.follow(id, func(at int32) { push(place{node: at}) })
		})
	})
	if found == nil {
		return nil
	}
	steps := name(found[0].node)
	for _, s := range found[1:] {
		id := s.id
		if s.node >= 0 {
			id = p.nodes[s.node].path
		}
		steps = append(steps, p.s.Table.Digest(id).String())
	}
	return steps
}

// Answer is what the look found.
func (q *Question) Answer(ctx context.Context, l *Look) Answer {
	a := Answer{Broken: q.broken}
	slices.SortFunc(q.paths, func(x, y foundPath) int { return strings.Compare(x.repository, y.repository) })
	for _, p := range q.paths {
		a.Paths = append(a.Paths, p.steps)
	}
	slices.Sort(a.Broken)
	id := l.Store.Table.Lookup(q.digest)
	if id == 0 {
		return a
	}
	r := l.Store.Table.At(id)
	a.Here = r.has(hasBlob)
	a.Live = len(a.Paths) > 0 || a.Here && r.reason() != Dead || len(a.Broken) > 0
	a.Known = a.Live || a.Here || q.linked
	until := q.until
	if r.has(hasBlob|isFresh) && ctx.Err() == nil {
		if b, ok := l.w.StatBlob(q.digest); ok && b.State != walker.BlobSpecial {
			until = max(until, b.MTime+int64(l.rules.Grace))
		}
	}
	if until > 0 {
		a.Until = time.Unix(0, until).UTC()
	}
	return a
}

// Match returns the digests of blobs that begin like this, sorted: the
// beginning of a digest, with or without its algorithm.
func (s *Store) Match(prefix string) (found []layout.Digest) {
	t := Target{Prefix: prefix}
	for id, r := range s.Table.All() {
		if d := s.Table.Digest(id); r.has(hasBlob) && t.matches(d) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, layout.Digest.Compare)
	return found
}
