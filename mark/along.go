package mark

// loosen finds what is removed along with what was named: the children of indexes,
// and what is about it, by subject or by tag.
func (p *selection) loosen() {
	about := p.whatIsAbout()
	var waiting []int32
	for i := range p.nodes {
		if p.nodes[i].root.has(rootSelected | rootAlong) {
			waiting = append(waiting, int32(i))
		}
	}
	for len(waiting) > 0 {
		from := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		add := func(to int32, role Role) {
			if p.mayBeRemovedAlong(&p.nodes[from], &p.nodes[to], role) {
				p.nodes[to].root.set(rootAlong)
				p.nodes[to].role = role
				waiting = append(waiting, to)
			}
		}
		p.eachName(from, func(id ID) {
			if to, ok := p.linked(id); ok {
				add(to, Child)
			}
		})
		for _, e := range about[from] {
			add(e.to, e.role)
		}
	}
}

// mayBeRemovedAlong reports whether a manifest is removed along with another one if
// nothing else keeps it. A child whose recent link was written after the index
// belongs to a push that is not at its end.
func (p *selection) mayBeRemovedAlong(from, to *node, role Role) bool {
	switch {
	case to.root.has(rootSelected|rootAlong|rootForced) || to.link.has(linkPinned|linkAside|linkPending) || p.protectsNode(to):
		return false
	case role == Child:
		return !p.recent(to.mtime) || to.mtime <= from.mtime
	}
	return true
}
