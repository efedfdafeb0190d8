package mark

import "slices"

// noteLost notes the images that were deleted, for those who want to know which
// of them end for good. Nothing is decided by it.
func (p *garbage) noteLost() {
	if p.l.aside != nil {
		return
	}
	for _, e := range p.emptied {
		p.noteLostImage(e.id)
	}
}

func (p *garbage) noteLostImage(id ID) {
	if p.showsKept(id) || p.lostIDs[id] || !p.s.Table.At(id).has(hasBlob) {
		return
	}
	if p.lostIDs == nil {
		p.lostIDs = map[ID]bool{}
	}
	p.lostIDs[id] = true
	l := lostImage{owner: p.repo.owner, id: id}
	if p.l.rules.Selected != nil {
		if place, err := p.s.load(p.w, id, true); err == nil && place != 0 {
			m := p.s.manifests.At(place)
			l.needs = slices.Clone(m.Required)
		}
	}
	p.lost = append(p.lost, l)
}

// EachLost calls fn for every image that could be brought back, with its
// repository as Items have it. If the rules have a selection, needs are the blobs
// that the image needs in addition to its own.
func (l *Look) EachLost(fn func(repo uint32, id ID, needs []ID)) {
	if len(l.lost) == 0 {
		return
	}
	at := make(map[uint32]uint32, len(l.Repositories))
	for i := range l.Repositories {
		at[l.Repositories[i].owner] = uint32(i)
	}
	for i := range l.lost {
		fn(at[l.lost[i].owner], l.lost[i].id, l.lost[i].needs)
	}
}
