package mark

import "github.com/regsweep/regsweep/layout"

// findUsed finds the manifests that have been used since a plan was made: by
// themselves, by a tag of theirs, or since they contain one that was.
func (p *selection) findUsed() {
	if p.listed.g.Used == nil {
		return
	}
	var manifest func(layout.Digest) bool
	p.used.tag, manifest = p.listed.g.Used(p.r.Name)
	p.used.nodes = make([]bool, len(p.nodes))
	known := make([]bool, len(p.nodes))
	for i := range p.tags {
		if t := &p.tags[i]; t.node >= 0 && p.used.tag(t.Name) {
			p.used.nodes[t.node], known[t.node] = true, true
		}
	}
	var find func(i int32) bool
	find = func(i int32) bool {
		if known[i] {
			return p.used.nodes[i]
		}
		known[i] = true
		used := manifest(p.s.Table.Digest(p.nodes[i].path))
		p.eachName(i, func(id ID) {
			used = used || manifest(p.s.Table.Digest(id))
			if to, ok := p.linked(id); ok && to != i && !used {
				used = find(to)
			}
		})
		p.used.nodes[i] = used
		return used
	}
	for i := range p.nodes {
		find(int32(i))
	}
}
