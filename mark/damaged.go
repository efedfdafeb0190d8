package mark

import (
	"context"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// ReportData adds findings about blobs that have another digest or cannot be read,
// with the images that they break. To find these images, it looks at the
// repositories once more, without reading any manifest again.
func (s *Store) ReportData(ctx context.Context, w *walker.Walker, found []Damage) {
	said := map[string]bool{} // of a manifest that has another digest
	for _, p := range w.Findings.Problems() {
		said[p.Path] = said[p.Path] || p.Kind == walker.BrokenManifest
	}
	d := &damaged{broken: map[ID]*walker.Problem{}}
	for _, f := range found {
		path := s.dataPath(f.ID)
		switch {
		case f.Err != nil:
			problem := walker.Unreadable(path, f.Err)
			d.broken[f.ID] = &problem
		case !said[path]:
			d.broken[f.ID] = &walker.Problem{Kind: walker.CorruptBlob, Path: path}
		}
	}
	if len(d.broken) == 0 {
		return
	}
	// What is found has been found before, except for what cannot be read any more.
	again := w.With(new(walker.Findings))
	s.Observe(ctx, again, d)
	for _, p := range again.Findings.Problems() {
		if p.Kind == walker.IOError {
			w.Findings.Add(p)
		}
	}
	for id, p := range d.broken {
		switch {
		case p.Kind == walker.IOError:
			p.Remove = nil // it may be readable again
		case p.Breaks == nil:
			p.Detail = "its data have another digest, and no manifest needs it"
			if s.Table.At(id).reason() == Dead {
				p.Flags |= walker.Garbage
			}
		default:
			p.Detail = "its data have another digest"
		}
		w.Findings.Add(*p)
	}
}

func (s *Store) dataPath(id ID) string {
	name := layout.Data
	if s.Table.At(id).has(isAside) {
		name = layout.Aside
	}
	return layout.BlobDir(s.Table.Digest(id)) + "/" + name
}

// damaged is an Observer that finds what blobs break that are not what they
// should be.
type damaged struct {
	mu     sync.Mutex
	broken map[ID]*walker.Problem // the map itself does not change
}

func (d *damaged) Observe(p *View) {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.why == Dead || n.link.has(linkPending) {
			continue
		}
		for _, id := range p.distinctNames(int32(i)) {
			if problem := d.broken[id]; problem != nil && p.needs(int32(i), id) {
				d.mu.Lock()
				p.blame(problem, int32(i))
				d.mu.Unlock()
			}
		}
	}
}

// needs reports whether a manifest cannot be pulled without a blob that it
// names. A child of an index is told by its own link, and is none of the
// repository's if it has none; a subject may be absent.
func (p *garbage) needs(at int32, id ID) bool {
	n := &p.nodes[at]
	m := p.manifest(n.linkedManifest)
	if id == n.id || slices.Contains(m.Required, id) || !slices.Contains(m.Optional, id) {
		return id != n.path || n.id == n.path
	}
	if m.Kind != manifest.Index {
		return !slices.Contains(m.Subjects, id)
	}
	if _, ok := p.linked(id); ok {
		return false
	}
	return p.r.HasLayer(p.ctx, p.s.Table.Digest(id)).State == walker.LinkGood
}
