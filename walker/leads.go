package walker

import (
	"context"
	"errors"
	"syscall"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// met is a directory below repositories/ that has been met, by a name.
type met struct {
	name string
	path string
}

// first reports whether a directory is met for the first time. The same device
// and inode number do not make it the same directory: some filesystems give one
// number to several directories.
func (d *discovery) first(id disk.ID, v visit, path string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	others := d.seen[id]
	if v.linked && len(others) > 0 {
		here, err := d.w.shares.place(path)
		if err != nil {
			return false, err
		}
		for _, o := range others {
			there, err := d.w.shares.place(o.path)
			if err != nil {
				return false, err
			}
			if here == there {
				d.w.shares.second(v.name, o.name)
				return false, nil
			}
		}
	}
	d.seen[id] = append(others, met{v.name, path})
	return true, nil
}

// FindLeads looks for symbolic links in places that a walk does not look at
// otherwise: in place of the layer links whose digest is wanted and, with tags, in
// place of the directory of a tag's current link.
func (w *Walker) FindLeads(ctx context.Context, repositories []string, want func(layout.Digest) bool, tags bool) {
	found := new(Findings)
	w.With(found).findLeads(ctx, repositories, want, tags)
	for _, p := range found.Problems() {
		if p.Kind == IOError { // all else has been said
			w.Findings.Add(p)
		}
	}
}

func (w *Walker) findLeads(ctx context.Context, repositories []string, want func(layout.Digest) bool, tags bool) {
	w.Each(ctx, len(repositories), func(i int) {
		r := &Repository{Name: repositories[i], w: w}
		if d, ok := w.openIfThere(w.store, layout.RepositoryDir(r.Name)+"/"+layout.Layers); ok {
			r.layerLeads(d, want)
			d.Close()
		}
		if !tags {
			return
		}
		if d, ok := w.openIfThere(w.store, layout.RepositoryDir(r.Name)+"/"+layout.Manifests+"/"+layout.Tags); ok {
			r.tagLeads(d)
			d.Close()
		}
	})
}

func (r *Repository) layerLeads(layers *disk.Dir, want func(layout.Digest) bool) {
	for _, alg := range r.algorithms(layers) {
		d, ok := r.w.open(layers, alg.String())
		if !ok {
			continue
		}
		r.hashes(d, alg, func(digest layout.Digest, e disk.Entry) {
			if e.Type == disk.Directory && want(digest) {
				r.w.leadAt(d, digest.Hex()+"/"+layout.Link)
			}
		})
		d.Close()
	}
}

func (r *Repository) tagLeads(tags *disk.Dir) {
	r.w.list(tags, func(e disk.Entry, name string) {
		if isDirectory(e) && !layout.IsForeign(name) {
			r.w.leadAt(tags, name+"/"+layout.Current)
		}
	})
}

// leadAt looks whether a name is a symbolic link.
func (w *Walker) leadAt(d *disk.Dir, name string) {
	info, err := d.Stat(name)
	switch {
	case err == nil && info.Type == disk.Symlink:
		w.shares.lead(d.Join(name))
	case err != nil && !disk.Gone(err) && !errors.Is(err, syscall.ENOTDIR):
		w.Unreadable(d.Join(name), err)
	}
}
