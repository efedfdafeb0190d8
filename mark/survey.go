package mark

import (
	"slices"
	"sync"
)

// Survey asks a Look about sizes: when each repository was last pushed to, and
// of one of them what every manifest reaches and what only it keeps. It costs
// no second walk: it counts, over all repositories, how many manifests name
// each blob. What the removal of one manifest frees is then what the manifests
// that are removed with it name as often as all do.
type Survey struct {
	repositories []string

	mu     sync.Mutex
	pushed map[string]int64
	bare   map[string]int        // manifests without a tag
	count  map[ID]uint32         // in how many repositories' manifests, each once, a digest is named
	kept   map[ID]bool           // what something else than a manifest keeps
	graphs map[string]*keepGraph // of the repositories, by name
	linked map[ID]bool           // what layer links name and no live manifest may
	// steps counts the work of finding what only a manifest keeps.
	steps int
	// protected are the patterns of the lines that protect something, by repository.
	protected map[string][]string
}

// NewSurvey asks about all repositories and, for the named ones, about their
// manifests.
func NewSurvey(repositories ...string) *Survey {
	s := &Survey{repositories: repositories}
	s.Begin()
	return s
}

// Begin forgets the results of a Look that has to be made again.
func (s *Survey) Begin() {
	s.pushed, s.bare, s.count, s.kept = map[string]int64{}, map[string]int{}, map[ID]uint32{}, map[ID]bool{}
	s.graphs, s.linked = map[string]*keepGraph{}, map[ID]bool{}
	s.protected = map[string][]string{}
}

// Pushed returns the time of the last push to a repository, in nanoseconds since
// 1970: the time of its newest tag or manifest link, or 0 if it has none.
func (s *Survey) Pushed(repository string) int64 { return s.pushed[repository] }

// Untagged returns how many manifests of a repository have no tag.
func (s *Survey) Untagged(repository string) int { return s.bare[repository] }

// Protected returns the patterns of the lines that protect something in a
// repository, each once, in their order.
func (s *Survey) Protected(repository string) []string { return s.protected[repository] }

// Observe is called by a Look.
func (s *Survey) Observe(p *View) {
	pushed := int64(0)
	for i := range p.nodes {
		if n := &p.nodes[i]; n.isHere() && !n.link.has(linkAsLayer) {
			pushed = max(pushed, n.mtime)
		}
	}
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" {
			pushed = max(pushed, t.Link.MTime)
		}
	}
	counted, kept := map[ID]uint32{}, []ID(nil)
	if len(s.repositories) > 0 {
		counted, kept = p.countNames()
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
	for _, id := range kept {
		s.kept[id] = true
	}
	if g != nil {
		s.graphs[p.r.Name] = g
	}
	for _, i := range p.deadLayers {
		s.linked[i.ID], s.linked[ID(i.Extra)] = true, true
	}
	for _, l := range p.noted {
		s.linked[l.id], s.linked[l.target] = true, true
	}
}

// Nowhere counts the blobs that no repository references or links, and their bytes
// that are garbage.
func (s *Survey) Nowhere(l *Look) (blobs, bytes, reclaimable int64) {
	l.EachUnowned(func(b BlobInfo) {
		if s.linked[b.ID] {
			return
		}
		blobs++
		bytes += b.Size
		if b.Reason == Dead {
			reclaimable += b.Size
		}
	})
	return blobs, bytes, reclaimable
}

// countNames counts how many of the repository's manifests name each digest,
// and finds what is kept whichever of them is removed.
func (p *garbage) countNames() (count map[ID]uint32, kept []ID) {
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
		if kept = append(kept, l.id); l.target != 0 {
			kept = append(kept, l.target)
		}
	}
	if p.keep != Dead || p.r.Linked {
		for id := range count {
			kept = append(kept, id)
		}
	}
	return count, kept
}
