package mark

import (
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// Survey asks a Look about sizes: when each repository was last pushed to, and
// of one of them what every manifest reaches and what only it keeps. It costs
// no second walk: it counts, over all repositories, how many manifests name
// each blob. What the removal of one manifest frees is then what the manifests
// that go with it name as often as all do.
type Survey struct {
	repositories []string

	mu     sync.Mutex
	pushed map[string]int64
	bare   map[string]int        // manifests without a tag
	count  map[ID]uint32         // in how many repositories' manifests, each once, a digest is named
	held   map[ID]bool           // what something else than a manifest keeps
	graphs map[string]*keepGraph // of the repositories, by name
	linked map[ID]bool           // what layer links name and no live manifest may
	// steps counts the work of finding what only a manifest keeps.
	steps int
	// protected are the patterns of the lines that protect something, by repository.
	protected map[string][]string
}

// NewSurvey asks about all repositories and, of those that are named, about the manifests.
func NewSurvey(repositories ...string) *Survey {
	s := &Survey{repositories: repositories}
	s.begin()
	return s
}

// begin forgets what a Look has told that has to be made again.
func (s *Survey) begin() {
	s.pushed, s.bare, s.count, s.held = map[string]int64{}, map[string]int{}, map[ID]uint32{}, map[ID]bool{}
	s.graphs, s.linked = map[string]*keepGraph{}, map[ID]bool{}
	s.protected = map[string][]string{}
}

// Pushed is when something was last pushed to a repository, in nanoseconds
// since 1970: the time of its newest tag or manifest link; 0 if it has none.
func (s *Survey) Pushed(repository string) int64 { return s.pushed[repository] }

// Untagged is how many manifests of a repository have no tag.
func (s *Survey) Untagged(repository string) int { return s.bare[repository] }

// Protected are the patterns of the lines that protect something of a
// repository, each once, in their order.
func (s *Survey) Protected(repository string) []string { return s.protected[repository] }

func (s *Survey) observe(p *view) {
	pushed := int64(0)
	for i := range p.nodes {
		if n := &p.nodes[i]; n.isHere() && !n.link.has(linkAsLayer) {
			pushed = max(pushed, n.mtime)
		}
	}
	for i := range p.tags {
		if t := &p.tags[i]; t.Taken == "" {
			pushed = max(pushed, t.Link.MTime)
		}
	}
	counted, held := map[ID]uint32{}, []ID(nil)
	if len(s.repositories) > 0 {
		counted, held = p.countNames()
	}
	protected := p.allLines()
	var g *keepGraph
	if slices.Contains(s.repositories, p.r.Name) {
		g = newGraph(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushed[p.r.Name], s.bare[p.r.Name] = pushed, p.totals.Untagged
	for id, n := range counted {
		s.count[id] += n
	}
	if len(protected) > 0 {
		s.protected[p.r.Name] = protected
	}
	for _, id := range held {
		s.held[id] = true
	}
	if g != nil {
		s.graphs[p.r.Name] = g
	}
	for _, i := range p.layersGo {
		s.linked[i.ID], s.linked[ID(i.Extra)] = true, true
	}
	for _, l := range p.noted {
		s.linked[l.id], s.linked[l.target] = true, true
	}
}

// Nowhere counts the blobs that no repository references or links, and of these
// the bytes that are garbage.
func (s *Survey) Nowhere(l *Look) (blobs, bytes, reclaimable int64) {
	for id, r := range l.Store.Table.All() {
		if !r.has(hasBlob) || r.has(isLate) || r.owner.Load() != 0 || s.linked[id] {
			continue
		}
		blobs++
		bytes += r.size
		if r.reason() == Dead && !r.has(isPinned) {
			reclaimable += r.size
		}
	}
	return blobs, bytes, reclaimable
}

// countNames counts how many of the repository's manifests name each digest,
// and finds what stays whichever of them goes.
func (p *garbage) countNames() (count map[ID]uint32, held []ID) {
	count = map[ID]uint32{}
	for i := range p.nodes {
		if p.nodes[i].link.has(linkAside) && p.nodes[i].why == Dead {
			continue
		}
		for _, id := range p.distinctNames(int32(i)) {
			count[id]++
		}
	}
	for _, l := range p.noted {
		if held = append(held, l.id); l.target != 0 {
			held = append(held, l.target)
		}
	}
	if p.keep != Dead || p.r.Linked {
		for id := range count {
			held = append(held, id)
		}
	}
	return count, held
}

// ManifestInfo is what a Survey tells of a manifest. Sizes are bytes.
type ManifestInfo struct {
	Digest layout.Digest
	Tags   []string // sorted
	Set    []int64  // when each of these was set, in nanoseconds since 1970
	Pushed int64    // when its link was written, in nanoseconds since 1970
	// Bytes are those that a pull of it transfers, of all platforms, each blob
	// once, itself included. Its referrers do not count.
	Bytes int64
	// UniqueBytes are those that its removal alone would free, with its referrers.
	UniqueBytes int64
	Protected   []string        // patterns of the lines that protect it, or a tag on it
	Subject     layout.Digest   // or zero
	Referrers   []layout.Digest // linked manifests whose subject it is, sorted
	Unread      string          // why it cannot be read, or ""
}

// Manifests describes a repository's manifests, sorted by digest; ok is false
// if there is no such repository, or it was not named to NewSurvey.
func (s *Survey) Manifests(l *Look, repository string) (list []ManifestInfo, ok bool) {
	g := s.graphs[repository]
	if g == nil {
		return nil, false
	}
	c := s.counter(l, g)
	unique := c.uniques()
	for i := range g.nodes {
		n := &g.nodes[i]
		if !n.here {
			continue
		}
		m := ManifestInfo{Digest: n.digest, Tags: n.tags, Set: n.set, Pushed: n.mtime, Unread: n.unread, Protected: n.protected}
		if len(n.subjects) > 0 {
			m.Subject = n.subjects[0]
		}
		for _, e := range n.keeps {
			if e.role == Referrer {
				m.Referrers = append(m.Referrers, g.nodes[e.to].digest)
			}
		}
		slices.SortFunc(m.Referrers, layout.Digest.Compare)
		m.Bytes, m.UniqueBytes = c.pulled(int32(i)), unique[i]
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b ManifestInfo) int { return a.Digest.Compare(b.Digest) })
	return list, true
}

// Frees is what the removal of one manifest alone would free, by digest.
func (s *Survey) Frees(l *Look, repository string, manifest layout.Digest) map[layout.Digest]bool {
	frees := map[layout.Digest]bool{}
	g := s.graphs[repository]
	if g == nil {
		return frees
	}
	for i := range g.nodes {
		if g.nodes[i].digest == manifest {
			s.counter(l, g).eachFreed(int32(i), func(id ID) { frees[l.Digest(id)] = true })
		}
	}
	return frees
}

func (s *Survey) counter(l *Look, g *keepGraph) *counter {
	return &counter{s: s, g: g, look: l, nodes: make([]int32, len(g.nodes)), blobs: map[ID]int32{}, within: make([]int, len(g.nodes)), stays: make([]bool, len(g.nodes))}
}
