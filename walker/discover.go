package walker

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// visit is a directory below repositories/ that is still to be read.
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
		d.w.unknown(dir, name, "not a repository's name: everything in it is kept")
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
