package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
)

// ManifestInfo is what a Survey knows about a manifest. Sizes are in bytes.
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

// Frees returns what the removal of each manifest alone would free, by digest.
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
	return &counter{s: s, g: g, look: l, nodes: make([]int32, len(g.nodes)), blobs: map[ID]int32{}, within: make([]int, len(g.nodes)), kept: make([]bool, len(g.nodes))}
}
