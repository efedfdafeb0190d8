package mark

import (
	"cmp"
	"slices"
)

// live is what of a repository is reachable, and why. Manifests say so themselves,
// anything else by its reasons here.
type live struct {
	*selection
	edges []edge // sorted by from
	// noted are layer links that keep what no manifest here may name.
	noted []notedLink
	// ofSelected is what the removed manifests name, with the time of the newest of their links.
	ofSelected map[ID]int64
	// keptDeleted are manifests that are not linked and that Rules.KeepDeleted
	// keeps, with what shows that they were here.
	keptDeleted map[ID]bool
	// deadLayers are layer links that no live manifest references.
	deadLayers []Item
	// linkTimes are the times of deadLayers' links, if anybody asks for them.
	linkTimes map[ID]int64
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

// showsKept reports whether a directory or an entry of a tag's history shows a
// manifest that is kept though it is not linked.
func (p *live) showsKept(id ID) bool { return p.keptDeleted[id] }

// noteLayer notes what a layer link names that is kept.
func (p *live) noteLayer(i *Item) {
	p.s.Table.At(i.ID).set(isKept)
	p.s.Table.At(ID(i.Extra)).set(isKept)
}

// lowest is the least reason for which something in this repository names a digest.
func (p *live) lowest(id ID) Reason {
	for why := Rooted; why < Reasons; why++ {
		if p.here.get(id).reasons&(1<<why) != 0 {
			return why
		}
	}
	return Dead
}

// notedLink is a layer link that keeps its blob by itself, or a recent tag whose
// manifest is not linked.
type notedLink struct {
	id, target ID
	mtime      int64 // of a recent link; 0 if the repository cannot be understood in full
}

// note remembers a layer link for the Observer.
func (p *live) note(id, target ID, mtime int64) {
	if p.l.observer != nil {
		p.noted = append(p.noted, notedLink{id, target, mtime})
	}
}

// subjectLives reports whether the image that a tag is about is kept.
func (p *live) subjectLives(t *tag) bool {
	if at, ok := p.linked(t.subject); ok && p.nodes[at].root.has(rootSelected) {
		return false
	}
	return p.isLive(t.subject)
}

// isRemoved reports whether a manifest is removed by the selection.
func (p *live) isRemoved(n *node) bool {
	return n.root.has(rootSelected|rootAlong) && n.why == Dead
}
