package mark

import (
	"slices"

	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// family is what names the manifests of a repository: tags and indexes.
type family struct {
	tags    map[int32][]string
	parents map[ID][]int32 // who names what is linked as a manifest
}

// blame says in a problem what it breaks, and that removing the manifest cures it.
func (p *pass) blame(problem *walker.Problem, at int32) {
	n := &p.nodes[at]
	problem.Breaks = append(problem.Breaks, p.broken(at)...)
	if p.r.Odd || p.r.Linked || n.layer || n.pinned {
		return // which no rm removes
	}
	problem.Remove = append(problem.Remove, p.r.Name+"@"+p.s.Table.Digest(n.path).String())
	problem.Force = problem.Force || len(p.parentsOf(n)) > 0
}

// broken are the names that cannot be pulled if a manifest cannot: its own, and
// those of the indexes that it is in. It serves when all manifests have been read.
func (p *pass) broken(at int32) (names []string) {
	p.meetFamily()
	seen := map[int32]bool{}
	Reach([]int32{at}, func(i int32) bool {
		first := !seen[i]
		seen[i] = true
		return first
	}, func(i int32, push func(int32)) {
		for _, tag := range p.family.tags[i] {
			names = append(names, p.r.Name+":"+tag)
		}
		n := &p.nodes[i]
		if p.family.tags[i] == nil {
			names = append(names, p.r.Name+"@"+p.s.Table.Digest(n.path).String())
		}
		for _, parent := range p.parentsOf(n) {
			// A manifest of another type may name it for other reasons.
			if p.manifest(&p.nodes[parent]).Kind == manifest.Index {
				push(parent)
			}
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// parentsOf are the manifests that name a manifest.
func (p *pass) parentsOf(n *node) []int32 {
	p.meetFamily()
	parents := p.family.parents[n.path]
	if n.id != n.path {
		parents = slices.Concat(parents, p.family.parents[n.id])
	}
	return parents
}

func (p *pass) meetFamily() {
	if p.family != nil {
		return
	}
	p.family = &family{tags: map[int32][]string{}, parents: map[ID][]int32{}}
	for i := range p.tags {
		// What a half tag named last is pulled by its digest.
		if t := &p.tags[i]; t.node >= 0 && t.Taken == "" && !t.Half {
			p.family.tags[t.node] = append(p.family.tags[t.node], t.Name)
		}
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		if !n.isHere() {
			continue
		}
		m := p.manifest(n)
		m.EachRef(func(id ID) {
			if at, ok := p.linked(id); ok && at != int32(i) {
				p.family.parents[id] = append(p.family.parents[id], int32(i))
			}
		})
	}
}
