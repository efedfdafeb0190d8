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
	repository string

	mu     sync.Mutex
	pushed map[string]int64
	bare   map[string]int // manifests without a tag
	count  map[ID]uint32  // in how many repositories' manifests, each once, a digest is named
	held   map[ID]bool    // what something else than a manifest keeps
	graph  *keepGraph     // of the repository; nil if there is none
}

// NewSurvey asks about all repositories and, unless it is "", the manifests of one.
func NewSurvey(repository string) *Survey {
	return &Survey{repository: repository, pushed: map[string]int64{}, bare: map[string]int{}, count: map[ID]uint32{}, held: map[ID]bool{}}
}

// Pushed is when something was last pushed to a repository, in nanoseconds
// since 1970: the time of its newest tag or manifest link; 0 if it has none.
func (s *Survey) Pushed(repository string) int64 { return s.pushed[repository] }

// Untagged is how many manifests of a repository have no tag.
func (s *Survey) Untagged(repository string) int { return s.bare[repository] }

func (s *Survey) observe(p *pass) {
	pushed := int64(0)
	for i := range p.nodes {
		if n := &p.nodes[i]; n.isHere() && !n.layer {
			pushed = max(pushed, n.mtime)
		}
	}
	for i := range p.tags {
		if t := &p.tags[i]; t.Taken == "" {
			pushed = max(pushed, t.Link.MTime)
		}
	}
	counted, held := map[ID]uint32{}, []ID(nil)
	if s.repository != "" {
		counted, held = p.countNames()
	}
	var g *keepGraph
	if p.r.Name == s.repository {
		g = newGraph(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushed[p.r.Name], s.bare[p.r.Name] = pushed, p.totals.Untagged
	for id, n := range counted {
		s.count[id] += n
	}
	for _, id := range held {
		s.held[id] = true
	}
	if g != nil {
		s.graph = g
	}
}

// countNames counts how many of the repository's manifests name each digest,
// and finds what stays whichever of them goes.
func (p *pass) countNames() (count map[ID]uint32, held []ID) {
	count = map[ID]uint32{}
	for i := range p.nodes {
		if p.nodes[i].aside && p.nodes[i].why == Dead {
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
	Pushed int64    // when its link was written, in nanoseconds since 1970
	// Bytes are those of everything that it reaches, itself included.
	Bytes int64
	// UniqueBytes are those that its removal alone would free.
	UniqueBytes int64
	Subject     layout.Digest   // or zero
	Referrers   []layout.Digest // linked manifests whose subject it is, sorted
	Unread      string          // why it cannot be read, or ""
}

// Manifests describes the repository's manifests, sorted by digest; ok is false
// if there is no such repository.
func (s *Survey) Manifests(l *Look) (list []ManifestInfo, ok bool) {
	g := s.graph
	if g == nil {
		return nil, false
	}
	c := &counter{s: s, g: g, look: l, nodes: make([]int32, len(g.nodes)), blobs: map[ID]int32{}, within: make([]int, len(g.nodes)), stays: make([]bool, len(g.nodes))}
	for i := range g.nodes {
		n := &g.nodes[i]
		if !n.here {
			continue
		}
		m := ManifestInfo{Digest: n.digest, Tags: n.tags, Pushed: n.mtime, Unread: n.unread}
		if len(n.subjects) > 0 {
			m.Subject = n.subjects[0]
		}
		for _, e := range n.keeps {
			if e.role == Referrer {
				m.Referrers = append(m.Referrers, g.nodes[e.to].digest)
			}
		}
		slices.SortFunc(m.Referrers, layout.Digest.Compare)
		m.Bytes, m.UniqueBytes = c.reached(int32(i)), c.unique(int32(i))
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b ManifestInfo) int { return a.Digest.Compare(b.Digest) })
	return list, true
}
