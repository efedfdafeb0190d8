package mark

import (
	"context"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// Inspect is Look for a check of the store, which takes nothing for granted. It is
// the first Look of a Store. The walker should be thorough.
func (s *Store) Inspect(ctx context.Context, w *walker.Walker) (*Look, InspectionCount) {
	i := &Inspection{sizes: sizeClaims{of: map[ID][]sizeClaim{}}}
	s.sizes = &i.sizes
	look := s.Observe(ctx, w, i)
	s.sizes = nil
	i.reportAside(look, w)
	for _, r := range s.Table.All() {
		i.Aside = i.Aside || r.has(hasBlob|isAside)
	}
	return look, i.InspectionCount
}

// Observe is called by a Look.
func (i *Inspection) Observe(p *View) {
	v := &inspector{View: p, sizes: &i.sizes}
	v.lookAtLayers()
	v.lookAtHistories()
	v.lookAtManifests()
	v.lookAtAside()
	v.judgeLayers()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.LayerLinks += v.count.LayerLinks
	i.HistoryEntries += v.count.HistoryEntries
	i.UnknownTypes += v.count.UnknownTypes
	i.aside = append(i.aside, v.aside...)
	i.Aside = i.Aside || v.count.Aside
}

// lookAtHistories reads all entries of the tags' histories. Nothing but a
// person reads them while a tag has its current link.
func (v *inspector) lookAtHistories() {
	var mu sync.Mutex
	v.w.Each(v.ctx, len(v.tags), func(i int) {
		t := &v.tags[i]
		if t.AsideName != "" {
			mu.Lock()
			v.count.Aside = true
			mu.Unlock()
			return
		}
		v.r.CheckHistory(v.ctx, t.Tag, func(dir string, entries []walker.Revision) {
			read := 0
			for i := range entries {
				read += v.historyEntry(dir, &entries[i])
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range entries {
				v.had.Add(v.s.Table.Intern(entries[i].Digest))
			}
			v.count.HistoryEntries += read
		})
	})
}

func (v *inspector) historyEntry(dir string, e *walker.Revision) (read int) {
	path := dir + "/" + e.Digest.Hex() + "/" + layout.Link
	const harmless = "; no pull needs it, and it can be removed by hand"
	switch l := &e.Link; {
	case l.State == walker.LinkBroken:
		v.problem(walker.BrokenLink, path, l.Detail+harmless)
	case l.State != walker.LinkGood:
		return 0
	case l.Target != e.Digest && l.Target.Algorithm() == e.Digest.Algorithm():
		v.problem(walker.LinkMismatch, path, "it holds "+l.Target.String()+harmless)
	}
	return 1
}

// lookAtManifests compares sizes, and finds the layer links that lack.
func (v *inspector) lookAtManifests() {
	for i := range v.nodes {
		n := &v.nodes[i]
		v.count.Aside = v.count.Aside || n.link.has(linkAside)
		if n.why == Dead || n.link.has(linkPending) || n.place == 0 {
			continue
		}
		m := v.manifest(n.linkedManifest)
		if m.Kind == manifest.Unknown {
			v.count.UnknownTypes++
		}
		v.compareSizes(int32(i))
		if v.l.rules.PullThrough {
			continue
		}
		if m.Kind == manifest.Index {
			v.lookAtChildren(int32(i), m)
		}
		for _, id := range m.Required {
			if !v.links.Has(id) && v.s.Table.At(id).has(hasBlob) {
				v.lacksLink(n, id)
			}
		}
	}
}

// compareSizes reports the blobs whose sizes are not those that a manifest says.
func (v *inspector) compareSizes(at int32) {
	n := &v.nodes[at]
	for _, claim := range v.sizes.by(n.id) {
		id := claim.blob
		if to, ok := v.aliases[id]; ok {
			id = to
		}
		if child, ok := v.linked(id); ok && v.failed[child] != nil {
			continue // that it cannot be read has been said
		}
		r := v.s.Table.At(id)
		if !r.has(hasBlob) || r.size == claim.size {
			continue
		}
		// It may have been in the middle of being written.
		b, ok := v.w.StatBlob(v.s.Table.Digest(id))
		if !ok || b.Size == claim.size {
			continue
		}
		v.problemOf(walker.WrongSize, layout.BlobDir(b.Digest)+"/"+layout.Data,
			wrongSizeDetail(b.Size, claim.size), at)
	}
}
