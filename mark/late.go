package mark

import (
	"context"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// tries is how often a manifest is looked at that a registry is writing.
const tries = 10

// markLate keeps what manifests name that a registry has stored since the walk
// of the blobs and may not have linked yet: it had found all that they name
// before it stored them, and what was set aside meanwhile has to come back.
func (l *Look) markLate(ctx context.Context) {
	late := &lateManifests{s: l.Store, w: l.w}
	known := func(d layout.Digest) bool {
		id := l.Store.Table.Lookup(d)
		return id != 0 && l.Store.Table.At(id).has(hasBlob) && !l.Store.Table.At(id).has(isLate)
	}
	for range tries {
		late.unsettled = false
		l.w.Blobs(ctx, known, late.add)
		l.eachAside(ctx, func(digest layout.Digest) { late.add(l.w.Replaced(digest)) })
		if !late.unsettled || ctx.Err() != nil {
			break
		}
		l.w.Pause()
	}
	named := map[ID]bool{}
	Reach(late.refs, func(id ID) bool {
		first := !named[id]
		named[id] = true
		return first
	}, func(id ID, push func(ID)) {
		l.Store.Table.At(id).mark(Recent)
		m := l.Store.manifest(id)
		m.EachRef(push)
	})
	for _, i := range l.Items {
		if !i.Aside || !named[i.ID] || i.Kind != Manifest && i.Kind != LayerLink {
			continue
		}
		if i.Kind == LayerLink {
			l.Store.Table.At(ID(i.Extra)).mark(Recent)
		}
		l.Restore = append(l.Restore, i)
	}
}

// eachAside calls fn, concurrently, for every manifest whose blob has been set aside.
func (l *Look) eachAside(ctx context.Context, fn func(layout.Digest)) {
	var ids []ID
	for id, r := range l.Store.Table.All() {
		if r.has(hasBlob|isAside) && r.manifest.Load() != 0 {
			ids = append(ids, id)
		}
	}
	l.w.Each(ctx, len(ids), func(i int) { fn(l.Store.Table.Digest(ids[i])) })
}

// lateManifests collects what manifests name that came after the walk.
type lateManifests struct {
	s *Store
	w *walker.Walker

	mu        sync.Mutex
	refs      []ID
	unsettled bool // something is being written that may be a manifest
}

// add looks at a blob that the walk has not seen. It is called concurrently.
func (l *lateManifests) add(b walker.Blob) {
	switch b.State {
	case walker.BlobHere:
		id := l.s.Table.Intern(b.Digest)
		place, err := l.s.load(l.w, id, true)
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case err == nil:
			m := l.s.manifests.At(place)
			l.refs = append(append(append(l.refs, id), m.Required...), m.Optional...)
		case err.unsettled:
			l.unsettled = true
		case !err.missing && !err.broken:
			// It may be a manifest: nothing can be said about what it names.
			l.w.Unreadable(layout.BlobDir(b.Digest)+"/"+layout.Data, err)
		}
	case walker.BlobAbsent:
		for _, t := range b.Left.Temporaries {
			if l.s.rules.recent(t.MTime) && t.Size <= manifest.Max {
				l.addTemporary(b.Digest, t)
			}
		}
	}
}

// addTemporary reads a blob whose writing is about to end.
func (l *lateManifests) addTemporary(digest layout.Digest, t walker.Temporary) {
	buf := make([]byte, manifest.Max)
	n, err := l.w.Store().ReadRegular(t.Path, buf)
	if walker.Unsettled(err) || err == nil && layout.FromBytes(digest.Algorithm(), buf[:n]) != digest {
		l.mu.Lock()
		l.unsettled = true
		l.mu.Unlock()
		return
	}
	if err != nil {
		l.w.Unreadable(t.Path, err)
		return
	}
	p, err := l.s.decode(buf[:n])
	if err != nil {
		return // no manifest
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range p.Refs {
		l.refs = append(l.refs, l.s.Table.Intern(p.Refs[i].Digest))
	}
}
