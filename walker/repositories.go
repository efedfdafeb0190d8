package walker

import (
	"errors"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Repository is an open repository. It is valid until the callback that was
// given it returns. Its methods may be called once each, in the order Tags,
// Revisions, LayerLinks, since a push writes in the opposite order: a tag that
// was seen has its revision in a listing that began later.
type Repository struct {
	Name string
	// Odd says that no registry accepts the name.
	Odd bool
	// Empty says that it is no repository, but a directory with nothing in it.
	Empty bool
	// MTime is when its directory last got or lost one of its parts.
	MTime int64
	// Linked says that the repository, or a directory of the layout in it, is
	// behind a symbolic link. Nothing is ever removed there.
	Linked bool
	// Borrows says that a directory of the layout in it is a symbolic link: it
	// may be another repository's.
	Borrows bool
	// Marks are the marks of a stopped run among directories of links, by their
	// paths. Those of the layers are known when these have been listed.
	Marks []string
	// Unknown says that something is in it which the layout does not define,
	// a repository below it not counted.
	Unknown bool
	// Nested says that directories are below it which are not the layout's.
	Nested bool
	// Opaque says that a directory is in it where links would be, and that
	// its name is no algorithm's: it may link what nobody can tell.
	Opaque bool

	w                                           *Walker
	manifests, revisions, tags, layers, uploads *disk.Dir
	layersOf                                    map[layout.Algorithm]*disk.Dir // open, by ReadLayers
	layerAlgs                                   []layout.Algorithm
	listed                                      bool       // layerAlgs is known
	onlySHA256                                  bool       // Revisions has found no other algorithm
	mu                                          sync.Mutex // of Unknown, Opaque and Marks
	gone                                        []string   // .regsweep-<tag> in _manifests
}

func (r *Repository) openMarker(dir *disk.Dir, name string) {
	d, ok := r.openPart(dir, name)
	if !ok {
		return
	}
	switch name {
	case layout.Manifests:
		r.manifests = d
		r.w.list(d, r.manifestsEntry)
	case layout.Layers:
		r.layers = d
	case layout.Uploads:
		r.uploads = d
	}
}

// openPart opens a directory of the layout in the repository.
func (r *Repository) openPart(dir *disk.Dir, name string) (d *disk.Dir, ok bool) {
	if d, ok = r.w.open(dir, name); ok && d.Linked() {
		if !dir.Linked() {
			r.w.shares.lead(d.Path())
		}
		r.Borrows = r.Borrows || !dir.Linked()
		r.Linked = true
	}
	return d, ok
}

func (r *Repository) manifestsEntry(e disk.Entry, name string) {
	switch {
	case name == layout.Revisions:
		r.revisions, _ = r.openPart(r.manifests, name)
	case name == layout.Tags:
		r.tags, _ = r.openPart(r.manifests, name)
	case strings.HasPrefix(name, layout.GonePrefix) && e.Type == disk.Directory:
		r.gone = append(r.gone, name)
	default:
		r.unknown(r.manifests, name, "not a part of a repository")
	}
}

func (r *Repository) unknown(d *disk.Dir, name, detail string) {
	r.mu.Lock()
	r.Unknown = true
	r.mu.Unlock()
	r.w.unknown(d, name, detail)
}

func (r *Repository) close() {
	for _, d := range []*disk.Dir{r.manifests, r.revisions, r.tags, r.layers, r.uploads} {
		if d != nil {
			d.Close()
		}
	}
	for _, d := range r.layersOf {
		d.Close()
	}
}

// algorithms lists a directory of links by algorithm and returns the names of
// those that are known.
func (r *Repository) algorithms(d *disk.Dir) (found []layout.Algorithm) {
	r.w.list(d, func(e disk.Entry, name string) {
		alg, ok := layout.ParseAlgorithm(name)
		switch {
		case ok:
			found = append(found, alg)
		case isDirectory(e) && !layout.IsForeign(name):
			r.mu.Lock()
			r.Opaque = true
			r.mu.Unlock()
			r.unknown(d, name, "not an algorithm: everything that the repository links is kept")
		default:
			r.unknown(d, name, "not a directory of an algorithm")
		}
	})
	return found
}

// leadsToDirectory reports whether an entry is a directory, or a symbolic link
// to one. It is true if the target of the link is not known.
func (r *Repository) leadsToDirectory(d *disk.Dir, e disk.Entry) bool {
	if e.Type != disk.Symlink {
		return e.Type == disk.Directory
	}
	info, err := d.Follow(e.Name)
	return err != nil || info.Type == disk.Directory
}

// hashes lists a directory whose names are the digests of one algorithm.
func (r *Repository) hashes(d *disk.Dir, alg layout.Algorithm, fn func(layout.Digest, disk.Entry)) {
	r.hashesOr(d, alg, fn, func(name string) { r.unknown(d, name, "not a directory of a digest") })
}

// errNoDirectory says what is in the place of a directory that would keep something.
var errNoDirectory = errors.New("it has the name of a digest, and is no directory")

// roots lists a directory like hashes whose links keep something. What has the
// name of a digest there and is no directory does not say that nothing is kept.
func (r *Repository) roots(d *disk.Dir, alg layout.Algorithm, fn func(layout.Digest, disk.Entry)) {
	r.hashesOr(d, alg, fn, func(name string) { r.w.Unreadable(d.Join(name), errNoDirectory) })
}

func (r *Repository) hashesOr(d *disk.Dir, alg layout.Algorithm, fn func(layout.Digest, disk.Entry), odd func(name string)) {
	r.w.scan(d, func(e disk.Entry) {
		if e.Name == layout.Unfinished {
			r.mu.Lock()
			r.Marks = append(r.Marks, d.Join(e.Name))
			r.mu.Unlock()
			return
		}
		digest, err := layout.ParseHex(alg, e.Name)
		if err != nil {
			r.unknown(d, e.Name, "not a directory of a digest")
			return
		}
		if !r.leadsToDirectory(d, e) {
			odd(e.Name)
			return
		}
		if e.Type == disk.Symlink {
			r.w.shares.lead(d.Join(e.Name))
		}
		fn(digest, e)
	})
}
