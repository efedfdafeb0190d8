package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// batch is how many layer links are read before they are decided about, so
// that a repository with a million of them needs little memory.
const batch = 1024

// namesAtATime is how many names of layer links are looked up together.
const namesAtATime = 64

// readLayers looks at the layer links that no live manifest references; only
// these are read, and those that readAliases has read.
func (p *live) readLayers() {
	// These first: a recent one keeps the other link of its blob, too.
	for i := range p.layers {
		p.layer(p.s.Table.Intern(p.layers[i].Digest), &p.layers[i])
	}
	if !p.readsAllLayers() && p.r.HasLayers() {
		unreferenced := p.unreferencedLayers()
		digests := make([]layout.Digest, 0, min(batch, len(unreferenced)))
		for part := range slices.Chunk(unreferenced, batch) {
			digests = digests[:0]
			for _, id := range part {
				digests = append(digests, p.s.Table.Digest(id))
			}
			read := p.r.ReadLayers(p.ctx, layout.SHA256, digests)
			for i := range read {
				p.layer(part[i], &read[i])
			}
		}
	}
	p.keepLayers()
	if p.totals.LayerLinks > len(p.deadLayers) {
		p.hasKept = true
	}
}

// unreferencedLayers lists the layer links that no live manifest references, and counts
// the others.
func (p *live) unreferencedLayers() (unreferenced []ID) {
	names := p.memory.names[:0]
	sort := func() {
		for _, id := range p.internAll(len(names), func(i int) *layout.Digest { return &names[i] }) {
			if !p.isLive(id) {
				unreferenced = append(unreferenced, id)
				continue
			}
			p.s.Table.At(id).set(isKept)
			p.totals.LayerLinks++
		}
		names = names[:0]
	}
	p.listLayers(layout.SHA256, func(d layout.Digest) {
		if names = append(names, d); len(names) == namesAtATime {
			sort()
		}
	})
	sort()
	p.memory.names = names
	return unreferenced
}

// keepLayers keeps the layer links of manifests that were found to be live
// after the links had been looked at.
func (p *live) keepLayers() {
	p.deadLayers = slices.DeleteFunc(p.deadLayers, func(i Item) bool {
		live := p.isLive(i.ID) || p.isLive(ID(i.Extra))
		if live {
			p.noteLayer(&i)
		}
		if live && i.Aside {
			p.restore = append(p.restore, i)
		}
		return live
	})
}

// layer decides about a layer link that has been read.
func (p *live) layer(id ID, v *walker.Revision) {
	l := &v.Link
	switch l.State {
	case walker.LinkMissing:
		if !p.isLive(id) {
			p.leftover(LayerDir, id, v)
		}
		return
	case walker.LinkBroken:
		p.totals.LayerLinks++
		p.problem(walker.BrokenLink, layout.LayerDir(p.r.Name, v.Digest)+"/"+layout.Link, l.Detail)
		p.keepAll()
		return
	case walker.LinkGood:
		p.totals.LayerLinks++
	default:
		return // unreadable, which ends the run
	}
	target := id
	if l.Target != v.Digest {
		target = p.s.Table.Intern(l.Target)
	}
	if l.Aside {
		p.l.metAside.Store(true)
	}
	p.s.Table.At(id).set(isLinked)
	p.s.Table.At(target).set(isLinked)
	item := Item{Kind: LayerLink, Aside: l.Aside, ID: id, Extra: uint32(target)}
	if v.Twice {
		p.twice(layout.LayerDir(p.r.Name, v.Digest), id)
	}
	if l.Target != v.Digest && l.Target.Algorithm() == v.Digest.Algorithm() {
		p.mismatch(layout.LayerDir(p.r.Name, v.Digest)+"/"+layout.Link, l.Target)
		p.mark(id, Rooted)
		p.mark(target, Rooted)
	}
	switch {
	case p.isLive(id):
		p.mark(target, p.lowest(id))
	case p.isLive(target):
		// Its blob is referenced by the other name.
	case p.keepsLink(id, target, l.MTime) || v.Linked || p.isLayerShared(v.Digest):
		p.mark(id, Recent)
		p.mark(target, Recent)
		p.note(id, target, l.MTime)
		if at, ok := p.linked(target); ok {
			p.reachFrom(Recent, []int32{at})
		}
	default:
		p.addDeadLayer(v, item)
		return
	}
	p.noteLayer(&item)
	if l.Aside {
		p.restore = append(p.restore, item)
	}
}

// addDeadLayer records a layer link that nothing keeps.
func (p *live) addDeadLayer(v *walker.Revision, item Item) {
	l := &v.Link
	// Of a link that was set aside the blob may be gone before it is: a power
	// cut loses the later of two removals, or the earlier on another filesystem.
	if !l.Aside && !p.r.Linked && !p.s.stat(p.w, ID(item.Extra)) {
		p.lostLayer(layout.LayerDir(p.r.Name, v.Digest)+"/"+layout.Link, l.Target)
	}
	p.deadLayers = append(p.deadLayers, item)
	if p.linkTimes != nil {
		p.linkTimes[item.ID] = l.MTime
	}
}

const lostLayerDetail = "the layer's blob is absent, and no manifest needs it"

// lostLayer reports a layer link that leads to nothing and that nothing needs.
func (p *visit) lostLayer(path string, target layout.Digest) {
	p.w.Findings.Add(walker.Problem{
		Kind: walker.MissingBlob, Path: path, Detail: lostLayerDetail,
		Remedy: walker.Remedy{Flags: walker.Garbage, Absent: []string{layout.BlobDir(target) + "/" + layout.Data}},
	})
}

// restoreLayers finds the layer links that a sweep has set aside and that are
// referenced by now.
func (p *garbage) restoreLayers() {
	if p.l.aside == nil {
		return
	}
	for _, id := range p.l.aside.Layers[p.r.Name] {
		if p.isLive(id) || p.keep != Dead || p.isLayerShared(p.s.Table.Digest(id)) {
			p.restore = append(p.restore, Item{Kind: LayerLink, ID: id, Aside: true})
		}
	}
}

// keepsLink reports whether the age of a layer link keeps its blob. The age of a link
// that belongs to removed images does not. In a repository that is removed as a whole
// no link is kept, but what a push under way may need is.
func (p *live) keepsLink(id, target ID, mtime int64) bool {
	switch {
	case !p.recentLayer(mtime) || p.isLinkOfSelected(id, target, mtime):
		return false
	case p.selectsAll():
		p.s.Table.At(target).mark(Recent)
		return false
	}
	return true
}
