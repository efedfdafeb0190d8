package mark

import "slices"

// listItems lists what is removed from the repository, and what gets its name back.
func (p *garbage) listItems() {
	p.restoreLayers()
	p.noteTags()
	p.noteLost()
	if p.keep != Dead {
		p.keepParts()
	}
	if p.r.Linked {
		// Nothing is removed behind a symbolic link, and a layer link that is
		// kept does not keep its blob: what it names can be pushed again.
		for i := range p.deadLayers {
			p.noteLayer(&p.deadLayers[i])
		}
		p.hasKept, p.items, p.deadLayers = true, nil, nil
		return
	}
	p.collectTags()
	p.collectManifests()
	p.keepSignatures()
	p.items = append(p.items, p.deadLayers...)
	if (p.history || p.lacking) && p.keep == Dead && p.l.aside == nil {
		p.collectHistory()
	}
	p.dropShared()
	p.hasKept = p.hasKept || p.r.Unknown || p.recent(p.r.MTime) && !p.selectsAll()
	if !p.hasKept && p.l.aside == nil {
		p.items = append(p.items, Item{Kind: Repository})
	}
}

// keepParts takes back what has been decided before it was known that all is
// to be kept. Uploads and interrupted writes are nobody's images: they are removed,
// unless they are behind a symbolic link.
func (p *garbage) keepParts() {
	p.hasKept = true
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		return p.r.Odd || i.Kind != Upload && i.Kind != Temporary
	})
	for i := range p.deadLayers {
		p.noteLayer(&p.deadLayers[i])
		if p.deadLayers[i].Aside {
			p.restore = append(p.restore, p.deadLayers[i])
		}
	}
	p.deadLayers = nil
}

func (p *garbage) collectTags() {
	if p.selected != nil {
		p.findSymlinks()
	}
	for i := range p.tags {
		t := &p.tags[i]
		if t.AsideName != "" {
			p.collectAside(t)
			continue
		}
		switch {
		case !p.isTagRemoved(t):
			p.hasKept = true
			continue
		case !t.is.has(tagWithoutSymlink) && p.r.HasSymlink(t.Tag):
			p.noteTag(t)
			p.hasKept = true
			continue
		}
		p.items = append(p.items, Item{Kind: Tag, ID: t.target, Extra: p.name(t.Name, 0)})
	}
}

// findSymlinks looks for symbolic links in the tags that a selection has, of
// which there may be many.
func (p *garbage) findSymlinks() {
	p.w.Each(p.ctx, len(p.tags), func(i int) {
		if t := &p.tags[i]; t.is.has(tagSelected) && t.AsideName == "" && !t.is.has(tagWithoutSymlink) {
			t.is.put(tagWithoutSymlink, !p.r.HasSymlink(t.Tag))
		}
	})
}

// collectAside decides about a tag that was set aside, out of tags/: it gets its name
// back if the image that it is about is live, or if it was rewritten meanwhile,
// unless a new one has its name.
func (p *garbage) collectAside(t *tag) {
	back := p.keep != Dead || p.protectsTag(t) || t.node >= 0 && (t.subject != 0 && p.subjectLives(t) || !t.is.has(tagAlong) && p.recent(t.Link.MTime))
	back = (back || t.node >= 0 && p.isUnlisted(t)) && !t.is.has(tagSelected)
	item := Item{Kind: Tag, ID: t.target, Extra: p.name(t.Name, 0), Aside: true}
	if back && !p.hasTagNamed(t.Name) {
		p.hasKept = true
		p.restore = append(p.restore, item)
		return
	}
	p.items = append(p.items, item)
}

func (p *garbage) collectManifests() {
	heights := p.heights()
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.link.has(linkPending) {
			continue
		}
		if !n.root.has(rootTagged) {
			p.totals.Untagged++
		}
		switch {
		case n.why != Dead:
			p.hasKept = true
			if n.link.has(linkAside) {
				p.restore = append(p.restore, Item{Kind: Manifest, ID: n.path, Aside: true})
			}
		case n.link.has(linkAsLayer):
			// Its link is a layer link, and is removed as one.
		default:
			p.history = true
			p.items = append(p.items, Item{Kind: Manifest, ID: n.path, Extra: heights[i], Aside: n.link.has(linkAside)})
		}
	}
}

// keepSignatures keeps the directories below revisions/ of live manifests that
// registry 2.1.0 linked as layers: it put their signatures there. It also keeps
// those of live referrers that are linked only below their subjects, and that
// have referrers themselves.
func (p *garbage) keepSignatures() {
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		at, ok := p.linked(i.ID)
		kept := i.Kind == RevisionDir && (ok && p.nodes[at].why != Dead && len(p.extra[at]) > 0 || p.about[i.ID] && p.isLive(i.ID) || p.showsKept(i.ID))
		p.hasKept = p.hasKept || kept
		return kept
	})
}

// heights are numbers of the manifests that are removed, each above those of its
// children, so that parents can be removed first.
func (p *garbage) heights() []uint32 {
	const entered = ^uint32(0)
	var heights []uint32
	var visit func(i int32) uint32
	visit = func(i int32) uint32 {
		n := &p.nodes[i]
		if heights[i] != 0 || n.place == 0 {
			if heights[i] == entered {
				return 0 // links that hold other digests than their paths can make circles
			}
			return heights[i]
		}
		heights[i] = entered
		height := uint32(0)
		m := p.manifest(n.linkedManifest)
		m.EachRef(func(id ID) {
			if at, ok := p.linked(id); ok && p.nodes[at].why == Dead {
				height = max(height, visit(at))
			}
		})
		heights[i] = height + 1
		return heights[i]
	}
	for i := range p.nodes {
		if p.nodes[i].why != Dead {
			continue
		}
		if heights == nil {
			heights = make([]uint32, len(p.nodes))
		}
		visit(int32(i))
	}
	return heights
}

// collectHistory lists the entries of kept tags whose manifest's link is gone or removed.
func (p *garbage) collectHistory() {
	entries := make([][]ID, len(p.tags))
	p.w.Each(p.ctx, len(p.tags), func(i int) { entries[i] = p.deadEntries(i) })
	for i, ids := range entries {
		if len(ids) == 0 {
			continue
		}
		name := p.name(p.tags[i].Name, 0)
		for _, id := range ids {
			if _, linked := p.linked(id); !linked {
				p.noteLostImage(id)
			}
			p.items = append(p.items, Item{Kind: TagHistory, ID: id, Extra: name})
		}
	}
}

// deadEntries are the entries of one tag. It is called concurrently.
func (p *garbage) deadEntries(i int) (dead []ID) {
	t := &p.tags[i]
	if t.AsideName != "" || t.Odd || t.Linked || p.isTagRemoved(t) {
		return nil
	}
	for _, id := range p.historyOf(i) {
		if at, linked := p.linked(id); (!linked || p.nodes[at].why == Dead) && !p.showsKept(id) {
			dead = append(dead, id)
		}
	}
	return dead
}
