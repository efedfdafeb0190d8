package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// load reads the manifests of the nodes, each once.
func (p *facts) load() {
	failed := make([]*loadError, len(p.manifests))
	p.w.Each(p.ctx, len(p.manifests), func(i int) {
		n := &p.manifests[i]
		n.place, failed[i] = p.s.load(p.w, n.id, false)
	})
	if slices.ContainsFunc(failed, func(e *loadError) bool { return e != nil && e.unsettled }) {
		p.w.Pause()
	}
	for i := range p.manifests {
		n := &p.manifests[i]
		if failed[i] != nil && failed[i].unsettled {
			n.place, failed[i] = p.s.load(p.w, n.id, true)
		}
	}
	for i := range p.manifests {
		p.settle(int32(i), failed[i])
	}
	for _, l := range p.badLinks {
		problem := walker.Problem{Kind: l.kind, Path: p.linkPath(&p.manifests[l.node]), Detail: l.detail}
		if p.blame(&problem, l.node); l.kind == walker.LinkMismatch {
			problem.Remove = nil // it cannot be told which of two manifests it is
		}
		p.w.Findings.Add(problem)
	}
}

// settle decides what it means that a manifest could, or could not, be read.
func (p *facts) settle(at int32, err *loadError) {
	n := &p.manifests[at]
	switch {
	case err != nil && !err.missing && !err.broken:
		p.w.Unreadable(layout.BlobDir(p.s.Table.Digest(n.id))+"/"+layout.Data, err)
		return
	case err != nil:
		p.failed[at] = err
		if n.link.has(linkAside | linkPending) {
			return // half of its removal is done, unless it turns out to be live
		}
		p.cannotRead(at)
	case n.place == 0:
		return // the run has been stopped
	}
	if m := p.manifest(n); m.Kind == manifest.Image || m.Kind == manifest.Index {
		return
	}
	p.addSignatures(at)
}

// cannotRead reports a manifest that is linked and cannot be understood: what
// it references may be anything that its repository links.
func (p *facts) cannotRead(at int32) {
	n, err := &p.manifests[at], p.failed[at]
	data := layout.BlobDir(p.s.Table.Digest(n.id)) + "/" + layout.Data
	if err.missing {
		p.problemOf(walker.MissingManifest, p.linkPath(n), err.Error(), at, data)
	} else {
		p.problemOf(walker.BrokenManifest, data, err.Error(), at)
	}
	p.keepAll()
}

// addSignatures finds the signatures of a schema 1 manifest, or of one that may be.
func (p *facts) addSignatures(at int32) {
	digest := p.s.Table.Digest(p.manifests[at].path)
	signatures, ok := p.r.Signatures(digest)
	if !ok {
		p.breakLink(layout.RevisionDir(p.r.Name, digest)+"/"+layout.Signatures, walker.Link{Detail: "a signature's link holds no digest"})
	}
	for _, d := range signatures {
		p.extra[at] = append(p.extra[at], p.s.Table.Intern(d))
	}
}
