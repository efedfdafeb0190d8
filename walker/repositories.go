package walker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Repository is an open repository. It is valid until the callback that was
// given it returns. Its methods may be called once each, in the order Tags,
// Revisions, LayerLinks, since a push writes in the opposite order: a tag that
// was seen has its revision in a listing that began later.
type Repository struct {
	Name string
	// Empty says that it is no repository, but a directory with nothing in it.
	Empty bool
	// Odd says that no registry accepts the name.
	Odd bool
	// Linked says that the repository, or a directory of the layout in it, is
	// behind a symbolic link. Nothing is ever removed there.
	Linked bool
	// Borrows says that a directory of the layout in it is a symbolic link: it
	// may be another repository's.
	Borrows bool
	// Unknown says that something is in it which the layout does not define,
	// a repository below it not counted.
	Unknown bool
	// Nested says that directories are below it which are not the layout's.
	Nested bool
	// MTime is when its directory last got or lost one of its parts.
	MTime int64
	// Opaque says that a directory is in it where links would be, and that
	// its name is no algorithm's: it may link what nobody can tell.
	Opaque bool
	// Marks are the marks of a stopped run among directories of links, by their
	// paths. Those of the layers are known when these have been listed.
	Marks []string

	w                                           *Walker
	manifests, revisions, tags, layers, uploads *disk.Dir
	layersOf                                    map[layout.Algorithm]*disk.Dir // open, by ReadLayers
	layerAlgs                                   []layout.Algorithm
	listed                                      bool       // layerAlgs is known
	otherRevisions                              bool       // there may be some of other algorithms than sha256
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
			r.unknown(d, name, "not an algorithm: all that the repository links is kept")
		default:
			r.unknown(d, name, "not a directory of an algorithm")
		}
	})
	return found
}

// leadsToDirectory reports whether an entry is a directory, or a symbolic link
// to one. What a link leads to that cannot be told may be one.
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

// visit is a directory below repositories/ whose turn has not come.
type visit struct {
	name   string // "" is repositories/ itself
	linked bool
	odd    bool
}

// discovery is the state of one walk through repositories/.
type discovery struct {
	w     *Walker
	ctx   context.Context
	queue *queue
	room  *semaphore.Weighted
	fn    func(*Repository)

	mu   sync.Mutex
	seen map[disk.ID][]met
	late []visit // symbolic links, which are looked at when all else has been
}

// Repositories calls fn for every repository, concurrently: for every
// directory below repositories/ with one of the marker directories, and for
// those that are empty. Directories
// that layout.IsForeign names are not entered. A repository that can be
// reached by several names is visited once, by the name without symbolic links.
// It reports whether there is a directory for repositories at all.
func (w *Walker) Repositories(ctx context.Context, fn func(*Repository)) (exists bool) {
	root, ok := w.open(w.store, layout.Repositories)
	if !ok {
		return false
	}
	root.Close()
	w.Progress.Repositories.Store(0)
	w.Progress.Links.Store(0)
	d := &discovery{w: w, ctx: ctx, queue: newQueue(), room: semaphore.NewWeighted(room), fn: fn, seen: map[disk.ID][]met{}}
	d.push(visit{})
	w.drain(d.queue)
	for len(d.late) > 0 {
		// One after another, in the order of names: which of two links is the
		// repository must not be a matter of chance.
		next := d.late
		d.late = nil
		slices.SortFunc(next, func(a, b visit) int { return strings.Compare(a.name, b.name) })
		for _, v := range next {
			d.push(v)
			w.drain(d.queue)
		}
	}
	return true
}

func (d *discovery) push(v visit) {
	d.queue.push(func() {
		if d.ctx.Err() == nil {
			d.enter(v)
		}
	})
}

// enter reads one directory below repositories/, and the repository in it.
func (d *discovery) enter(v visit) {
	path := layout.Repositories
	if v.name != "" {
		path = layout.RepositoryDir(v.name)
	}
	dir, ok := d.w.open(d.w.store, path)
	if !ok {
		return
	}
	defer dir.Close()
	info, err := dir.Info()
	if err != nil {
		d.w.Unreadable(path, err)
		return
	}
	// Only links make circles and second names.
	first, err := d.first(info.ID, v, path)
	if err != nil {
		d.w.Unreadable(path, err)
	}
	if !first {
		return
	}
	// Only repositories/ itself may be a symbolic link that is removed behind.
	linked := v.linked || dir.Linked() && v.name != ""
	r := &Repository{Name: v.name, Odd: v.odd, Linked: linked, MTime: info.MTime, w: d.w}
	markers := d.split(dir, v, r)
	if len(markers) == 0 {
		if v.name != "" && !linked && !v.odd && !r.Nested && !r.Unknown {
			r.Empty = true
			d.fn(r)
		}
		return
	}
	defer r.close()
	for _, name := range markers {
		r.openMarker(dir, name)
	}
	weight, ok := d.enough(r)
	if !ok {
		return
	}
	defer d.room.Release(weight)
	d.fn(r)
	d.w.Progress.Repositories.Add(1)
}

// room is how many bytes the lists of links may have, altogether, of the
// repositories that are being looked at: what is kept of a link meanwhile takes
// a few times as many. A repository that is larger is looked at alone.
const room = 3 << 20

// listSize is the size of a directory itself, in bytes.
func (w *Walker) listSize(d *disk.Dir, name string) int64 {
	if d == nil {
		return 0
	}
	info, err := d.Stat(name)
	if err != nil && !disk.Gone(err) {
		w.Unreadable(d.Join(name), err)
	}
	return info.Size
}

// enough waits until there is room for a repository.
func (d *discovery) enough(r *Repository) (weight int64, ok bool) {
	weight = d.w.listSize(r.manifests, layout.Tags) + d.w.listSize(r.revisions, layout.SHA256.String())
	weight += d.w.listSize(r.layers, layout.SHA256.String()) / 4 // of these little is kept
	weight = min(max(weight, 1), room)
	if d.room.TryAcquire(weight) {
		return weight, true
	}
	// The others may have the place of who waits.
	<-d.w.busy
	err := d.room.Acquire(d.ctx, weight)
	d.w.busy <- struct{}{}
	return weight, err == nil
}

// split lists a directory below repositories/: what is below it is queued, and
// the repository's own marker directories are returned.
func (d *discovery) split(dir *disk.Dir, v visit, r *Repository) (markers []string) {
	d.w.list(dir, func(e disk.Entry, name string) {
		switch {
		case name == layout.Manifests || name == layout.Layers || name == layout.Uploads:
			if v.name == "" {
				d.w.unknown(dir, name, "part of a repository without a name")
				return
			}
			markers = append(markers, name)
		case name[0] == '_':
			r.Unknown = true // what a registry may add one day
		case layout.IsForeign(name):
			r.Unknown = true
			d.w.unknown(dir, name, "not entered: no repository's name begins like this")
		case !isDirectory(e):
			r.Unknown = true
			d.w.unknown(dir, name, "not a directory")
		default:
			r.Nested = true
			d.child(dir, v, e, name)
		}
	})
	return markers
}

func (d *discovery) child(dir *disk.Dir, v visit, e disk.Entry, name string) {
	c := visit{name: name, linked: v.linked, odd: v.odd}
	if v.name != "" {
		c.name = v.name + "/" + name
	}
	if !c.odd && !layout.IsNamespace(c.name) {
		c.odd = true
		d.w.unknown(dir, name, "not a repository's name: all that is in it is kept")
	}
	if e.Type != disk.Symlink {
		d.push(c)
		return
	}
	info, err := dir.Follow(name)
	switch {
	case err != nil && !disk.Gone(err):
		d.w.Unreadable(dir.Join(name), err)
	case err != nil:
	case info.Type != disk.Directory:
		d.w.unknown(dir, name, "not a directory")
	default:
		c.linked = true
		d.mu.Lock()
		d.late = append(d.late, c)
		d.mu.Unlock()
	}
}
