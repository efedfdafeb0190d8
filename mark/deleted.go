package mark

import (
	"math"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// What a repository shows of images that it does not link any more, and of tags
// that images have lost, keeps more, and never less.

// addEmptied notes a directory that lacks the link of its manifest.
func (p *facts) addEmptied(id ID, v *walker.Revision) {
	p.totals.Emptied++
	p.emptied = append(p.emptied, emptied{id, v.Left.MTime})
}

// markDeleted marks what was deleted, or has lost its last tag, less than
// Rules.KeepDeleted ago, as roots are marked.
func (p *live) markDeleted() {
	if p.l.rules.KeepDeleted == 0 {
		return
	}
	since := p.l.rules.cutoff(p.l.rules.KeepDeleted)
	p.readLosses(func(ID) bool { return true })
	p.keptDeleted = map[ID]bool{}
	var roots []int32
	for _, e := range p.emptied {
		if e.mtime > since {
			p.keepDeleted(e.id, &roots)
		}
	}
	for id, at := range p.losses.at {
		if _, linked := p.linked(id); !linked && at > since {
			p.keepDeleted(id, &roots)
		}
	}
	for i := range p.nodes {
		if p.keepsLost(int32(i)) {
			roots = append(roots, int32(i))
		}
	}
	p.reachFrom(Rooted, roots)
}

// keepDeleted keeps a manifest that is not linked, with all that it names and
// that is stored. Linked manifests that it names, or that are about it, become roots.
func (p *live) keepDeleted(id ID, roots *[]int32) {
	if p.keptDeleted[id] {
		return
	}
	p.keptDeleted[id] = true
	p.keepName(id, roots)
	p.keepReferrers(id, roots)
	place, err := p.s.load(p.w, id, true)
	switch {
	case err != nil && !err.missing && !err.broken:
		p.w.Unreadable(layout.BlobDir(p.s.Table.Digest(id))+"/"+layout.Data, err)
		return
	case err != nil || place == 0:
		return // its data are not those of a manifest: there is no more to keep
	}
	m := p.s.manifests.At(place)
	m.EachRef(func(ref ID) {
		p.keepName(ref, roots)
		if to, ok := p.aliases[ref]; ok {
			p.keepName(to, roots)
		}
		if _, linked := p.linked(ref); !linked && m.Kind != manifest.Image && m.Kind != manifest.Schema1 && p.s.stat(p.w, ref) {
			p.keepDeleted(ref, roots) // a part of an index that was removed with it
		}
	})
}

// keepReferrers keeps what the directory of a manifest that is not linked links
// as being about it.
func (p *live) keepReferrers(id ID, roots *[]int32) {
	found, broken := p.r.Referrers(p.s.Table.Digest(id))
	for _, path := range broken {
		p.breakReferrer(path)
	}
	for _, d := range found {
		referrer := p.s.Table.Intern(d)
		if _, linked := p.linked(referrer); linked {
			p.keepName(referrer, roots)
			continue
		}
		p.keepDeleted(referrer, roots)
	}
}

// keepName marks a digest, and finds the linked manifests that it keeps.
func (p *live) keepName(id ID, roots *[]int32) {
	p.mark(id, Rooted)
	p.follow(id, func(at int32) { *roots = append(*roots, at) })
}

// keepsLost reports whether a manifest without a tag lost its last one less than
// Rules.KeepDeleted ago.
func (p *facts) keepsLost(at int32) bool {
	keep := p.l.rules.KeepDeleted
	if keep == 0 || p.l.aside != nil {
		return false
	}
	p.readLosses(func(ID) bool { return true })
	n := &p.manifests[at]
	return !n.link.has(linkAsLayer|linkPending) && !p.losses.named[at] && p.lostTag(n) > p.l.rules.cutoff(keep)
}

// lostTag is when a manifest lost its last tag, as far as the histories of tags
// show it; 0 if they do not.
func (p *facts) lostTag(n *linkedManifest) int64 { return max(p.losses.at[n.id], p.losses.at[n.path]) }

// readLostTags finds out when the manifests lost their last tag that would be removed
// for their age.
func (p *live) readLostTags() {
	rules := &p.l.rules
	if !rules.DeleteUntagged || rules.OlderThan == 0 || p.l.aside != nil {
		return
	}
	old := map[ID]bool{}
	for i := range p.nodes {
		if n := &p.nodes[i]; n.why == Dead && !n.link.has(linkAsLayer|linkPending) && !rules.recentUntagged(n.mtime) {
			old[n.id], old[n.path] = true, true
		}
	}
	if len(old) > 0 {
		p.readLosses(func(id ID) bool { return old[id] })
	}
}

// losesLately reports whether a manifest lost its last tag less than
// Rules.OlderThan ago.
func (p *facts) losesLately(n *linkedManifest) bool {
	older := p.l.rules.OlderThan
	return p.l.rules.DeleteUntagged && older > 0 && p.lostTag(n) > p.l.rules.cutoff(older)
}

// readLosses reads the histories of tags that name something wanted. What was lost so
// long ago that no rule asks for it may be left out.
func (p *facts) readLosses(wants func(ID) bool) {
	if p.losses.at != nil {
		return
	}
	since := p.l.rules.cutoff(max(p.l.rules.OlderThan, p.l.rules.KeepDeleted))
	if since < 0 || !p.r.TagsAreLocal() {
		since = math.MinInt64 // all are read
	}
	p.losses.at, p.losses.named = map[ID]int64{}, map[int32]bool{}
	for i := range p.tagLinks {
		if t := &p.tagLinks[i]; t.node >= 0 && t.AsideName == "" {
			p.losses.named[t.node] = true
		}
	}
	p.histories = make([][]ID, len(p.tagLinks))
	var mu sync.Mutex
	p.w.Each(p.ctx, len(p.tagLinks), func(i int) {
		t := &p.tagLinks[i]
		if t.AsideName != "" {
			return
		}
		entries := p.r.ReadWantedHistory(p.ctx, t.Tag, since, func(d layout.Digest, linked bool) bool {
			id := p.s.Table.Intern(d)
			if !linked {
				p.histories[i] = append(p.histories[i], id)
			}
			return p.l.rules.KeepDeleted != 0 || wants(id)
		})
		// An entry that holds no digest still has one in its path.
		entries = slices.DeleteFunc(entries, func(e walker.Revision) bool {
			return e.Link.State != walker.LinkGood && e.Link.State != walker.LinkBroken
		})
		mu.Lock()
		defer mu.Unlock()
		p.addLosses(t, entries)
	})
}

// historyOf returns what a tag's history names, without what is behind symbolic links.
// It may be called concurrently for different tags.
func (p *facts) historyOf(i int) []ID {
	if p.histories != nil && p.histories[i] != nil {
		return p.histories[i]
	}
	var ids []ID
	for _, d := range p.r.History(p.tagLinks[i].Tag) {
		ids = append(ids, p.s.Table.Intern(d))
	}
	return ids
}

// addLosses notes when a tag got something else than what its history names:
// when the entry that is next in time was written. Where none is, that is when
// its current link was.
func (p *facts) addLosses(t *linkedTag, entries []walker.Revision) {
	for i := range entries {
		e := &entries[i]
		if e.Link.Target == t.Link.Target && !t.Half {
			continue
		}
		next := int64(0)
		later := func(at int64) {
			if at > e.Link.MTime && (next == 0 || at < next) {
				next = at
			}
		}
		for k := range entries {
			later(entries[k].Link.MTime)
		}
		if later(t.Link.MTime); next == 0 {
			next = max(t.Link.MTime, e.Link.MTime)
		}
		for _, d := range [2]layout.Digest{e.Digest, e.Link.Target} {
			if d.IsZero() {
				continue
			}
			id := p.s.Table.Intern(d)
			p.losses.at[id] = max(p.losses.at[id], next)
		}
	}
}
