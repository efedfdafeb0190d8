package mark

import (
	"slices"
)

// holdToListing drops from a selection that was made of a plan what has changed
// since, for the first Look and all others. A link that is older than the plan
// says is still the plan's: the store may have been copied. All Looks of this run
// expect the time that it has now.
func (p *selection) holdToListing(a *selectedIn) {
	if a.whole && p.uploads.active || p.keep == Protected {
		why := isGuardedBy
		if p.keep != Protected {
			why = whileUpload
		}
		for i := range p.listed.items {
			p.listed.g.skip(&p.listed.items[i], why)
		}
		a.whole = false
		clear(a.tags)
		clear(a.manifests)
		return
	}
	planned := len(a.manifests)
	p.findUsed()
	dropped := p.dropManifests(a)
	tags := map[string]selectedTag{}
	for i := range p.tags {
		t := &p.tags[i]
		was, ok := a.tags[t.Name]
		if !ok || t.target != was.target || p.keepsTag(t, planned > 0, dropped) {
			continue
		}
		// It may have been written again with the same digest.
		was.mtime = max(t.Link.MTime, tags[t.Name].mtime)
		tags[t.Name] = was
	}
	a.tags = tags
}

// dropManifests drops manifests that have changed, and returns their links'
// paths. The others, and indexes that may lack parts, get the times that their
// links have now.
func (p *selection) dropManifests(a *selectedIn) map[ID]bool {
	dropped := map[ID]bool{}
	for i := range p.nodes {
		n := &p.nodes[i]
		if at, ok := a.sparse[n.path]; ok && n.mtime < at {
			a.sparse[n.path] = n.mtime
		}
		was, ok := a.manifests[n.path]
		if !ok {
			continue
		}
		isLost := p.l.rules.Selected.prunes() && p.keepsLost(int32(i))
		if isLost || p.isUsed(int32(i)) || n.mtime > was.mtime || p.protectsNode(n) || n.link.has(linkPinned) && !n.link.has(linkAsLayer) || n.root.has(rootForced) && !was.named {
			dropped[n.path] = true
		}
		was.mtime = n.mtime
		a.manifests[n.path] = was
	}
	for id := range dropped {
		delete(a.manifests, id)
	}
	return dropped
}

// keepsTag reports whether a tag that names the same digest is kept all the same.
func (p *selection) keepsTag(t *tag, withImages bool, dropped map[ID]bool) bool {
	switch {
	case p.protectsTag(t):
		p.skipTag(t, isGuardedBy)
	case p.used.tag != nil && p.used.tag(t.Name) || t.node >= 0 && p.isUsed(t.node):
		p.skipTag(t, isPulled)
	case t.Linked || p.r.HasSymlink(t.Tag):
		p.skipTag(t, behindSymlink)
	case withImages && t.node >= 0 && dropped[p.nodes[t.node].path]:
		// The image has been pushed again: without the tag it could hardly be found.
		p.skipTag(t, imageIsKept)
	default:
		return false
	}
	return true
}

func (p *selection) skipTag(t *tag, why string) {
	if i := p.listed.find(Tag, 0, t.Name); i != nil {
		p.listed.g.skip(i, why)
	}
}

// pickListed leaves of what is garbage only what is listed and has not been
// written since. What is not listed keeps its blob, as far as it would by being
// no garbage.
func (p *garbage) pickListed() {
	if p.selected != nil {
		p.ownLinks()
	}
	left := 0
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		removed := p.mayBeRemoved(&i)
		if !removed {
			left++
		}
		return !removed
	})
	if left > 0 {
		p.items = slices.DeleteFunc(p.items, func(i Item) bool { return i.Kind == Repository })
	}
	if p.l.first {
		p.tellSkipped()
	}
}

// mayBeRemoved decides about one thing that is garbage.
func (p *garbage) mayBeRemoved(i *Item) bool {
	name := ""
	if i.named() {
		name = p.names[i.Extra].Text
	}
	found := p.listed.find(i.Kind, i.ID, name)
	switch i.Kind {
	case Tag:
		// One that was set aside is here only if it cannot get its name back, or is listed.
		if i.Aside || found != nil && found.id == i.ID {
			return true
		}
		p.keepDangling(i, name)
		return false
	case LayerLink:
		if found != nil && p.linkTimes[i.ID] <= found.mtime {
			return true
		}
		p.s.Table.At(ID(i.Extra)).mark(Rooted)
		if i.Aside {
			p.restore = append(p.restore, *i)
		}
		return false
	case Temporary:
		return found != nil || isSetAside(name)
	}
	return found != nil
}

// keepDangling keeps what a tag names that is not listed, and whose manifest is
// not linked, unless it was so when the plan was made: rm leaves such tags alone.
func (p *garbage) keepDangling(i *Item, name string) {
	if p.l.rules.Selected == nil || slices.ContainsFunc(p.tags, func(t tag) bool { return t.Name == name && p.listed.g.isNewer(t.Link.MTime) }) {
		p.s.Table.At(i.ID).mark(Rooted)
	}
}

// pickListed leaves of blobs and what is in no repository only what is listed
// and, of blobs, has not been written since.
func (l *Look) pickListed() {
	listed := l.rules.Listed.within("")
	l.Items = slices.DeleteFunc(l.Items, func(i Item) bool {
		if i.Repo != NoRepo {
			return false
		}
		newer := i.Kind == Blob && !i.Aside && l.Store.Table.At(i.ID).has(isNewer)
		if found := listed.find(i.Kind, i.ID, l.NameOf(&i)); found != nil && !newer || i.Kind == Temporary && isSetAside(l.NameOf(&i)) {
			return false
		}
		if i.Aside {
			l.Restore = append(l.Restore, i)
		}
		return true
	})
}
