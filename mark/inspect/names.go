package inspect

import (
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
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

// Begin is called by a Look.
func (n *Names) Begin() { n.repos = nil }

// Observe is called by a Look.
func (n *Names) Observe(p *mark.View) {
	in := NamesIn{Repository: p.Repository()}
	if n.wants(in.Repository) {
		for _, t := range p.Tags() {
			in.Tags = append(in.Tags, TagName{t.Name, t.Link.Target})
		}
		for i := range int32(p.Manifests()) {
			if m := p.Manifest(i); m.Here && !m.AsLayer {
				in.Manifests = append(in.Manifests, m.Digest)
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
