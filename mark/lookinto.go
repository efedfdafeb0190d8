package mark

import (
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Together tells several observers about one Look.
func Together(observers ...Observer) Observer { return together(observers) }

type together []Observer

func (t together) begin() {
	for _, o := range t {
		if b, ok := o.(interface{ begin() }); ok {
			b.begin()
		}
	}
}

func (t together) observe(p *view) {
	for _, o := range t {
		o.observe(p)
	}
}

// Sharing asks a Look which other images need the layers of one.
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
	s.begin()
	return s
}

func (s *Sharing) begin() { s.with = map[layout.Digest]map[string]bool{} }

func (s *Sharing) observe(p *view) {
	g := &keeping{view: p}
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

// With are the names of the other images that need a layer, sorted: NAME:TAG, or
// NAME@DIGEST of an image without a tag that is in no index.
func (s *Sharing) With(layer layout.Digest) []string {
	names := make([]string, 0, len(s.with[layer]))
	for name := range s.with[layer] {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

// Histories asks a Look what the tags of some repositories named.
type Histories struct {
	wants func(repository, tag string) bool

	mu    sync.Mutex
	repos map[string][]TagHistoryOf
}

// TagHistoryOf is what one tag named, the last first.
type TagHistoryOf struct {
	Name    string
	Digest  layout.Digest // what it names now; zero if that cannot be read
	Entries []TagEntry
}

// TagEntry is a manifest that a tag named.
type TagEntry struct {
	Digest layout.Digest
	Set    int64 // when the tag was last set to it, in nanoseconds since 1970
	Linked bool  // it is linked in the repository
	Stored bool  // its blob is in the store
}

// NewHistories asks about the tags that are wanted.
func NewHistories(wants func(repository, tag string) bool) *Histories {
	h := &Histories{wants: wants}
	h.begin()
	return h
}

func (h *Histories) begin() { h.repos = map[string][]TagHistoryOf{} }

func (h *Histories) observe(p *view) {
	var wanted []*tag
	for i := range p.tags {
		if t := &p.tags[i]; t.Taken == "" && h.wants(p.r.Name, t.Name) {
			wanted = append(wanted, t)
		}
	}
	if len(wanted) == 0 {
		return
	}
	list := make([]TagHistoryOf, len(wanted))
	p.w.Each(p.ctx, len(wanted), func(i int) { list[i] = p.historyOf(wanted[i]) })
	slices.SortFunc(list, func(a, b TagHistoryOf) int { return strings.Compare(a.Name, b.Name) })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repos[p.r.Name] = list
}

// historyOf reads a tag's history. It is called concurrently.
func (p *facts) historyOf(t *tag) TagHistoryOf {
	h := TagHistoryOf{Name: t.Name, Digest: t.Link.Target}
	p.r.AllHistory(p.ctx, &t.Tag, func(_ string, entries []walker.Revision) {
		for i := range entries {
			if e := &entries[i]; e.Link.State == walker.LinkGood {
				h.Entries = append(h.Entries, TagEntry{Digest: e.Link.Target, Set: e.Link.MTime, Linked: p.find(e.Link.Target) >= 0, Stored: p.isStored(e.Link.Target)})
			}
		}
	})
	slices.SortStableFunc(h.Entries, func(a, b TagEntry) int {
		switch {
		case a.Set > b.Set:
			return -1
		case a.Set < b.Set:
			return 1
		}
		return a.Digest.Compare(b.Digest)
	})
	return h
}

func (p *visit) isStored(d layout.Digest) bool {
	id := p.s.Table.Lookup(d)
	return id != 0 && p.s.Table.At(id).has(hasBlob)
}

// Of is what was found of one repository, sorted by tag.
func (h *Histories) Of(repository string) []TagHistoryOf { return h.repos[repository] }
