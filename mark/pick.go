package mark

import (
	"cmp"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
)

// pickSelected leaves of what is garbage only what the selection made so, and what a
// run that was stopped has begun to remove.
func (p *garbage) pickSelected() {
	first := p.selected != nil && p.asks()
	if first && !p.l.rules.Selected.prunes() {
		p.refuseParents()
		p.refuseBorrowed()
	}
	if p.l.rules.Selected.sweepsGarbage() {
		p.ownLinks()
		if first {
			p.record()
		}
		return
	}
	whole, others := p.selectsAll(), 0
	tags := p.removedTags()
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		kept := i.Kind == Repository || !whole && !i.Aside && !p.isPicked(&i, tags)
		if kept && i.Kind != Repository {
			others++
		}
		return kept
	})
	others += p.ownLinks()
	if !p.hasKept && others == 0 && len(p.items) > 0 && p.l.aside == nil && !p.l.rules.Selected.TagsOnly {
		p.items = append(p.items, Item{Kind: Repository})
	}
	if first {
		p.record()
	}
}

// removedTags are the names of the tags that are removed.
func (p *garbage) removedTags() map[string]bool {
	names := map[string]bool{}
	for i := range p.tags {
		if t := &p.tags[i]; t.is.has(tagSelected | tagAlong) {
			names[t.Name] = true
		}
	}
	return names
}

// isPicked reports whether something is removed since the selection has what it
// belongs to. Which layer links are removed is known only when all blobs are known
// that are removed.
func (p *garbage) isPicked(i *Item, tags map[string]bool) bool {
	switch i.Kind {
	case LayerLink:
		return true
	case Temporary:
		return isSetAside(p.names[i.Extra].Text)
	case Tag:
		return tags[p.names[i.Extra].Text]
	case Manifest, TagHistory:
		at, ok := p.linked(i.ID)
		return ok && p.isRemoved(&p.nodes[at])
	}
	return false
}

// isSetAside reports whether a path is one that a stopped run gave: no later
// run would look for it.
func isSetAside(path string) bool { return strings.HasSuffix(path, layout.Own) }

// ownLinks finds the layer links that belong to what is removed, and counts the
// others: they are kept, unless their blobs are removed for another repository's sake.
func (p *garbage) ownLinks() (others int) {
	for i := range p.items {
		item := &p.items[i]
		if item.Kind != LayerLink {
			continue
		}
		_, id := p.ofSelected[item.ID]
		_, target := p.ofSelected[ID(item.Extra)]
		item.Own = p.selectsAll() || id || target
		if !item.Own && !item.Aside {
			others++
		}
	}
	return others
}

// refuseParents refuses to remove manifests from indexes that are kept, or, by force,
// remembers these.
func (p *garbage) refuseParents() {
	refused := map[int32]bool{}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.place == 0 || n.why == Dead {
			continue
		}
		for _, id := range p.refsOf(n.linkedManifest) {
			at, ok := p.linked(id)
			if !ok || at == int32(i) || !p.nodes[at].root.has(rootSelected) || refused[at] {
				continue
			}
			if p.l.rules.Selected.Force {
				p.selected.sparse[n.path] = n.mtime
				break
			}
			refused[at] = true
			p.selected.refuse("remove the index, too, or give --force, which leaves the index incomplete",
				"%s@%s is a part of the index %s, which is kept", p.r.Name, p.s.Table.Digest(id), strings.Join(p.references(n.linkedManifest), ", "))
		}
	}
}

// refuseBorrowed refuses what is behind a symbolic link.
func (p *garbage) refuseBorrowed() {
	if p.r.Linked && len(p.selected.refusals) == 0 {
		p.selected.refuse("remove it where it really is", "%q is or contains a symbolic link: nothing is removed behind it", p.r.Name)
	}
}

// record records what is removed, for the Looks after this one and for who asked.
func (p *garbage) record() {
	a := p.selected
	if p.l.rules.Selected.prunes() {
		p.recordSelected()
		return
	}
	tags := p.recordTags()
	var kept map[int32]bool
	if p.l.rules.Selected.TagsOnly {
		kept = p.kept()
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		if p.isRemoved(n) {
			a.manifests[n.path] = selectedNode{mtime: n.mtime, named: n.root.has(rootSelected)}
		}
		g := SelectedImage{Repository: p.r.Name, Digest: p.s.Table.Digest(n.path), Role: n.role, Unread: n.place == 0 || n.link.has(linkUnread), Unlinked: n.link.has(linkAsLayer)}
		if !p.isRemoved(n) {
			if len(tags[int32(i)]) == 0 {
				continue
			}
			g.Role, g.Untagged = Named, kept != nil && !kept[int32(i)]
		}
		p.nameTags(&g, tags[int32(i)])
		a.images = append(a.images, g)
	}
	if len(tags[-1]) > 0 {
		g := SelectedImage{Repository: p.r.Name, Role: Named}
		p.nameTags(&g, tags[-1])
		a.images = append(a.images, g)
	}
	slices.SortFunc(a.images, func(a, b SelectedImage) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), a.Digest.Compare(b.Digest))
	})
}

// recordTags returns the tags that are removed, by the manifests that they name.
func (p *garbage) recordTags() map[int32][]*tag {
	tags := map[int32][]*tag{}
	for i := range p.tags {
		t := &p.tags[i]
		if !t.is.has(tagSelected) && !(t.is.has(tagAlong) && p.isTagRemoved(t)) || t.AsideName != "" {
			continue
		}
		if t.is.has(tagAlong) {
			p.selected.tags[t.Name] = selectedTag{target: t.target, mtime: t.Link.MTime, with: true}
		}
		tags[t.node] = append(tags[t.node], t)
	}
	return tags
}

func (p *garbage) nameTags(g *SelectedImage, tags []*tag) {
	for _, t := range tags {
		g.Tags = append(g.Tags, t.Name)
		if !t.is.has(tagNamed) {
			g.Unnamed = append(g.Unnamed, t.Name)
		}
		if t.is.has(tagAlong) {
			g.Role = Signature
		}
	}
	slices.Sort(g.Tags)
	slices.Sort(g.Unnamed)
}

// kept are the manifests that a kept tag names, or another manifest, or that are
// about one that is there.
func (p *garbage) kept() map[int32]bool {
	kept := map[int32]bool{}
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" && !t.is.has(tagSelected) {
			kept[t.node] = true
		}
	}
	for i := range p.nodes {
		m := p.manifest(&p.manifests[i])
		for _, id := range p.refsOf(&p.manifests[i]) {
			if at, ok := p.linked(id); ok && at != int32(i) {
				kept[at] = true
			}
		}
		kept[int32(i)] = kept[int32(i)] || slices.ContainsFunc(m.Subjects, func(id ID) bool { _, ok := p.linked(id); return ok })
	}
	return kept
}

// pickSelected leaves of what is garbage only what the selection made so: blobs that
// the removed manifests had named, and links to these wherever they are, so that none
// is left that leads to nothing.
func (l *Look) pickSelected() {
	if l.rules.Selected.sweepsGarbage() {
		return
	}
	removed := map[ID]bool{}
	for _, i := range l.Items {
		if i.Kind == Blob && (i.Aside || l.Store.Table.At(i.ID).has(isOfSelected)) {
			removed[i.ID] = true
		}
	}
	l.Items = slices.DeleteFunc(l.Items, func(i Item) bool {
		switch i.Kind {
		case Blob:
			return !removed[i.ID]
		case LayerLink:
			return !i.Own && !i.Aside && !removed[ID(i.Extra)]
		case BlobDir, Namespace:
			return true
		case Temporary:
			return i.Repo == NoRepo && !isSetAside(l.Names[i.Extra].Text)
		}
		return false
	})
}

// IsRewritten reports whether an item to remove has been written since the look.
// An item of a selection is rewritten if its time has changed. Any other item is
// rewritten if it is recent.
func (l *Look) IsRewritten(i *Item, mtime int64) bool {
	a := l.rules.Selected.within(l.RepositoryOf(i))
	if a == nil {
		return l.rules.recent(mtime)
	}
	if was, ok := a.tags[l.NameOf(i)]; ok && i.Kind == Tag {
		return mtime != was.mtime
	}
	if was, ok := a.manifests[i.ID]; ok && i.Kind == Manifest {
		return mtime != was.mtime
	}
	if i.Kind == LayerLink && i.Own {
		return mtime > l.rules.Now.UnixNano()
	}
	return l.rules.recent(mtime)
}

// Shared counts the blobs that the removed items had reached and that are kept
// because others need them.
func (l *Look) Shared() (blobs, bytes int64) {
	if l.rules.Selected == nil {
		return 0, 0
	}
	for _, r := range l.Store.Table.All() {
		if r.has(hasBlob|isBelow) && r.reason() != Dead {
			blobs++
			bytes += r.size
		}
	}
	return blobs, bytes
}

// Cure reduces the plan's items to the links of manifests that cannot be read, and
// their tags. These can be removed whatever else there is.
func (l *Look) Cure() {
	l.Items = slices.DeleteFunc(l.Items, func(i Item) bool { return i.Aside || i.Kind != Tag && i.Kind != Manifest })
	l.Restore = nil
}
