package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// readLayers looks at the layer links that no live manifest references; only
// these are read, and those of other algorithms than sha256, which have been.
func (p *pass) readLayers() {
	if !p.l.rules.Resumed && p.r.HasLayers() {
		var digests []layout.Digest
		p.listLayers(layout.SHA256, func(d layout.Digest) {
			p.totals.LayerLinks++
			if id := p.s.Table.Lookup(d); id == 0 || !p.isLive(id) {
				digests = append(digests, d)
			}
		})
		if len(digests) > 0 {
			read := p.r.ReadLayers(p.ctx, layout.SHA256, digests)
			p.totals.LayerLinks -= len(read) // they are counted below, if there is a link
			p.layers = append(p.layers, read...)
		}
	}
	for i := range p.layers {
		p.layer(&p.layers[i])
	}
	if p.repoLayersStay() {
		p.stays = true
	}
}

// repoLayersStay reports whether there are layer links besides those that go.
func (p *pass) repoLayersStay() bool { return p.totals.LayerLinks > len(p.layersGo) }

// layer decides about a layer link that has been read.
func (p *pass) layer(v *walker.Revision) {
	l := &v.Link
	id := p.s.Table.Intern(v.Digest)
	switch l.State {
	case walker.LinkMissing:
		if !p.isLive(id) {
			p.leftover(LayerDir, id, v)
		}
		return
	case walker.LinkBroken:
		p.totals.LayerLinks++
		p.breakLink(layout.LayerDir(p.r.Name, v.Digest)+"/"+layout.Link, *l)
		return
	case walker.LinkGood:
		p.totals.LayerLinks++
	default:
		return // unreadable, which ends the run
	}
	target := p.s.Table.Intern(l.Target)
	if l.Target != v.Digest && l.Target.Algorithm() == v.Digest.Algorithm() {
		p.mismatch(layout.LayerDir(p.r.Name, v.Digest)+"/"+layout.Link, l.Target)
		p.mark(id, Rooted)
		p.mark(target, Rooted)
	}
	switch {
	case p.isLive(id):
		p.mark(target, p.lowest(id))
		if l.Aside {
			p.restore = append(p.restore, Item{Kind: LayerLink, ID: id, Extra: uint32(target), Aside: true})
		}
		return
	case p.freshLayer(l.MTime) || v.Linked:
		p.mark(id, Fresh)
		p.mark(target, Fresh)
		if l.Aside {
			p.restore = append(p.restore, Item{Kind: LayerLink, ID: id, Extra: uint32(target), Aside: true})
		}
		return
	}
	if !p.s.stat(p.w, target) {
		p.problem(walker.MissingBlob, layout.LayerDir(p.r.Name, v.Digest)+"/"+layout.Link, "the layer's blob is absent")
	}
	p.layersGo = append(p.layersGo, *v)
}

// lowest is the least reason for which something in this repository names a digest.
func (p *pass) lowest(id ID) Reason {
	for why := Rooted; why < Reasons; why++ {
		if p.reached[id]&(1<<why) != 0 {
			return why
		}
	}
	return Dead
}

// restoreLayers finds the layer links that a sweep has set aside and that are
// referenced by now.
func (p *pass) restoreLayers() {
	if p.l.aside == nil {
		return
	}
	for _, id := range p.l.aside.Layers[p.r.Name] {
		if p.isLive(id) || p.keep != Dead {
			p.restore = append(p.restore, Item{Kind: LayerLink, ID: id, Aside: true})
		}
	}
}
