package mark

import "github.com/regsweep/regsweep/walker"

// garbage is what is removed from a repository, and what gets its name back: its
// leftovers, with what is not live.
type garbage struct {
	*live
	history bool // links of manifests are removed, so tags' histories may name such
	// inPlace are the names of the tags that are not set aside; nil until it is asked for.
	inPlace map[string]bool
	// keepers has, for each node, 1 + one that is kept and names it, or 0; nil until it is asked for.
	keepers []int32
	lost    []lostImage // that were deleted before and could be brought back
	lostIDs map[ID]bool // of these
}

// isTagRemoved reports whether a tag is removed: it names a manifest whose link is
// gone, or it refers to an image that is removed.
func (p *garbage) isTagRemoved(t *tag) bool {
	switch {
	case p.isTagShared(t.Name):
		return false
	case t.is.has(tagSelected):
		return true
	case p.keep == Dead && t.is.has(tagAlong):
		return !p.subjectLives(t)
	case p.keep != Dead || t.Linked || t.Odd || t.Link.State != walker.LinkGood || p.recent(t.Link.MTime):
		return false
	case t.node < 0:
		return !p.protectsTag(t)
	}
	return t.subject != 0 && !p.isLive(t.subject)
}

// hasTagNamed reports whether there is a tag of this name in its place.
func (p *garbage) hasTagNamed(name string) bool {
	if p.inPlace == nil {
		p.inPlace = map[string]bool{}
		for i := range p.tags {
			if p.tags[i].AsideName == "" {
				p.inPlace[p.tags[i].Name] = true
			}
		}
	}
	return p.inPlace[name]
}

// noteTags notes what the kept tags name, as far as a mark tells: those that cannot be
// removed follow.
func (p *garbage) noteTags() {
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" && (p.r.Linked || !p.isTagRemoved(t)) {
			p.noteTag(t)
		}
	}
}

// noteTag notes what a kept tag names.
func (p *garbage) noteTag(t *tag) {
	if t.Link.State == walker.LinkGood {
		p.s.Table.At(t.target).set(isKept)
	}
}

// release leaves the memory for the next repository. Nothing of p is valid any more.
func (p *garbage) release() {
	clear(p.found)
	clear(p.manifests)
	clear(p.nodes)
	p.here.reset()
	p.memory.found, p.memory.manifests, p.memory.nodes, p.memory.here = p.found[:0], p.manifests[:0], p.nodes[:0], p.here
	p.l.free.Put(p.memory)
}
