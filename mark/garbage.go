package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// countBytes adds up what the repository's manifests reference, live or not.
func (p *garbage) countBytes() {
	for i := range p.nodes {
		p.eachName(int32(i), func(id ID) { p.here.at(id).reasons |= isNamed })
	}
	for i, id := range p.here.ids {
		if id == 0 || p.here.heres[i].reasons&isNamed == 0 {
			continue
		}
		r := p.s.Table.At(id)
		if !r.has(hasBlob) {
			continue
		}
		p.repo.Bytes += r.size
		if !r.owner.CompareAndSwap(0, p.repo.owner) {
			r.owner.Store(severalOwners)
		}
	}
}

// report records the live manifests that lack a blob. In a cache, which holds
// what was asked for, that is no damage.
func (p *garbage) report() {
	if p.l.rules.PullThrough || p.l.aside != nil {
		return
	}
	absent := p.absent()
	if len(absent) == 0 {
		return
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.why == Dead {
			continue
		}
		for _, id := range p.manifest(n.linkedManifest).Required {
			if data, ok := absent[id]; ok {
				path := layout.BlobDir(p.s.Table.Digest(data)) + "/" + layout.Data
				p.problemOf(walker.MissingBlob, path, missingBlobDetail, int32(i), path, layout.LayerDir(p.r.Name, p.s.Table.Digest(id))+"/"+layout.Link)
			}
		}
	}
}

const missingBlobDetail = "a manifest references it, and it is absent"

// absent are the blobs that live manifests of the repository require and that
// are not in the store by any name: not by one that came after the walk of the
// blobs, nor by one that the repository's layer link gives them; such a one is
// marked. To each belongs the digest that its data would be stored under.
func (p *garbage) absent() map[ID]ID {
	unseen := map[layout.Algorithm][]layout.Digest{}
	asked := map[ID]bool{}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.why == Dead {
			continue
		}
		for _, id := range p.manifest(n.linkedManifest).Required {
			if p.s.Table.At(id).has(hasBlob) || asked[id] {
				continue
			}
			asked[id] = true
			if to, ok := p.aliases[id]; ok && p.s.Table.At(to).has(hasBlob) || p.s.stat(p.w, id) {
				continue
			}
			d := p.s.Table.Digest(id)
			unseen[d.Algorithm()] = append(unseen[d.Algorithm()], d)
		}
	}
	absent := map[ID]ID{}
	for alg, digests := range unseen {
		for _, v := range p.r.ReadLayers(p.ctx, alg, digests) {
			id := p.s.Table.Intern(v.Digest)
			data := id
			if v.Link.State == walker.LinkGood {
				to := p.s.Table.Intern(v.Link.Target)
				p.mark(to, p.lowest(id))
				if p.s.stat(p.w, to) {
					continue
				}
				if v.Link.Target.Algorithm() != alg {
					data = to
				}
			}
			absent[id] = data
		}
	}
	return absent
}

// garbage is what of a repository goes, and what gets its name back: its litter,
// with what is not live.
type garbage struct {
	*live
	history bool // links of manifests go, so tags' histories may name such
	// inPlace are the names of the tags that are not set aside; nil until it is asked for.
	inPlace map[string]bool
	// keepers has, for each node, 1 + one that stays and names it, or 0; nil until it is asked for.
	keepers []int32
	lost    []lostImage // that were deleted before and could be brought back
	lostIDs map[ID]bool // of these
}

// view is what an Observer sees of a repository. It changes nothing of it.
type view struct{ *garbage }

// collect finds what goes, as far as a selection or a plan lets it, and tells
// those who have asked about the repository.
func (p *live) collect() *garbage {
	g := &garbage{live: p}
	if p.totals.LayerLinks > 0 && p.totals.Manifests+p.totals.Emptied == 0 {
		p.totals.Unexplained++
	}
	g.dropJudged()
	g.countBytes()
	g.report()
	g.listItems()
	switch {
	case p.l.rules.Listed != nil:
		g.pickListed()
	case p.l.rules.Away != nil:
		g.pickAway()
		g.tellJudged()
	}
	if p.l.rules.observer != nil {
		p.l.rules.observer.observe(&view{g})
	}
	return g
}

// listItems lists what goes from the repository, and what gets its name back.
func (p *garbage) listItems() {
	p.restoreLayers()
	p.noteTags()
	p.noteLost()
	if p.keep != Dead {
		p.keepParts()
	}
	if p.r.Linked {
		// Nothing is removed behind a symbolic link, and a layer link that
		// stays does not keep its blob: what it names can be pushed again.
		for i := range p.layersGo {
			p.noteLayer(&p.layersGo[i])
		}
		p.stays, p.items, p.layersGo = true, nil, nil
		return
	}
	p.collectTags()
	p.collectManifests()
	p.keepSignatures()
	p.items = append(p.items, p.layersGo...)
	if (p.history || p.lacking) && p.keep == Dead && p.l.aside == nil {
		p.collectHistory()
	}
	p.dropShared()
	p.stays = p.stays || p.r.Unknown || !p.old(p.r.MTime) && !p.takesAll()
	if !p.stays && p.l.aside == nil {
		p.items = append(p.items, Item{Kind: Repository})
	}
}

// keepParts takes back what has been decided before it was known that all is
// to be kept. Uploads and interrupted writes are nobody's images: they go,
// unless they are behind a symbolic link.
func (p *garbage) keepParts() {
	p.stays = true
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		return p.r.Odd || i.Kind != Upload && i.Kind != Temporary
	})
	for i := range p.layersGo {
		p.noteLayer(&p.layersGo[i])
		if p.layersGo[i].Aside {
			p.restore = append(p.restore, p.layersGo[i])
		}
	}
	p.layersGo = nil
}

func (p *garbage) collectTags() {
	if p.away != nil {
		p.findPlain()
	}
	for i := range p.tags {
		t := &p.tags[i]
		if t.Taken != "" {
			p.collectTaken(t)
			continue
		}
		switch {
		case !p.tagGoes(t):
			p.stays = true
			continue
		case !t.is.has(tagPlain) && p.r.HasSymlink(&t.Tag):
			p.noteTag(t)
			p.stays = true
			continue
		}
		p.items = append(p.items, Item{Kind: Tag, ID: p.s.Table.Intern(t.Link.Target), Extra: p.name(t.Name, 0)})
	}
}

// findPlain looks for symbolic links in the tags that a Removal takes away, of
// which there may be many.
func (p *garbage) findPlain() {
	p.w.Each(p.ctx, len(p.tags), func(i int) {
		if t := &p.tags[i]; t.is.has(tagSelected) && t.Taken == "" && !t.is.has(tagPlain) {
			t.is.put(tagPlain, !p.r.HasSymlink(&t.Tag))
		}
	})
}

// tagGoes reports whether a tag goes: it names a manifest whose link is gone,
// or it is about an image that goes.
func (p *garbage) tagGoes(t *tag) bool {
	switch {
	case p.holdsTag(t.Name):
		return false
	case t.is.has(tagSelected):
		return true
	case p.keep == Dead && t.is.has(tagAlong):
		return !p.subjectLives(t)
	case p.keep != Dead || t.Linked || t.Odd || t.Link.State != walker.LinkGood || !p.old(t.Link.MTime):
		return false
	case t.node < 0:
		return !p.protectsTag(t)
	}
	return t.subject != 0 && !p.isLive(t.subject)
}

// collectTaken decides about a tag that was taken out of tags/: it goes back
// if the image that it is about is live, or if it was rewritten meanwhile,
// unless a new one has its name.
func (p *garbage) collectTaken(t *tag) {
	back := p.keep != Dead || p.protectsTag(t) || t.node >= 0 && (t.subject != 0 && p.subjectLives(t) || !t.is.has(tagAlong) && !p.old(t.Link.MTime))
	back = (back || t.node >= 0 && p.isUnlisted(t)) && !t.is.has(tagSelected)
	item := Item{Kind: Tag, Extra: p.name(t.Name, 0), Aside: true}
	if t.Link.State == walker.LinkGood {
		item.ID = p.s.Table.Intern(t.Link.Target)
	}
	if back && !p.hasTagNamed(t.Name) {
		p.stays = true
		p.restore = append(p.restore, item)
		return
	}
	p.items = append(p.items, item)
}

// hasTagNamed reports whether there is a tag of this name in its place.
func (p *garbage) hasTagNamed(name string) bool {
	if p.inPlace == nil {
		p.inPlace = map[string]bool{}
		for i := range p.tags {
			if p.tags[i].Taken == "" {
				p.inPlace[p.tags[i].Name] = true
			}
		}
	}
	return p.inPlace[name]
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
			p.stays = true
			if n.link.has(linkAside) {
				p.restore = append(p.restore, Item{Kind: Manifest, ID: n.path, Aside: true})
			}
		case n.link.has(linkAsLayer):
			// Its link is a layer link, and goes as one.
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
		p.stays = p.stays || kept
		return kept
	})
}

// heights are numbers of the manifests that go, each above those of its children,
// so that parents can be removed first.
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

// collectHistory lists the entries of tags that stay whose manifest's link is gone or goes.
func (p *garbage) collectHistory() {
	entries := make([][]ID, len(p.tags))
	p.w.Each(p.ctx, len(p.tags), func(i int) { entries[i] = p.deadEntries(&p.tags[i]) })
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
func (p *garbage) deadEntries(t *tag) (dead []ID) {
	if t.Taken != "" || t.Odd || t.Linked || p.tagGoes(t) {
		return nil
	}
	for _, d := range p.r.History(&t.Tag) {
		if at := p.find(d); (at < 0 || p.nodes[at].why == Dead) && !p.showsKept(p.s.Table.Lookup(d)) {
			dead = append(dead, p.s.Table.Intern(d))
		}
	}
	return dead
}
