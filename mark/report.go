package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// countBytes adds up what the repository's manifests reference, live or not.
func (p *garbage) countBytes() {
	for i := range p.nodes {
		p.eachName(int32(i), func(id ID) { p.here.at(id).reasons |= isNamed })
	}
	for i, id := range p.here.ids {
		if id == 0 || p.here.heres[i].reasons&isNamed == 0 {
			continue
		}
		r := p.s.Table.At(id)
		if !r.has(hasBlob) {
			continue
		}
		p.repo.Bytes += r.size
		if !r.owner.CompareAndSwap(0, p.repo.owner) {
			r.owner.Store(severalOwners)
		}
	}
}

// report records the live manifests that lack a blob. In a cache, which holds
// what was asked for, that is no damage.
func (p *garbage) report() {
	if p.l.rules.PullThrough || p.l.aside != nil {
		return
	}
	absent := p.absent()
	if len(absent) == 0 {
		return
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.why == Dead {
			continue
		}
		for _, id := range p.manifest(n.linkedManifest).Required {
			if data, ok := absent[id]; ok {
				path := layout.BlobDir(p.s.Table.Digest(data)) + "/" + layout.Data
				p.problemOf(walker.MissingBlob, path, missingBlobDetail, int32(i), path, layout.LayerDir(p.r.Name, p.s.Table.Digest(id))+"/"+layout.Link)
			}
		}
	}
}

const missingBlobDetail = "a manifest references it, and it is absent"

// absent are the blobs that live manifests of the repository require and that
// are not in the store by any name: not by one that came after the walk of the
// blobs, nor by one that the repository's layer link gives them; such a one is
// marked. To each belongs the digest that its data would be stored under.
func (p *garbage) absent() map[ID]ID {
	unseen := map[layout.Algorithm][]layout.Digest{}
	asked := map[ID]bool{}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.why == Dead {
			continue
		}
		for _, id := range p.manifest(n.linkedManifest).Required {
			if p.s.Table.At(id).has(hasBlob) || asked[id] {
				continue
			}
			asked[id] = true
			if to, ok := p.aliases[id]; ok && p.s.Table.At(to).has(hasBlob) || p.s.stat(p.w, id) {
				continue
			}
			d := p.s.Table.Digest(id)
			unseen[d.Algorithm()] = append(unseen[d.Algorithm()], d)
		}
	}
	absent := map[ID]ID{}
	for alg, digests := range unseen {
		for _, v := range p.r.ReadLayers(p.ctx, alg, digests) {
			id := p.s.Table.Intern(v.Digest)
			data := id
			if v.Link.State == walker.LinkGood {
				to := p.s.Table.Intern(v.Link.Target)
				p.mark(to, p.lowest(id))
				if p.s.stat(p.w, to) {
					continue
				}
				if v.Link.Target.Algorithm() != alg {
					data = to
				}
			}
			absent[id] = data
		}
	}
	return absent
}
