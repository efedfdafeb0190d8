package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// readUploads decides about the uploads, and whether one is under way.
func (p *facts) readUploads() {
	for _, u := range p.r.Uploads(p.ctx) {
		p.totals.Uploads++
		if p.uploads.ids != nil {
			p.uploads.ids[u.ID] = true
		}
		p.totals.UploadBytes += u.Bytes
		if !u.Linked && !u.Rest && u.MTime <= p.l.rules.cutoff(p.uploadsOlderThan()) {
			p.items = append(p.items, Item{Kind: Upload, Extra: p.name(u.ID, u.Bytes)})
			continue
		}
		p.hasKept = true
		p.uploads.active = p.uploads.active || p.l.rules.recent(u.MTime)
		p.uploads.newest = max(p.uploads.newest, u.MTime)
	}
}

// readAliases reads the layer links that may hold a digest of another
// algorithm; after a run that was stopped, all of them.
func (p *facts) readAliases() {
	for _, alg := range p.r.LayerAlgorithms() {
		if alg == layout.SHA256 && !p.readsAllLayers() {
			continue
		}
		var digests []layout.Digest
		p.listLayers(alg, func(d layout.Digest) { digests = append(digests, d) })
		read := p.r.ReadLayers(p.ctx, alg, digests)
		for i := range read {
			if l := &read[i].Link; l.State == walker.LinkGood && l.Target != read[i].Digest {
				p.aliases[p.s.Table.Intern(read[i].Digest)] = p.s.Table.Intern(l.Target)
			}
		}
		p.layers = append(p.layers, read...)
	}
}

// readsAllLayers reports whether layer links of sha256 have to be read even if
// a live manifest references them: one may have been set aside by a stopped
// run, or, where blobs are stored under other algorithms, hold such a digest.
func (p *facts) readsAllLayers() bool { return p.l.rules.Resumed || p.s.hasLong || p.metAside }
