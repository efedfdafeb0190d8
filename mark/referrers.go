package mark

import (
	"context"
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// A registry with a referrers API may link a referrer in its subject's
// directory, and nowhere else. To look there for each manifest would be a call
// for each, in stores that mostly have no such directories. So this begins at
// the other end: such a referrer is a blob that nothing names, and it says what
// its subject is. Only where a Look has found one, the directory of its subject
// is looked at, by one more Look.

// findReferrers looks for referrers that no manifest link leads to, and reports
// whether the Look has to be made once more for them.
func (l *Look) findReferrers(ctx context.Context) (more bool) {
	if l.aside != nil || ctx.Err() != nil {
		return false // the Look before has done so
	}
	edges := append(l.unlinkedReferrers(ctx), l.deadReferrers()...)
	known := l.Store.subjects.all()
	// Referrers have referrers in turn, which are reached through them alone.
	reached := map[ID]bool{}
	for again := true; again; {
		again = false
		for _, e := range edges {
			if reached[e.referrer] || !reached[e.subject] && !l.mayBeLinked(e.subject) {
				continue
			}
			reached[e.referrer], again = true, true
			if !known.Has(e.subject) {
				l.Store.subjects.add(e.subject)
				more = true
			}
		}
	}
	return more && ctx.Err() == nil
}

// about says of a manifest what its subject is.
type about struct{ referrer, subject ID }

// mayBeLinked reports whether a repository links a manifest, as far as that is
// known: of one without a blob it is not.
func (l *Look) mayBeLinked(id ID) bool {
	r := l.Store.Table.At(id)
	return r.owner.Load() != 0 || !r.has(hasBlob)
}

// unlinkedReferrers reads the blobs that may be manifests and that no link names
// but those in directories of referrers.
func (l *Look) unlinkedReferrers(ctx context.Context) (found []about) {
	s := l.Store
	var ids []ID
	for id, r := range s.Table.All() {
		why := r.reason()
		if !r.has(hasBlob) || r.has(isLinked) || why == Rooted || why == Broken || r.size == 0 || r.size > manifest.Max || s.subjects.asked.Has(id) {
			continue
		}
		ids = append(ids, id)
	}
	l.w.Each(ctx, len(ids), func(i int) {
		// One that was deleted may have been read already, to be brought back.
		if s.Table.At(ids[i]).manifest.Load() == 0 {
			l.readUnlinked(ids[i])
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	for _, id := range ids {
		s.subjects.asked.Add(id)
	}
	if !s.manifests.AnySubject() {
		return nil
	}
	for _, id := range ids {
		for _, subject := range s.manifest(id).Subjects {
			found = append(found, about{id, subject})
		}
	}
	return found
}

// readUnlinked reads a blob if it may be a manifest. It is called concurrently.
func (l *Look) readUnlinked(id ID) {
	s := l.Store
	digest := s.Table.Digest(id)
	var begin [64]byte
	n, err := l.w.ReadBlob(digest, s.Table.At(id).has(isAside), begin[:])
	if err == nil && !beginsObject(begin[:n]) {
		return
	}
	_, failure := s.load(l.w, id, false)
	if failure != nil && failure.unsettled {
		_, failure = s.load(l.w, id, true)
	}
	if failure != nil && !failure.missing && !failure.broken {
		l.w.Unreadable(layout.BlobDir(digest)+"/"+layout.Data, failure)
	}
}

// beginsObject reports whether a text may be a JSON object, by its beginning.
func beginsObject(text []byte) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == '{'
		}
	}
	return true
}

// deadReferrers are manifests that are linked somewhere, and are removed, while the
// manifest that they are about is kept: it may have a link to them in a repository in
// which they have none else.
func (l *Look) deadReferrers() (found []about) {
	s := l.Store
	if !s.manifests.AnySubject() {
		return nil
	}
	for id, r := range s.Table.All() {
		if r.manifest.Load() == 0 || r.reason() != Dead {
			continue
		}
		owner := r.owner.Load()
		for _, subject := range s.manifest(id).Subjects {
			of := s.Table.At(subject)
			// What both are in is one repository, which has said all.
			if of.reason() != Dead && (owner == severalOwners || owner != of.owner.Load()) {
				found = append(found, about{id, subject})
			}
		}
	}
	return found
}

// addReferrers makes manifests name what their directories link as referrers.
func (p *facts) addReferrers() {
	known := p.s.subjects.all()
	if known == nil {
		return
	}
	for i := range p.manifests {
		if n := &p.manifests[i]; known.Has(n.path) || known.Has(n.id) {
			p.addReferrersOf(int32(i))
		}
	}
}

func (p *visit) breakReferrer(path string) {
	p.breakLink(path, walker.Link{Detail: "a referrer's link holds no digest"})
}

// addReferrersOf adds the referrers of a manifest, and theirs in turn. One that
// is linked as a manifest, too, is kept like any other referrer.
func (p *facts) addReferrersOf(at int32) {
	seen := map[ID]bool{}
	waiting := []ID{p.manifests[at].path}
	for len(waiting) > 0 {
		subject := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		found, broken := p.r.Referrers(p.s.Table.Digest(subject))
		for _, path := range broken {
			p.breakReferrer(path)
		}
		for _, d := range found {
			id := p.s.Table.Intern(d)
			p.about[subject] = true
			if seen[id] {
				continue
			}
			seen[id] = true
			if to, ok := p.linked(id); ok {
				p.referrers = append(p.referrers, edge{subject, to})
				continue
			}
			p.addReferrer(at, id)
			waiting = append(waiting, id)
		}
	}
}

// addReferrer makes a manifest name a referrer that is not linked as a
// manifest, and what that names. One whose blob is gone was deleted.
func (p *facts) addReferrer(at int32, id ID) {
	p.extra[at] = append(p.extra[at], id)
	_, failure := p.s.load(p.w, id, false)
	if failure != nil && failure.unsettled {
		p.w.Pause()
		_, failure = p.s.load(p.w, id, true)
	}
	data := layout.BlobDir(p.s.Table.Digest(id)) + "/" + layout.Data
	switch {
	case failure == nil:
		m := p.s.manifest(id)
		m.EachRef(func(ref ID) { p.extra[at] = append(p.extra[at], ref) })
	case failure.missing:
	case failure.broken:
		p.problem(walker.BrokenManifest, data, fmt.Sprintf("a referrer of %s: %s", p.s.Table.Digest(p.manifests[at].path), failure))
		p.keepAll()
	default:
		p.w.Unreadable(data, failure)
	}
}
