package mark

import (
	"cmp"
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

// checkAside looks for live manifests whose links a stopped run set aside and
// that cannot be read: they are broken images, no garbage.
func (p *live) checkAside() {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.link.has(linkAside) && n.why != Dead && p.failed[int32(i)] != nil {
			p.cannotRead(int32(i))
		}
	}
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

func (p *visit) linkPath(n *linkedManifest) string {
	digest := p.s.Table.Digest(n.path)
	if n.link.has(linkAsLayer) {
		return layout.LayerDir(p.r.Name, digest) + "/" + layout.Link
	}
	return layout.RevisionDir(p.r.Name, digest) + "/" + layout.Link
}

// references are the names under which a manifest is pulled.
func (p *facts) references(n *linkedManifest) (found []string) {
	for i := range p.tagLinks {
		if t := &p.tagLinks[i]; t.node >= 0 && &p.manifests[t.node] == n {
			found = append(found, p.r.Name+":"+t.Name)
		}
	}
	if found == nil {
		found = []string{p.r.Name + "@" + p.s.Table.Digest(n.path).String()}
	}
	return found
}

// linkedManifest is a manifest that the repository links, as reading found it.
type linkedManifest struct {
	id    ID     // of the link's content
	path  ID     // of the link's path
	place uint32 // of its manifest among Store.manifests; 0 if it cannot be read
	link  linkState
	mtime int64
}

// node is such a manifest with what is decided about it.
type node struct {
	*linkedManifest
	why  Reason
	role Role // why it goes
	root rootState
}

// badLink is a manifest's link that holds no digest, or not the one of its path.
type badLink struct {
	kind, detail string
	node         int32
}

// edge says that a live digest keeps a manifest: a referrer of it, or the
// manifest of a tag that is about it.
type edge struct {
	from ID
	to   int32
}

// addManifest makes a manifest known by both of its digests. A link at the
// digest's own path goes before one from elsewhere.
func (p *facts) addManifest(n linkedManifest) int32 {
	p.manifests = append(p.manifests, n)
	number := int32(len(p.manifests))
	p.here.at(n.path).node = number
	if other := p.here.at(n.id); other.node == 0 {
		other.node = number
	}
	return number - 1
}

// manifest is what is kept of a manifest.
func (p *visit) manifest(n *linkedManifest) manifest.Summary { return p.s.manifests.At(n.place) }

// linked returns the manifest that is linked by a digest.
func (p *facts) linked(id ID) (at int32, ok bool) {
	at = p.here.get(id).node - 1
	return at, at >= 0
}

// addEdges finds what a live digest keeps without referencing it.
func (p *live) addEdges() {
	p.edges = slices.Clone(p.referrers)
	for i := range p.manifests {
		for _, subject := range p.manifest(&p.manifests[i]).Subjects {
			p.edges = append(p.edges, edge{subject, int32(i)})
		}
	}
	for i := range p.tags {
		t := &p.tags[i]
		if p.conditional(t) {
			p.edges = append(p.edges, edge{t.subject, t.node})
		}
	}
	slices.SortFunc(p.edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
}
