package mark

import (
	"cmp"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// markRoots marks what the roots reach, one reason after another: what an
// earlier reason reaches is not reached again by a later one.
func (p *live) markRoots() {
	for _, id := range p.blobs {
		p.mark(id, Protected)
	}
	p.tagRoots()
	p.reach(Rooted, func(n *node) bool { return n.root.has(rootForced|rootTagged) || p.retained(n) })
	p.markDeleted()
	p.readLostTags()
	p.reach(Recent, func(n *node) bool { return p.recentRoot(n) })
	p.reach(Protected, p.protectsNode)
	p.reach(Broken, func(n *node) bool { return n.link.has(linkPinned) && !n.link.has(linkAsLayer) })
	if p.lists() {
		p.reach(Rooted, func(n *node) bool {
			return !p.listsNode(n) && !n.link.has(linkAsLayer|linkPending) && !n.root.has(rootAlong)
		})
	}
	p.markRecentTags()
	p.keepCircles()
}

// retained reports whether a manifest is a root without regard to its age.
func (p *live) retained(n *node) bool {
	return (p.l.aside != nil || !p.l.rules.DeleteUntagged) && !n.link.has(linkAside|linkAsLayer|linkPending) && !n.root.has(rootAlong)
}

// recentRoot reports whether a manifest is a root for its age: its link's, its blob's,
// or that of the loss of its last tag. That holds for a link that was set aside,
// too: it was rewritten after the decision to remove it.
func (p *live) recentRoot(n *node) bool {
	switch {
	case n.link.has(linkAsLayer) || n.root.has(rootAlong):
		return false
	case n.link.has(linkAside | linkPending):
		return p.l.rules.recent(n.mtime)
	}
	return p.l.rules.recentUntagged(n.mtime) || p.losesLately(n.linkedManifest) || p.s.Table.At(n.id).has(hasBlob|isRecent)
}

// tagRoots says which nodes a tag makes roots: every tag but one that is removed
// with its subject, and one that a stopped run has set aside, unless it was
// rewritten since.
func (p *live) tagRoots() {
	for i := range p.tags {
		t := &p.tags[i]
		p.keepSubject(t)
		if t.node >= 0 && t.subject == 0 && !t.is.has(tagSelected) && (t.AsideName == "" || p.recent(t.Link.MTime) || p.isUnlisted(t)) {
			p.nodes[t.node].root.set(rootTagged)
		}
	}
}

// keepSubject keeps the image that a tag is about which a sweep could not take.
func (p *live) keepSubject(t *tag) {
	if p.l.aside == nil || t.AsideName != "" || !slices.Contains(p.l.aside.Tags[p.r.Name], t.Name) {
		return
	}
	if d, ok := layout.ReferrerTag(t.Name); ok {
		if at := p.find(d); at >= 0 {
			p.nodes[at].root.set(rootForced)
			p.nodes[at].root.unset(rootSelected)
		}
	}
}

// markRecentTags keeps what a recent tag names even if no manifest is linked by that name.
func (p *live) markRecentTags() {
	for i := range p.tags {
		t := &p.tags[i]
		if t.node < 0 && t.Link.State == walker.LinkGood && p.recent(t.Link.MTime) {
			if t.is.has(tagSelected) {
				continue
			}
			p.mark(t.target, Recent)
			p.note(t.target, 0, t.Link.MTime)
		}
	}
}

// markAll marks all that the repository links, for what nothing else keeps.
func (p *live) markAll() {
	p.reach(p.keep, func(*node) bool { return true })
	for i := range p.tags {
		if l := &p.tags[i].Link; l.State == walker.LinkGood {
			p.mark(p.s.Table.Intern(l.Target), p.keep)
		}
	}
	for _, alg := range p.r.LayerAlgorithms() {
		var digests []layout.Digest
		p.listLayers(alg, func(d layout.Digest) { digests = append(digests, d) })
		for _, v := range p.r.ReadLayers(p.ctx, alg, digests) {
			p.mark(p.s.Table.Intern(v.Digest), p.keep)
			if v.Link.State == walker.LinkGood {
				p.mark(p.s.Table.Intern(v.Link.Target), p.keep)
				p.note(p.s.Table.Intern(v.Digest), p.s.Table.Intern(v.Link.Target), 0)
			}
		}
	}
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
