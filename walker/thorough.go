package walker

import (
	"context"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// AllLayers calls fn with all layer links of the repository, read, some at a
// time. What fn gets is valid until it returns.
func (r *Repository) AllLayers(ctx context.Context, fn func([]Revision)) {
	for _, alg := range r.LayerAlgorithms() {
		d, ok := r.openPart(r.layers, alg.String())
		if !ok {
			continue
		}
		r.eachLink(ctx, d, alg, r.hashes, fn)
		d.Close()
	}
}

// CheckHistory calls fn with all entries of a tag's history, read, and the
// directory that they are in. It records what else is in the tag's directories. It may
// be called concurrently for different tags.
func (r *Repository) CheckHistory(ctx context.Context, t *Tag, fn func(dir string, entries []Revision)) {
	dir, ok := r.w.open(r.tags, t.Name)
	if !ok {
		return
	}
	defer dir.Close()
	r.w.list(dir, func(e disk.Entry, name string) {
		switch {
		case name == layout.Current && isDirectory(e):
			r.w.unknownIn(dir, name, layout.Link)
		case name == layout.Index && isDirectory(e):
		default:
			r.w.unknown(dir, name, "not a part of a tag")
		}
	})
	index, ok := r.w.openIfThere(dir, layout.Index)
	if !ok {
		return
	}
	defer index.Close()
	for _, alg := range r.algorithms(index) {
		if d, ok := r.w.open(index, alg.String()); ok {
			r.eachLink(ctx, d, alg, r.hashes, func(entries []Revision) { fn(d.Path(), entries) })
			d.Close()
		}
	}
}

// unknownBesideLinks looks for unknown names beside links.
func (r *Repository) unknownBesideLinks(ctx context.Context, d *disk.Dir, links []Revision) {
	if !r.w.all {
		return
	}
	r.w.Each(ctx, len(links), func(i int) {
		if links[i].Link.State == LinkMissing {
			return // its directory has been listed
		}
		r.w.entriesOf(d, links[i].Digest.Hex(), func(dir *disk.Dir, e disk.Entry) {
			if e.Name == layout.Referrers && isDirectory(e) {
				links[i].Referrers = true
				return
			}
			r.w.noteUnknown(dir, e, layout.Link, layout.AsideLink, layout.Signatures)
		})
	})
}

// unknownIn lists a directory in which only these names and interrupted writes
// are defined.
func (w *Walker) unknownIn(d *disk.Dir, name string, defined ...string) {
	w.entriesOf(d, name, func(dir *disk.Dir, e disk.Entry) { w.noteUnknown(dir, e, defined...) })
}

// entriesOf calls fn with a directory and each of its entries.
func (w *Walker) entriesOf(d *disk.Dir, name string, fn func(dir *disk.Dir, e disk.Entry)) {
	dir, ok := w.open(d, name)
	if !ok {
		return
	}
	defer dir.Close()
	w.scan(dir, func(e disk.Entry) { fn(dir, e) })
}

// noteUnknown records an entry that is neither one of these names nor an interrupted write.
func (w *Walker) noteUnknown(dir *disk.Dir, e disk.Entry, defined ...string) {
	if e.Type == disk.File && layout.IsOwnTemporary(e.Name) {
		w.Findings.addRemnant(dir.Join(e.Name))
		return
	}
	if !slices.Contains(defined, e.Name) && (e.Type != disk.File || !layout.IsTemporary(e.Name)) {
		w.unknown(dir, e.Name, "not a name of the layout")
	}
}

// SumBlob computes the digest of a blob's data, by the algorithm that it is
// stored under, through buf. read is told the size of each piece, and ends the
// work by an error, which SumBlob returns. Data that are gone are an error that
// disk.Gone knows.
func (w *Walker) SumBlob(digest layout.Digest, buf []byte, read func(n int) error) (layout.Digest, error) {
	sum := digest.Algorithm().NewHash()
	piece := func(b []byte) error {
		sum.Write(b)
		return read(len(b))
	}
	dir := layout.BlobDir(digest) + "/"
	err := w.store.Stream(dir+layout.Data, buf, piece)
	if disk.Gone(err) {
		err = w.store.Stream(dir+layout.Aside, buf, piece)
	}
	if err != nil {
		return layout.Digest{}, err
	}
	return layout.FromSum(digest.Algorithm(), sum.Sum(nil)), nil
}
