package mark

import (
	"cmp"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
)

// keeping says what keeps what in one repository, from below: it follows the
// edges that marking follows, the other way.
type keeping struct {
	*View
	up      [][]int32 // of each manifest those that keep it; nil until it is asked for
	byNode  map[int32][]*tag
	subject map[int32][]int32 // of what a tag names, the images that the tag is about
}

// build turns the edges around.
func (g *keeping) build() {
	if g.up != nil {
		return
	}
	g.up, g.byNode, g.subject = make([][]int32, len(g.nodes)), map[int32][]*tag{}, map[int32][]int32{}
	for i := range g.nodes {
		from := int32(i)
		if g.nodes[i].root.has(rootSelected) {
			continue // nothing that it names is kept by it
		}
		g.eachName(from, func(id ID) {
			g.follow(id, func(to int32) {
				if to != from {
					g.up[to] = append(g.up[to], from)
				}
			})
		})
	}
	for i := range g.tags {
		t := &g.tags[i]
		if t.node < 0 || t.AsideName != "" {
			continue
		}
		g.byNode[t.node] = append(g.byNode[t.node], t)
		if s := g.imageOf(t); s >= 0 {
			g.up[t.node] = append(g.up[t.node], s)
			g.subject[t.node] = append(g.subject[t.node], s)
		}
	}
	for _, list := range g.byNode {
		slices.SortFunc(list, func(a, b *tag) int { return strings.Compare(a.Name, b.Name) })
	}
}

// imageOf is the manifest with which a tag is removed, or, of a recent tag, will be
// removed when it is old. It is -1 if the tag has no such manifest.
func (g *keeping) imageOf(t *tag) int32 {
	if t.subject != 0 {
		at, _ := g.linked(t.subject)
		return at
	}
	if !g.l.rules.DeleteUntagged || g.l.aside != nil || t.node < 0 || t.Odd || t.Half || t.is.has(tagSelected) || g.protectsTag(t) {
		return -1
	}
	d, ok := layout.ReferrerTag(t.Name)
	if !ok {
		return -1
	}
	if at := g.find(d); at != t.node {
		return at
	}
	return -1
}

// ladder is what leads to a thing.
type ladder struct {
	order []int32         // the manifests that lead to it, the nearest first
	below map[int32]int32 // the next one on the way down; -1 if that is the thing itself
	steps map[int32]int   // how far each is from it
}

func (l *ladder) has(at int32) bool { _, ok := l.below[at]; return ok }

// climb finds all manifests that lead to one of those that it begins with.
func (g *keeping) climb(from []int32) *ladder {
	g.build()
	l := &ladder{below: map[int32]int32{}, steps: map[int32]int{}}
	add := func(at, below int32, steps int) {
		if _, seen := l.below[at]; !seen {
			l.below[at], l.steps[at] = below, steps
			l.order = append(l.order, at)
		}
	}
	for _, at := range from {
		add(at, -1, 0)
	}
	for k := 0; k < len(l.order); k++ {
		at := l.order[k]
		for _, above := range g.up[at] {
			add(above, at, l.steps[at]+1)
		}
	}
	return l
}

// climbTo is climb for a digest: it begins with the manifest of that digest, or
// with those that name it.
func (g *keeping) climbTo(id ID) *ladder {
	if at, ok := g.linked(id); ok {
		return g.climb([]int32{at})
	}
	var from []int32
	if g.here.get(id).reasons != 0 {
		for i := range g.nodes {
			if !g.nodes[i].root.has(rootSelected) && g.names(int32(i), id) {
				from = append(from, int32(i))
			}
		}
	}
	return g.climb(from)
}

// names reports whether a manifest names a digest.
func (g *keeping) names(at int32, id ID) (found bool) {
	g.eachName(at, func(one ID) { found = found || one == id })
	return found
}

// path is the way down from a manifest to a thing, after its name.
func (g *keeping) path(l *ladder, at int32, id ID, name string, tagged bool) []string {
	steps := []string{name}
	if tagged {
		steps = append(steps, g.digestOf(at))
	}
	for next := l.below[at]; next >= 0; next = l.below[next] {
		steps = append(steps, g.digestOf(next))
	}
	if _, ok := g.linked(id); !ok {
		steps = append(steps, g.s.Table.Digest(id).String())
	}
	return steps
}

func (g *keeping) digestOf(at int32) string { return g.s.Table.Digest(g.nodes[at].path).String() }

func (g *keeping) nameOf(at int32) string { return g.r.Name + "@" + g.digestOf(at) }

// nearest is the shortest way down to a thing: from a tag if one leads there,
// else from a manifest without a tag; nil if there is none.
func (g *keeping) nearest(l *ladder, id ID) []string {
	type root struct {
		at    int32
		steps int
		name  string
	}
	var tagged, bare []root
	for _, at := range l.order {
		n := &g.nodes[at]
		switch tags := g.byNode[at]; {
		case len(tags) > 0:
			tagged = append(tagged, root{at, l.steps[at], g.r.Name + ":" + tags[0].Name})
		case n.isHere() && !n.link.has(linkAsLayer):
			bare = append(bare, root{at, l.steps[at], g.nameOf(at)})
		}
	}
	roots := tagged
	if len(roots) == 0 {
		roots = bare
	}
	if len(roots) == 0 {
		return nil
	}
	best := slices.MinFunc(roots, func(a, b root) int {
		return cmp.Or(cmp.Compare(a.steps, b.steps), strings.Compare(a.name, b.name))
	})
	return g.path(l, best.at, id, best.name, len(tagged) > 0)
}

// circles reports whether a tag that is removed with an image is among what leads to a
// thing and reaches its own image: such tags keep each other.
func (g *keeping) circles(l *ladder) *tag {
	for at, subjects := range g.subject {
		if !l.has(at) {
			continue
		}
		for _, s := range subjects {
			if g.climb([]int32{s}).has(at) {
				return g.byNode[at][0]
			}
		}
	}
	return nil
}
