package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// readRevisions reads the manifest links.
func (p *facts) readRevisions() {
	p.r.Revisions(p.ctx, func(revisions []walker.Revision) {
		for i, id := range p.internAll(len(revisions), func(i int) *layout.Digest { return &revisions[i].Digest }) {
			p.addRevision(id, &revisions[i])
		}
	})
	p.repo.Manifests = p.totals.Manifests
}

func (p *facts) addRevision(path ID, v *walker.Revision) {
	n := linkedManifest{id: path, path: path, mtime: v.Link.MTime}
	n.link.put(linkAside, v.Link.Aside)
	n.link.put(linkPinned, v.Linked || p.isRevisionShared(path))
	switch v.Link.State {
	case walker.LinkGood:
		if v.Link.Target != v.Digest {
			n.id = p.s.Table.Intern(v.Link.Target)
		}
	case walker.LinkBroken:
		p.keepAll()
		n.link.put(linkUnread, true)
	case walker.LinkMissing:
		p.lacking = true
		if v.Left.Empty {
			p.addEmptied(path, v)
		}
		p.leftover(RevisionDir, path, v)
		p.addPending(path, v)
		return
	default:
		return // unreadable, which ends the run
	}
	if v.Referrers {
		p.s.subjects.add(path)
	}
	if v.Twice {
		p.twice(layout.RevisionDir(p.r.Name, v.Digest), path)
	}
	p.totals.Manifests++
	mismatch := n.id != n.path && v.Digest.Algorithm() == v.Link.Target.Algorithm()
	if mismatch {
		n.link.put(linkForced, true)
		if p.s.stat(p.w, path) {
			p.addManifest(linkedManifest{id: path, path: path, link: linkPinned | linkForced})
		}
	}
	at := p.addManifest(n)
	switch {
	case mismatch:
		p.badLinks = append(p.badLinks, badLink{walker.LinkMismatch, mismatchDetail(v.Link.Target), at})
	case n.link.has(linkUnread):
		p.badLinks = append(p.badLinks, badLink{walker.BrokenLink, v.Link.Detail, at})
	}
}

// addPending makes a manifest known whose link a registry is writing at this
// moment: it has found all that the manifest names.
func (p *facts) addPending(path ID, v *walker.Revision) {
	for _, t := range v.Left.Temporaries {
		if p.l.rules.recent(t.MTime) {
			p.addManifest(linkedManifest{id: path, path: path, mtime: t.MTime, link: linkPending})
			return
		}
	}
}
