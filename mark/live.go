package mark

import (
	"cmp"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// live is what of a repository is reachable, and why. Manifests say so themselves,
// anything else by its reasons here.
type live struct {
	*selection
	edges []edge // sorted by from
	// noted are layer links that keep what no manifest here may name.
	noted []notedLink
	// taken is what the manifests that go name, with the time of the newest of their links.
	taken map[ID]int64
	// keptDeleted are manifests that are not linked and that Rules.KeepDeleted
	// keeps, with what shows that they were here.
	keptDeleted map[ID]bool
	// layersGo are layer links that no live manifest references.
	layersGo []Item
	// linkTimes are the times of layersGo's links, if anybody asks for them.
	linkTimes map[ID]int64
}

// markLive marks what the roots reach, and then what is kept for other reasons.
func (p *selection) markLive() *live {
	m := &live{selection: p}
	if p.l.rules.timed() {
		m.linkTimes = map[ID]int64{}
	}
	m.addEdges()
	m.markRoots()
	m.checkAside()
	m.takeNames()
	m.readLayers()
	p.l.addMarks(p.r.Marks)
	// Symbolic links are known only when all directories have been opened.
	if p.r.Linked {
		m.reach(Broken, func(*node) bool { return true })
	}
	if p.r.Opaque {
		p.keepAll()
	}
	if p.keep != Dead {
		m.markAll()
		m.spareTaken()
	}
	return m
}

// markRoots marks what the roots reach, one reason after another: what an
// earlier reason reaches is not reached again by a later one.
func (p *live) markRoots() {
	for _, id := range p.protected.blobs {
		p.mark(id, Protected)
	}
	p.tagRoots()
	p.reach(Rooted, func(n *node) bool { return n.root.has(rootForced|rootTagged) || p.retained(n) })
	p.markDeleted()
	p.readLostTags()
	p.reach(Fresh, func(n *node) bool { return p.young(n) })
	p.reach(Protected, p.protectsNode)
	p.reach(Broken, func(n *node) bool { return n.link.has(linkPinned) && !n.link.has(linkAsLayer) })
	if p.lists() {
		p.reach(Rooted, func(n *node) bool {
			return !p.listsNode(n) && !n.link.has(linkAsLayer|linkPending) && !n.root.has(rootAlong)
		})
	}
	p.markFreshTags()
	p.keepCircles()
}

// retained reports whether a manifest is a root without regard to its age.
func (p *live) retained(n *node) bool {
	return (p.l.aside != nil || !p.l.rules.DeleteUntagged) && !n.link.has(linkAside|linkAsLayer|linkPending) && !n.root.has(rootAlong)
}

// young reports whether a manifest is a root for its age: its link's, its blob's,
// or that of the loss of its last tag. That holds for a link that was set aside,
// too: it was rewritten after the decision to remove it.
func (p *live) young(n *node) bool {
	switch {
	case n.link.has(linkAsLayer) || n.root.has(rootAlong):
		return false
	case n.link.has(linkAside | linkPending):
		return p.l.rules.fresh(n.mtime)
	}
	return p.l.rules.youngUntagged(n.mtime) || p.losesLately(n.linkedManifest) || p.s.Table.At(n.id).has(hasBlob|isFresh)
}

// tagRoots says which nodes a tag makes roots: every tag but one that goes
// with its subject, and one that a stopped run has taken away, unless it was
// rewritten since.
func (p *live) tagRoots() {
	for i := range p.tags {
		t := &p.tags[i]
		p.keepSubject(t)
		if t.node >= 0 && t.subject == 0 && !t.is.has(tagSelected) && (t.Taken == "" || !p.old(t.Link.MTime) || p.isUnlisted(t)) {
			p.nodes[t.node].root.set(rootTagged)
		}
	}
}

// keepSubject keeps the image that a tag is about which a sweep could not take.
func (p *live) keepSubject(t *tag) {
	if p.l.aside == nil || t.Taken != "" || !slices.Contains(p.l.aside.Tags[p.r.Name], t.Name) {
		return
	}
	if d, ok := layout.ReferrerTag(t.Name); ok {
		if at := p.find(d); at >= 0 {
			p.nodes[at].root.set(rootForced)
			p.nodes[at].root.unset(rootSelected)
		}
	}
}

// mark records that a digest is named for a reason.
func (p *live) mark(id ID, why Reason) {
	if h := p.here.at(id); h.reasons&(1<<why) == 0 {
		h.reasons |= 1 << why
		p.s.Table.At(id).mark(why)
	}
}

// isLive reports whether anything live in this repository names a digest.
func (p *live) isLive(id ID) bool { return p.here.get(id).reasons&^isNamed != 0 }

// reach marks what the nodes that are roots reach.
func (p *live) reach(why Reason, root func(*node) bool) {
	var roots []int32
	for i := range p.nodes {
		if p.nodes[i].why == Dead && root(&p.nodes[i]) {
			roots = append(roots, int32(i))
		}
	}
	p.reachFrom(why, roots)
}

func (p *live) reachFrom(why Reason, roots []int32) {
	Reach(roots, func(i int32) bool {
		if p.nodes[i].why != Dead || p.nodes[i].root.has(rootSelected) {
			return false
		}
		p.nodes[i].why = why
		return true
	}, func(i int32, push func(int32)) {
		p.eachName(i, func(id ID) {
			p.mark(id, why)
			p.follow(id, push)
		})
	})
}

// eachName calls fn with every digest that a manifest names, its own first, behind
// aliases too.
func (p *facts) eachName(i int32, fn func(ID)) {
	n := &p.manifests[i]
	p.steps++
	fn(n.id)
	if n.path != n.id {
		fn(n.path)
	}
	each := func(id ID) {
		fn(id)
		if to, ok := p.aliases[id]; ok {
			fn(to)
		}
	}
	m := p.manifest(n)
	m.EachRef(each)
	for _, id := range p.extra[i] {
		each(id)
	}
}

// follow pushes the nodes that a live digest keeps: itself, if it is linked as
// a manifest, and those that are about it.
func (p *live) follow(id ID, push func(int32)) {
	if at, ok := p.linked(id); ok {
		if p.nodes[at].root.has(rootSelected) {
			return // an index may name it, and is a sparse one then
		}
		push(at)
	}
	if len(p.edges) == 0 {
		return
	}
	from, _ := slices.BinarySearchFunc(p.edges, id, func(e edge, id ID) int { return cmp.Compare(e.from, id) })
	for ; from < len(p.edges) && p.edges[from].from == id; from++ {
		push(p.edges[from].to)
	}
}

// markFreshTags keeps what a fresh tag names even if no manifest is linked by that name.
func (p *live) markFreshTags() {
	for i := range p.tags {
		t := &p.tags[i]
		if t.node < 0 && t.Link.State == walker.LinkGood && !p.old(t.Link.MTime) {
			if t.is.has(tagSelected) {
				continue
			}
			p.mark(p.s.Table.Intern(t.Link.Target), Fresh)
			p.note(p.s.Table.Intern(t.Link.Target), 0, t.Link.MTime)
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
