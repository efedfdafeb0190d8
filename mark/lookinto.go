package mark

import (
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// Together tells several observers about one Look.
func Together(observers ...Observer) Observer { return together(observers) }

type together []Observer

func (t together) Begin() {
	for _, o := range t {
		if b, ok := o.(interface{ Begin() }); ok {
			b.Begin()
		}
	}
}

func (t together) Observe(p *View) {
	for _, o := range t {
		o.Observe(p)
	}
}

// Sharing asks a Look which other images need the layers of an image.
type Sharing struct {
	repository string
	image      layout.Digest
	layers     []layout.Digest

	mu   sync.Mutex
	with map[layout.Digest]map[string]bool
}

// NewSharing asks about layers of an image, or of the images of an index.
func NewSharing(repository string, image layout.Digest, layers []layout.Digest) *Sharing {
	s := &Sharing{repository: repository, image: image, layers: layers}
	s.Begin()
	return s
}

// Begin is called by a Look.
func (s *Sharing) Begin() { s.with = map[layout.Digest]map[string]bool{} }

// Observe is called by a Look.
func (s *Sharing) Observe(p *View) {
	g := &keeping{View: p}
	for _, d := range s.layers {
		id := p.s.Table.Lookup(d)
		if id == 0 || p.here.get(id).reasons == 0 {
			continue
		}
		for _, name := range g.imagesAbove(id, s) {
			s.add(d, name)
		}
	}
}

func (s *Sharing) add(layer layout.Digest, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.with[layer] == nil {
		s.with[layer] = map[string]bool{}
	}
	s.with[layer][name] = true
}

// imagesAbove are the names of the images that need a layer, but not of the one
// that was asked about.
func (g *keeping) imagesAbove(id ID, s *Sharing) (names []string) {
	l := g.climbTo(id)
	for _, at := range l.order {
		n := &g.nodes[at]
		if g.r.Name == s.repository && g.s.Table.Digest(n.path) == s.image || !n.isHere() {
			continue
		}
		for _, t := range g.byNode[at] {
			names = append(names, g.r.Name+":"+t.Name)
		}
		if len(g.byNode[at]) == 0 && len(g.up[at]) == 0 {
			names = append(names, g.nameOf(at))
		}
	}
	return names
}

// With returns the names of the other images that need a layer, sorted: NAME:TAG,
// or NAME@DIGEST for an image without a tag that is in no index.
func (s *Sharing) With(layer layout.Digest) []string {
	names := make([]string, 0, len(s.with[layer]))
	for name := range s.with[layer] {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
