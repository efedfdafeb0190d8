package mark

import (
	"cmp"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Why items of a plan are left out. Other reasons are whyStays's.
const (
	inUse       = "something that stays needs it"
	isGone      = "it is gone"
	isYoung     = "it is too young"
	isGuardedBy = "it is protected"
	isRewritten = "it has been written again since the plan was made"
	isTagged    = "a tag names it"
	imageStays  = "its image stays"
	notEmpty    = "it is not empty"
	uploadGoes  = "it is being written to, or too young"
	whileUpload = "something is being uploaded to its repository"
	leftover    = "it is gone, in use, or too young"
)

// lists reports whether a plan was written down that lists what may go.
func (p *pass) lists() bool { return p.listed.g != nil }

// listsNode reports whether a manifest is listed, and has not been linked again since.
func (p *pass) listsNode(n *node) bool {
	i := p.listed.find(Manifest, n.path, "")
	return i != nil && n.mtime <= i.mtime
}

// listsTag reports whether a tag is listed, and names what it did then.
func (p *pass) listsTag(t *tag) bool {
	i := p.listed.find(Tag, 0, t.Name)
	return i != nil && i.id == p.s.Table.Lookup(t.Link.Target)
}

// isUnlisted reports whether a plan was written down that does not list a tag:
// it is a root, though it may be about an image that goes.
func (p *pass) isUnlisted(t *tag) bool { return p.lists() && !p.listsTag(t) }

// holdToListing drops from a Removal that was made of a plan what has changed
// since, for the first Look and all others.
func (p *pass) holdToListing(a *removalIn) {
	if a.whole && p.uploading || p.keep == Protected {
		why := isGuardedBy
		if p.keep != Protected {
			why = whileUpload
		}
		for i := range p.listed.items {
			p.listed.g.leaveOut(&p.listed.items[i], why)
		}
		a.whole = false
		clear(a.tags)
		clear(a.manifests)
		return
	}
	planned := len(a.manifests)
	dropped := p.dropManifests(a)
	tags := map[string]takenTag{}
	for i := range p.tags {
		t := &p.tags[i]
		was, ok := a.tags[t.Name]
		if !ok || t.Link.Target != was.target || p.keepsTag(t, planned > 0, dropped) {
			continue
		}
		// It may have been written again with the same digest. Later Looks of this
		// run hold it to what it is now.
		was.mtime = max(t.Link.MTime, tags[t.Name].mtime)
		tags[t.Name] = was
	}
	a.tags = tags
}

// dropManifests drops manifests that have changed, and returns their links' paths.
func (p *pass) dropManifests(a *removalIn) map[ID]bool {
	dropped := map[ID]bool{}
	for i := range p.nodes {
		n := &p.nodes[i]
		was, ok := a.manifests[n.path]
		if !ok {
			continue
		}
		if n.mtime > was.mtime || p.protectsNode(n) || n.pinned && !n.layer || n.forced && !was.named {
			dropped[n.path] = true
		}
	}
	for id := range dropped {
		delete(a.manifests, id)
	}
	return dropped
}

// keepsTag reports whether a tag that names the same digest stays all the same.
func (p *pass) keepsTag(t *tag, withImages bool, dropped map[ID]bool) bool {
	switch {
	case p.protectsTag(t):
		p.leaveOutTag(t, isGuardedBy)
	case t.Linked || p.r.HasSymlink(&t.Tag):
		p.leaveOutTag(t, heldSymlink)
	case withImages && t.node >= 0 && dropped[p.nodes[t.node].path]:
		// The image has been pushed again: without the tag it could hardly be found.
		p.leaveOutTag(t, imageStays)
	default:
		return false
	}
	return true
}

func (p *pass) leaveOutTag(t *tag, why string) {
	if i := p.listed.find(Tag, 0, t.Name); i != nil {
		p.listed.g.leaveOut(i, why)
	}
}

// pickListed leaves of what is garbage only what is listed and has not been
// written since. What is not listed keeps its blob, as far as it would by being
// no garbage.
func (p *pass) pickListed() {
	if p.away != nil {
		p.ownLinks()
	}
	left := 0
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		goes := p.mayGoListed(&i)
		if !goes {
			left++
		}
		return !goes
	})
	if left > 0 {
		p.items = slices.DeleteFunc(p.items, func(i Item) bool { return i.Kind == Repository })
	}
	if !p.listed.g.settled && p.l.aside == nil {
		p.tellLeftOut()
	}
}

// mayGoListed decides about one thing that is garbage.
func (p *pass) mayGoListed(i *Item) bool {
	name := ""
	if i.named() {
		name = p.names[i.Extra].Text
	}
	found := p.listed.find(i.Kind, i.ID, name)
	switch i.Kind {
	case Tag:
		// One that was taken is here only if it cannot go back, or is listed.
		if i.Aside || found != nil && found.id == i.ID {
			return true
		}
		p.keepDangling(i, name)
		return false
	case LayerLink:
		if found != nil && p.linkTimes[i.ID] <= found.mtime {
			return true
		}
		p.s.Table.record(ID(i.Extra)).mark(Rooted)
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
func (p *pass) keepDangling(i *Item, name string) {
	if p.l.rules.Away == nil || slices.ContainsFunc(p.tags, func(t tag) bool { return t.Name == name && p.listed.g.isNewer(t.Link.MTime) }) {
		p.s.Table.record(i.ID).mark(Rooted)
	}
}

// tellLeftOut says why what is listed of this repository does not go.
func (p *pass) tellLeftOut() {
	for k := range p.items {
		i := &p.items[k]
		name := ""
		if i.named() {
			name = p.names[i.Extra].Text
		}
		if found := p.listed.find(i.Kind, i.ID, name); found != nil {
			found.why = goes
		}
	}
	tags := map[string]*tag{}
	for k := range p.tags {
		if t := &p.tags[k]; t.Taken == "" {
			tags[t.Name] = t
		}
	}
	for k := range p.listed.items {
		if i := &p.listed.items[k]; i.why == 0 {
			p.listed.g.leaveOut(i, p.whyLeftOut(i, tags[p.listed.g.nameOf(i)]))
		}
	}
}

// whyLeftOut is about one item; t is the tag that it is, or is in the history of.
func (p *pass) whyLeftOut(i *listed, t *tag) string {
	switch i.kind {
	case Tag:
		return p.whyTagStays(i, t)
	case Manifest:
		return p.whyManifestStays(i)
	case LayerLink:
		return p.whyLayerStays(i)
	case TagHistory:
		if t != nil && slices.Contains(p.r.History(&t.Tag), p.s.Table.Digest(i.id)) {
			return inUse
		}
		return isGone
	case Upload:
		if p.uploads[p.listed.g.nameOf(i)] {
			return uploadGoes
		}
		return isGone
	case Repository:
		return notEmpty
	}
	return leftover
}

func (p *pass) whyTagStays(i *listed, t *tag) string {
	switch {
	case t == nil:
		return isGone
	case p.s.Table.Lookup(t.Link.Target) != i.id && t.Link.State != walker.LinkGood:
		return isRewritten
	case p.s.Table.Lookup(t.Link.Target) != i.id:
		return "it names " + t.Link.Target.String() + " now"
	case p.protectsTag(t):
		return isGuardedBy
	case p.heldAll() != "":
		return p.heldAll()
	case t.node < 0:
		return isYoung
	}
	return imageStays
}

func (p *pass) whyManifestStays(i *listed) string {
	at, ok := p.linked(i.id)
	if !ok || p.nodes[at].path != i.id {
		return isGone
	}
	n := &p.nodes[at]
	switch {
	case n.mtime > i.mtime:
		return isRewritten
	case n.tagged && !p.protectsNode(n):
		return isTagged
	case n.why == Fresh:
		return isYoung
	}
	return p.whyStays(at)
}

func (p *pass) whyLayerStays(i *listed) string {
	l := p.r.HasLayer(p.ctx, p.s.Table.Digest(i.id))
	switch {
	case l.State == walker.LinkMissing:
		return isGone
	case p.heldAll() != "":
		return p.heldAll()
	case l.MTime > i.mtime:
		return isRewritten
	}
	return inUse
}

// pickListed leaves of blobs and what is in no repository only what is listed.
func (l *Look) pickListed() {
	listed := l.rules.Listed.within("")
	l.Items = slices.DeleteFunc(l.Items, func(i Item) bool {
		if i.Repo != NoRepo {
			return false
		}
		if found := listed.find(i.Kind, i.ID, l.NameOf(&i)); found != nil || i.Kind == Temporary && isSetAside(l.NameOf(&i)) {
			return false
		}
		if i.Aside {
			l.Restore = append(l.Restore, i)
		}
		return true
	})
}

// LeftOut is an item of a plan that does not go, and why.
type LeftOut struct {
	Listed
	Why string
}

// settle tells, after the first Look, why items that are not in it are left out.
func (g *Listing) settle(l *Look) {
	if g == nil || g.settled {
		return
	}
	g.settled = true
	for k := range g.items {
		if i := &g.items[k]; i.why == goes {
			i.why = 0 // in the end it may not
		}
	}
	for k := range l.Items {
		i := &l.Items[k]
		if found := g.within(l.RepositoryOf(i)).find(i.Kind, i.ID, l.NameOf(i)); found != nil {
			found.why = goes
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
		case i.why == goes:
		case g.repos[i.repo] == "":
			g.leaveOut(i, l.whyLeftOut(i))
		case !there[i.repo]:
			g.leaveOut(i, isGone)
		case i.why == 0 && l.Borrowed != "":
			g.leaveOut(i, heldSymlink)
		case i.why == 0:
			g.leaveOut(i, inUse)
		}
	}
}

func (l *Look) whyLeftOut(i *listed) string {
	if i.kind != Blob {
		return leftover
	}
	r := l.Store.Table.record(i.id)
	if !r.has(hasBlob) {
		return isGone
	}
	switch r.reason() {
	case Fresh:
		return "it, or a link to it, is too young"
	case Protected:
		return isGuardedBy
	case Broken:
		return "it is linked in a repository that cannot be read in full"
	}
	return inUse
}

// EachLeftOut calls fn for every item of the plan that the first Look has not
// found to go, sorted by kind, repository, name and digest.
func (g *Listing) EachLeftOut(fn func(LeftOut)) {
	if g == nil {
		return
	}
	var left []*listed
	for k := range g.items {
		if g.items[k].why != goes {
			left = append(left, &g.items[k])
		}
	}
	slices.SortFunc(left, func(a, b *listed) int {
		if c := cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.repo, b.repo), cmp.Compare(g.nameOf(a), g.nameOf(b))); c != 0 {
			return c
		}
		return g.digestOf(a).Compare(g.digestOf(b))
	})
	for _, i := range left {
		fn(LeftOut{
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
