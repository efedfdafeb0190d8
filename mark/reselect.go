package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// holdTo selects what the first Look did, as far as it is still the same. A
// link with any other time has been written again: one that was copied back from
// a backup has an older time.
// After names have been set aside, only what is aside is selected: every link that
// is still there is a root, whatever was to become of it.
func (p *selection) holdTo(a *selectedIn) {
	for i := range p.tags {
		t := &p.tags[i]
		was, ok := a.tags[t.Name]
		t.is.put(tagSelected, ok && !was.with && p.isSame(t, was))
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		was, ok := a.manifests[n.path]
		if ok && n.mtime == was.mtime && !n.link.has(linkPending) && (p.l.aside == nil || n.link.has(linkAside|linkAsLayer)) {
			n.root.put(rootSelected, was.named)
			n.root.put(rootAlong, !was.named)
			n.root.unset(rootForced)
		}
	}
	for i := range p.tags {
		// What has been tagged meanwhile is kept.
		if t := &p.tags[i]; !t.is.has(tagSelected) && t.node >= 0 && t.AsideName == "" {
			p.nodes[t.node].root.unset(rootSelected)
		}
	}
	p.keepChildren(a)
}

// keepChildren keeps what an index names that came after the first Look, which
// would have refused to select it, or would have been told that the index
// may lack it.
func (p *selection) keepChildren(a *selectedIn) {
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.place == 0 || n.root.has(rootSelected|rootAlong) || n.link.has(linkAside) {
			continue
		}
		if at, ok := a.sparse[n.path]; ok && n.mtime == at {
			continue
		}
		for _, id := range p.refsOf(n.linkedManifest) {
			if at, ok := p.linked(id); ok && at != int32(i) {
				p.nodes[at].root.unset(rootSelected)
			}
		}
	}
}

// isSame reports whether a tag is what the first Look found, and, after names
// have been set aside, whether it is among these or is being cut where it is.
func (p *selection) isSame(t *tag, was selectedTag) bool {
	switch {
	case t.target != was.target, t.Link.MTime > was.mtime:
		return false
	case t.Link.MTime < was.mtime && t.AsideName == "":
		return false // nobody writes what is set aside: that may be a tag of this name that a stopped run set aside
	}
	return p.l.aside == nil || t.AsideName != "" || slices.Contains(p.l.aside.Cut[p.r.Name], t.Name)
}

// followsSubject decides whether a tag is removed with the image that it is about,
// and sets its subject.
func (p *selection) followsSubject(t *tag) bool {
	at := p.subjectOf(t.linkedTag)
	if t.is.has(tagSelected) || at < 0 || !p.nodes[at].root.has(rootSelected|rootAlong) || p.protectsTag(t) {
		return false
	}
	was, ok := p.selected.tags[t.Name]
	switch {
	case !p.asks():
		if !ok || !was.with || !p.isSame(t, was) {
			return false
		}
	case t.AsideName != "":
	case p.r.HasSymlink(t.Tag):
		return false
	}
	d, _ := layout.ReferrerTag(t.Name)
	t.subject = p.s.Table.Lookup(d)
	t.is.set(tagAlong)
	return true
}

// noteOfSelected records what the removed manifests name: that is what may be swept,
// and neither its age nor that of its links keeps it.
func (p *live) noteOfSelected() {
	if p.selected == nil {
		return
	}
	p.ofSelected = map[ID]int64{}
	var removed []int32
	for i := range p.nodes {
		n := &p.nodes[i]
		if !p.isRemoved(n) || p.keep != Dead {
			continue
		}
		removed = append(removed, int32(i))
		p.eachName(int32(i), func(id ID) {
			p.ofSelected[id] = max(p.ofSelected[id], n.mtime)
			p.s.Table.At(id).set(isOfSelected)
		})
	}
	p.noteDangling()
	seen := map[int32]bool{}
	Reach(removed, func(i int32) bool {
		first := !seen[i]
		seen[i] = true
		return first
	}, func(i int32, push func(int32)) {
		p.eachName(i, func(id ID) {
			p.s.Table.At(id).set(isBelow)
			if at, ok := p.linked(id); ok {
				push(at)
			}
		})
	})
}

// noteDangling records what recent tags kept, whose manifests are not linked.
func (p *live) noteDangling() {
	for i := range p.tags {
		t := &p.tags[i]
		if t.is.has(tagSelected) && t.node < 0 && t.Link.State == walker.LinkGood && p.recent(t.Link.MTime) && !p.l.rules.Selected.TagsOnly {
			p.ofSelected[t.target] = max(p.ofSelected[t.target], t.Link.MTime)
			p.s.Table.At(t.target).set(isOfSelected | isBelow)
		}
	}
}

// isLinkOfSelected reports whether a layer link belongs to removed manifests: it was
// not written after them, by another push.
func (p *live) isLinkOfSelected(id, target ID, mtime int64) bool {
	for _, i := range [2]ID{id, target} {
		if at, ok := p.ofSelected[i]; ok && mtime <= at {
			return true
		}
	}
	return false
}

// keepSelected marks what was to be removed from a repository that cannot be
// understood in full: names are removed there, and nothing is swept.
func (p *live) keepSelected() {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.root.has(rootSelected) {
			p.eachName(int32(i), func(id ID) { p.mark(id, p.keep) })
		}
	}
}

// conditional decides whether a tag is removed when the image that it is about is
// removed, and sets its subject.
func (p *selection) conditional(t *tag) bool {
	if p.isUnlisted(t) || p.isTagShared(t.Name) {
		return false
	}
	if p.selected != nil && p.followsSubject(t) {
		return true
	}
	if t.node < 0 || t.Odd || t.Half || t.is.has(tagSelected) {
		return false
	}
	aside := t.AsideName != ""
	if !aside && (p.l.aside != nil || !p.l.rules.DeleteUntagged || p.recent(t.Link.MTime) || p.protectsTag(t)) {
		return false
	}
	d, ok := layout.ReferrerTag(t.Name)
	if !ok {
		return false
	}
	subject := p.find(d)
	if subject < 0 || subject == t.node {
		return false
	}
	t.subject = p.s.Table.Lookup(d)
	return true
}
