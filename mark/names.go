package mark

import (
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// Names asks a Look which repositories there are, and for the tags and
// manifests of some of them.
type Names struct {
	wants func(repository string) bool

	mu    sync.Mutex
	repos []NamesIn
}

// NamesIn are the names in one repository, sorted; none unless they were wanted.
type NamesIn struct {
	Repository string
	Tags       []TagName
	Manifests  []layout.Digest // by which they are linked
}

// TagName is a tag with what it names; the zero Digest if that cannot be read.
type TagName struct {
	Name   string
	Digest layout.Digest
}

// NewNames asks for the tags and manifests of the repositories that are wanted.
func NewNames(wants func(repository string) bool) *Names { return &Names{wants: wants} }

func (n *Names) begin() { n.repos = nil }

func (n *Names) observe(p *view) {
	in := NamesIn{Repository: p.r.Name}
	if n.wants(p.r.Name) {
		for i := range p.tags {
			if t := &p.tags[i]; t.Taken == "" {
				in.Tags = append(in.Tags, TagName{t.Name, t.Link.Target})
			}
		}
		for i := range p.nodes {
			if d := &p.nodes[i]; d.isHere() && !d.link.has(linkAsLayer) {
				in.Manifests = append(in.Manifests, p.s.Table.Digest(d.path))
			}
		}
		slices.SortFunc(in.Tags, func(a, b TagName) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(in.Manifests, layout.Digest.Compare)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.repos = append(n.repos, in)
}

// All are the repositories, sorted by name.
func (n *Names) All() []NamesIn {
	slices.SortFunc(n.repos, func(a, b NamesIn) int { return strings.Compare(a.Repository, b.Repository) })
	return n.repos
}

// Match returns the digests of blobs that begin like this, sorted: the
// beginning of a digest, with or without its algorithm. If no blob does, it
// returns those of what is only named, as far as a Look has found such.
func (s *Store) Match(prefix string) (found []layout.Digest) {
	var named []layout.Digest
	for id, r := range s.Table.All() {
		d := s.Table.Digest(id)
		switch {
		case !strings.HasPrefix(d.String(), prefix) && !strings.HasPrefix(d.Hex(), prefix):
		case r.has(hasBlob):
			found = append(found, d)
		default:
			named = append(named, d)
		}
	}
	if len(found) == 0 {
		found = named
	}
	slices.SortFunc(found, layout.Digest.Compare)
	return found
}
