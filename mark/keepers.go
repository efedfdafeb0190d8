package mark

import (
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// tell tells of one thing what the repository knows.
func (g *keeping) tell(a *Asked) (f found) {
	id := g.s.Table.Lookup(a.Digest)
	if id != 0 {
		g.explain(id, &f)
	}
	switch {
	case a.Repository == "" && id != 0:
		f.keepers = g.ofBlob(id)
	case a.Repository != g.r.Name:
	case a.Tag != "":
		f.keepers = g.ofTag(a.Tag)
	case id != 0:
		if at, ok := g.linked(id); ok {
			f.keepers = g.ofManifest(at)
		}
	}
	return f
}

// explain finds the shortest way to a digest, and the links to it.
func (g *keeping) explain(id ID, f *found) {
	at, isNode := g.linked(id)
	if isNode || g.here.get(id).reasons != 0 {
		if steps := g.nearest(g.climbTo(id), id); steps != nil {
			f.paths = append(f.paths, foundPath{g.r.Name, steps})
		}
	}
	f.unread = isNode && g.failed[at] != nil
	if f.paths == nil && g.keep != Dead && g.isLive(id) {
		f.broken = append(f.broken, g.r.Name)
	}
	for _, l := range g.noted {
		if l.id == id || l.target == id {
			f.linked = true
			if l.mtime > 0 {
				f.until = max(f.until, g.linkUntil(l.mtime))
			}
		}
	}
	for _, i := range g.deadLayers {
		f.linked = f.linked || i.ID == id || ID(i.Extra) == id
	}
	if to, ok := g.aliases[id]; ok {
		f.aliases = map[ID]bool{to: true}
	}
}

// linkUntil is when a layer link is too old to keep its blob. An upload makes
// links last longer as long as it is recent itself.
func (p *facts) linkUntil(mtime int64) int64 {
	until := disk.Later(mtime, p.l.rules.Grace)
	if p.uploads.active {
		until = max(until, min(disk.Later(mtime, p.l.rules.UploadsOlderThan), disk.Later(p.uploads.newest, p.l.rules.Grace)))
	}
	return until
}

// ofManifest is what keeps a manifest's link.
func (g *keeping) ofManifest(at int32) []Keeper {
	l := g.climb([]int32{at})
	return g.sorted(append(g.ofLadder(l, g.nodes[at].path), g.ofRepository(g.nodes[at].path)...))
}

// ofBlob is what of this repository keeps a blob.
func (g *keeping) ofBlob(id ID) []Keeper {
	_, isNode := g.linked(id)
	if !isNode && g.here.get(id).reasons == 0 && len(g.noted) == 0 {
		return nil
	}
	l := g.climbTo(id)
	list := append(g.ofLadder(l, id), g.ofRepository(id)...)
	return g.sorted(append(list, g.ofLinks(l, id)...))
}

// ofRepository is what keeps all that the repository links.
func (g *keeping) ofRepository(id ID) []Keeper {
	k := Keeper{Repository: g.r.Name, at: -1}
	_, isNode := g.linked(id)
	switch {
	case !isNode && !g.isLive(id):
		return nil
	case g.keep == Protected:
		k.Kind, k.By = KeptProtected, g.whole()
	case g.keep != Dead:
		k.Kind = KeptBroken
	case g.r.Linked:
		k.Kind = KeptBySymlink
	default:
		return nil
	}
	return []Keeper{k}
}

// ofLinks are the layer links, and tags without a manifest, that keep a blob for
// their age.
func (g *keeping) ofLinks(l *ladder, id ID) (list []Keeper) {
	add := func(kind KeeperKind, mtime, until int64) {
		list = append(list, Keeper{Kind: kind, Repository: g.r.Name, Written: nanoseconds(mtime), Until: nanoseconds(until), at: -1})
	}
	for _, n := range g.noted {
		at, isNode := g.linked(n.target)
		switch {
		case n.mtime == 0: // of a repository that cannot be read in full
		case n.id != id && n.target != id && !(isNode && l.has(at)):
		case n.target == 0:
			add(KeptRecentTag, n.mtime, disk.Later(n.mtime, g.l.rules.Grace))
		default:
			add(KeptRecentLink, n.mtime, g.linkUntil(n.mtime))
		}
	}
	if len(l.order) == 0 {
		return list
	}
	// What manifests need is not noted, but keeps its blob for its age after them.
	for _, one := range g.linksTo(id) {
		path := layout.LayerDir(g.r.Name, g.s.Table.Digest(one)) + "/" + layout.Link
		switch info, err := g.w.Store().Stat(path); {
		case err != nil && !disk.Gone(err):
			g.w.Unreadable(path, err)
		case err == nil && g.recentLayer(info.MTime):
			add(KeptRecentLink, info.MTime, g.linkUntil(info.MTime))
		}
	}
	return list
}

// linksTo are the names of layer links that lead to a blob.
func (g *keeping) linksTo(id ID) []ID {
	list := []ID{id}
	for name, to := range g.aliases {
		if to == id {
			list = append(list, name)
		}
	}
	return list
}

// ofLadder are the roots among what leads to a thing.
func (g *keeping) ofLadder(l *ladder, id ID) (list []Keeper) {
	retained := -1 // one that counts only if there is nothing above it
	for _, at := range l.order {
		n := len(list)
		list = g.ofNode(list, at)
		if len(list) == n && g.retained(&g.nodes[at]) && !g.nodes[at].root.has(rootSelected) {
			if len(g.up[at]) == 0 {
				list = append(list, g.keeperAt(KeptByManifest, at, g.nodes[at].mtime))
			} else if retained < 0 {
				retained = int(at)
			}
		}
	}
	if len(list) == 0 && retained >= 0 {
		list = append(list, g.keeperAt(KeptByManifest, int32(retained), g.nodes[retained].mtime))
	}
	if t := g.circles(l); t != nil {
		k := g.keeperAt(KeptInCircle, t.node, t.Link.MTime)
		k.Tag = t.Name
		list = append(list, k)
	}
	for i := range list {
		if k := &list[i]; k.at >= 0 {
			k.Path = g.path(l, k.at, id, k.name(), k.Tag != "")
		}
	}
	return list
}

func (g *keeping) keeperAt(kind KeeperKind, at int32, mtime int64) Keeper {
	return Keeper{Kind: kind, Repository: g.r.Name, Digest: g.s.Table.Digest(g.nodes[at].path), Written: nanoseconds(mtime), at: at}
}

// ofNode adds what makes a manifest a root, but for its link alone.
func (g *keeping) ofNode(list []Keeper, at int32) []Keeper {
	n := &g.nodes[at]
	if n.root.has(rootSelected) {
		return list
	}
	add := func(kind KeeperKind, mtime, until int64, tag string) {
		k := g.keeperAt(kind, at, mtime)
		k.Tag, k.Until = tag, nanoseconds(until)
		list = append(list, k)
	}
	tagged := false
	for _, t := range g.byNode[at] {
		switch {
		case t.is.has(tagSelected) || t.subject != 0:
		case g.imageOf(t) >= 0:
			add(KeptByTag, t.Link.MTime, disk.Later(t.Link.MTime, g.l.rules.Grace), t.Name)
		default:
			add(KeptByTag, t.Link.MTime, 0, t.Name)
			tagged = true
		}
	}
	switch {
	case n.root.has(rootForced):
		add(KeptDamaged, n.mtime, 0, "")
	case n.link.has(linkPinned) && !n.link.has(linkAsLayer):
		add(KeptBySymlink, n.mtime, 0, "")
	}
	if g.protectsNode(n) {
		add(KeptProtected, n.mtime, 0, "")
		list[len(list)-1].By = g.lineOf(n)
	}
	if !tagged && !g.retained(n) && g.recentRoot(n) {
		add(KeptRecentUpload, n.mtime, g.recentUntil(n), "")
	}
	return list
}

// recentUntil is when a manifest is too old to be a root for its age.
func (g *keeping) recentUntil(n *node) int64 {
	r := &g.l.rules
	if n.link.has(linkAside | linkPending) {
		return disk.Later(n.mtime, r.Grace)
	}
	until := disk.Later(n.mtime, max(r.Grace, r.OlderThan))
	if g.losesLately(n.linkedManifest) {
		until = max(until, disk.Later(g.lostTag(n.linkedManifest), r.OlderThan))
	}
	if g.s.Table.At(n.id).has(hasBlob | isRecent) {
		if b, ok := g.w.StatBlob(g.s.Table.Digest(n.id)); ok && b.State != walker.BlobSpecial {
			until = max(until, disk.Later(b.MTime, r.Grace))
		}
	}
	return until
}

// ofTag is what keeps a tag.
func (g *keeping) ofTag(name string) []Keeper {
	at := slices.IndexFunc(g.tags, func(t tag) bool { return t.Name == name && t.AsideName == "" })
	if at < 0 {
		return nil
	}
	t := &g.tags[at]
	k := Keeper{Repository: g.r.Name, Tag: name, Written: nanoseconds(t.Link.MTime), at: -1}
	if t.node >= 0 {
		k.Digest = g.s.Table.Digest(g.nodes[t.node].path)
	}
	g.build()
	image := g.imageOf(t)
	switch {
	case t.is.has(tagSelected):
		return nil
	case g.protectsTag(t) || g.keep == Protected:
		if k.Kind, k.By = KeptProtected, g.lineOfTag(t); k.By == nil {
			k.By = g.whole()
		}
	case g.keep != Dead:
		k.Kind = KeptBroken
	case t.Linked || g.r.Linked || g.r.HasSymlink(t.Tag):
		k.Kind = KeptBySymlink
	case t.Odd || t.Link.State != walker.LinkGood:
		k.Kind = KeptDamaged
	case t.node >= 0 && image < 0:
		k.Kind = KeptByImage
	case g.recent(t.Link.MTime):
		k.Kind, k.Until = KeptRecentTag, nanoseconds(disk.Later(t.Link.MTime, g.l.rules.Grace))
	}
	var list []Keeper
	if k.Kind != 0 {
		list = append(list, k)
	}
	if image >= 0 {
		list = append(list, g.ofManifest(image)...)
		if g.climb([]int32{image}).has(t.node) {
			k.Kind, k.Until = KeptInCircle, time.Time{}
			list = append(list, k)
		}
	}
	return g.sorted(list)
}

// sorted puts those that keep for good first, then the most telling, then by name.
func (g *keeping) sorted(list []Keeper) []Keeper {
	sortKeepers(list)
	return list
}

// Observe finds in one repository what keeps the things.
func (q *Inquiry) Observe(p *View) {
	g := &keeping{View: p}
	for i := range q.asked {
		a := &q.asked[i]
		f := g.tell(a)
		q.mu.Lock()
		q.found[i].add(&f)
		q.mu.Unlock()
	}
}
