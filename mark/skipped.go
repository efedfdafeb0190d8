package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// tellSkipped says why what is listed of this repository is not removed.
func (p *garbage) tellSkipped() {
	for k := range p.items {
		i := &p.items[k]
		name := ""
		if i.named() {
			name = p.names[i.Extra].Text
		}
		if found := p.listed.find(i.Kind, i.ID, name); found != nil {
			found.why = notSkipped
		}
	}
	tags := map[string]*tag{}
	for k := range p.tags {
		if t := &p.tags[k]; t.AsideName == "" {
			tags[t.Name] = t
		}
	}
	for k := range p.listed.items {
		if i := &p.listed.items[k]; i.why == 0 {
			p.listed.g.skip(i, p.whySkipped(i, tags[p.listed.g.nameOf(i)]))
		}
	}
}

// whySkipped is about one item; t is the tag that it is, or is in the history of.
func (p *garbage) whySkipped(i *listed, t *tag) string {
	switch i.kind {
	case Tag:
		return p.whyTagIsKept(i, t)
	case Manifest:
		return p.whyManifestIsKept(i)
	case LayerLink:
		return p.whyLayerIsKept(i)
	case TagHistory:
		if t != nil && slices.Contains(p.r.History(t.Tag), p.s.Table.Digest(i.id)) {
			return inUse
		}
		return isGone
	case Upload:
		if p.uploads.ids[p.listed.g.nameOf(i)] {
			return uploadIsActive
		}
		return isGone
	case Repository:
		return notEmpty
	}
	return leftover
}

func (p *garbage) whyTagIsKept(i *listed, t *tag) string {
	switch {
	case t == nil:
		return isGone
	case t.target != i.id && t.Link.State != walker.LinkGood:
		return isRewritten
	case t.target != i.id:
		return "it names " + t.Link.Target.String() + " now"
	case p.protectsTag(t):
		return isGuardedBy
	case p.used.tag != nil && p.used.tag(t.Name) || t.node >= 0 && p.isUsed(t.node):
		return isPulled
	case p.whyUndecidable() != "":
		return p.whyUndecidable()
	case t.node < 0:
		return tooRecent
	}
	return imageIsKept
}

func (p *garbage) whyManifestIsKept(i *listed) string {
	at, ok := p.linked(i.id)
	if !ok || p.nodes[at].path != i.id {
		return isGone
	}
	n := &p.nodes[at]
	switch {
	case n.mtime > i.mtime:
		return isRewritten
	case p.isUsed(at):
		return isPulled
	case n.root.has(rootTagged) && !p.protectsNode(n):
		return isTagged
	case n.why == Recent:
		return tooRecent
	}
	return p.whyIsKept(at)
}

func (p *garbage) whyLayerIsKept(i *listed) string {
	l := p.r.HasLayer(p.ctx, p.s.Table.Digest(i.id))
	switch {
	case l.State == walker.LinkMissing:
		return isGone
	case p.whyUndecidable() != "":
		return p.whyUndecidable()
	case l.MTime > i.mtime:
		return isRewritten
	}
	return inUse
}

// Skipped is an item of a plan that is not removed, and why.
type Skipped struct {
	Listed
	Why string
}

// tellSkipped tells, after the first Look, why items that are not in it are skipped.
func (g *Listing) tellSkipped(l *Look) {
	if g == nil {
		return
	}
	for k := range g.items {
		if i := &g.items[k]; i.why == notSkipped {
			i.why = 0 // in the end it may not
		}
	}
	for k := range l.Items {
		i := &l.Items[k]
		if found := g.within(l.RepositoryOf(i)).find(i.Kind, i.ID, l.NameOf(i)); found != nil {
			found.why = notSkipped
		}
	}
	there := make([]bool, len(g.repos))
	for i := range l.Repositories {
		if at, ok := slices.BinarySearch(g.repos, l.Repositories[i].Name); ok {
			there[at] = true
		}
	}
	for k := range g.items {
		switch i := &g.items[k]; {
		case i.why == notSkipped:
		case g.lacksReason(i) && l.isListedShared(g, i):
			g.skip(i, otherNameLeads)
		case g.repos[i.repo] == "":
			g.skip(i, l.whySkipped(i))
		case !there[i.repo]:
			g.skip(i, isGone)
		case i.why == 0 && l.Borrowed != "":
			g.skip(i, behindSymlink)
		case i.why == 0:
			g.skip(i, inUse)
		}
	}
}

// lacksReason reports whether nothing says more about an item than that it is kept.
func (g *Listing) lacksReason(i *listed) bool {
	return i.why == 0 || slices.Contains([]string{inUse, imageIsKept, leftover}, g.texts[i.why-1])
}

func (l *Look) whySkipped(i *listed) string {
	if i.kind != Blob {
		return leftover
	}
	r := l.Store.Table.At(i.id)
	if !r.has(hasBlob) {
		return isGone
	}
	switch r.reason() {
	case Recent:
		return "it, or a link to it, is too recent"
	case Protected:
		return isGuardedBy
	case Broken:
		return "it is linked in a repository that cannot be read in full"
	case Dead:
		if r.has(isNewer) {
			return isRewritten
		}
	}
	return inUse
}

// EachSkipped calls fn for every item of the plan that the first Look does not
// remove, in no particular order.
func (g *Listing) EachSkipped(fn func(Skipped)) {
	if g == nil {
		return
	}
	for k := range g.items {
		i := &g.items[k]
		if i.why == notSkipped {
			continue
		}
		fn(Skipped{
			Listed: Listed{Kind: i.kind, Repository: g.repos[i.repo], Name: g.nameOf(i), Digest: g.digestOf(i), MTime: i.mtime, Part: i.part},
			Why:    g.texts[i.why-1],
		})
	}
}

func (g *Listing) digestOf(i *listed) layout.Digest {
	if i.id == 0 {
		return layout.Digest{}
	}
	return g.table.Digest(i.id)
}
