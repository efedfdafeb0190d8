package sweep

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Trashed returns the run in the trash to which an execution has moved items, or
// "".
func (p *Plan) Trashed() string {
	for _, b := range []*trash.Bin{p.bin, p.begun} {
		if b.Used() {
			return b.Name
		}
	}
	return ""
}

// openTrash finds the run that was stopped, if there is one. It makes the
// directory of this run and all directories that its items will be moved to. So
// a lack of space or another filesystem is found before anything is set aside.
func (r *run) openTrash() (err error) {
	if r.begun, err = trash.Stopped(r.lock); errors.Is(err, tree.ErrLinked) && r.bin == nil {
		err = nil
	}
	if err != nil || r.bin == nil || r.stopped() || !slices.Contains(r.done, planned) {
		return err
	}
	if err := r.sameFilesystem(); err != nil {
		return err
	}
	if err := r.sameMount(); err != nil {
		return err
	}
	if err := r.findAbsent(); err != nil {
		return err
	}
	err = r.bin.Begin(r.lock)
	if err == nil {
		err = r.prepare()
	}
	if err == nil {
		return nil
	}
	if r.bin.Name != "" {
		_, derr := r.bin.Drop()
		err = errors.Join(err, derr)
	}
	err = errors.Join(err, trash.DropEmpty(r.lock))
	if disk.IsNoSpace(err) {
		return fmt.Errorf("%w: %w", trash.ErrSpace, err)
	}
	return err
}

// sameFilesystem refuses what cannot be moved by renaming it.
func (r *run) sameFilesystem() error {
	store := r.lock.Store()
	here, err := store.Info()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range r.items {
		path := layout.Blobs
		if item := &r.items[i]; item.Repo != mark.NoRepo {
			path = layout.RepositoryDir(r.look.RepositoryOf(item))
		} else if item.Kind != mark.Blob {
			continue
		}
		if r.done[i] != planned || seen[path] {
			continue
		}
		seen[path] = true
		switch info, err := store.Follow(path); {
		case err != nil && !disk.Gone(err):
			return err
		case err == nil && info.ID.Dev != here.ID.Dev:
			return fmt.Errorf("%s is %w", path, trash.ErrFilesystem)
		}
	}
	return nil
}

// findAbsent records what the manifests and tags of the plan name and the store
// lacks.
func (r *run) findAbsent() error {
	var absent []string
	links := map[string]bool{} // whether layer links are there
	for i := range r.items {
		item := &r.items[i]
		switch {
		case r.done[i] != planned:
		case item.Kind == mark.Manifest:
			for _, d := range r.look.Lacking(item) {
				absent = append(absent, layout.BlobDir(d)+"/"+layout.Data)
			}
			for _, d := range r.look.Required(item) {
				path := layout.LayerDir(r.look.RepositoryOf(item), d) + "/" + layout.Link
				there, known := links[path]
				if !known {
					var err error
					if there, err = r.isLinked(path); err != nil {
						return err
					}
					links[path] = there
				}
				if !there {
					absent = append(absent, path)
				}
			}
		case item.Kind == mark.Tag && item.ID != 0:
			path := layout.RevisionDir(r.look.RepositoryOf(item), r.look.Digest(item.ID))
			there, err := r.isLinked(path + "/" + layout.Link)
			if err != nil {
				return err
			}
			if !there {
				absent = append(absent, path+"/"+layout.Link)
			}
		}
	}
	slices.Sort(absent)
	r.bin.Absent = slices.Compact(absent)
	return nil
}

// isLinked reports whether a link is there, by either of its names.
func (r *run) isLinked(path string) (bool, error) {
	there, err := tree.IsThere(r.lock.Store().Dir, path)
	if err == nil && !there {
		there, err = tree.IsThere(r.lock.Store().Dir, path+layout.AsideSuffix)
	}
	return there, err
}

// prepare makes the directories that items will be moved to.
func (r *run) prepare() error {
	r.chunks(len(r.items), func(c *cache, i int) {
		if r.done[i] != planned || r.stopped() {
			return
		}
		item := &r.items[i]
		for _, path := range r.directories(item) {
			err := r.mirror(c, item, path)
			if disk.Gone(err) {
				c.Close()
				err = r.mirror(c, item, path)
			}
			if err != nil && !disk.Gone(err) {
				r.fail(strings.Join(path, "/"), err)
				return
			}
		}
	})
	failures := r.failures
	r.failures = nil
	if len(failures) > 0 {
		return failures[0].Err
	}
	return nil
}

func (r *run) mirror(c *cache, item *mark.Item, path []string) error {
	d, err := c.open(path...)
	if err != nil {
		return err
	}
	m, ok := c.exit(item).(*mover)
	if !ok {
		return nil
	}
	_, err = m.Make(d.Dir, mirrored(strings.Join(path, "/"))...)
	return err
}

// directories are those of the store from which an item's names are removed.
func (r *run) directories(i *mark.Item) (paths [][]string) {
	split := func(path string) [][]string { return [][]string{strings.Split(path, "/")} }
	path := r.path(i)
	switch i.Kind {
	case mark.Tag:
		return split(path[:strings.LastIndexByte(path, '/')])
	case mark.Manifest, mark.LayerLink, mark.Blob, mark.TagHistory, mark.Temporary:
		return split(path[:strings.LastIndexByte(path, '/')])
	case mark.Repository:
		for _, part := range []string{
			layout.Manifests + "/" + layout.Tags, layout.Manifests + "/" + layout.Revisions, layout.Layers, layout.Uploads,
		} {
			paths = append(paths, split(path+"/"+part)...)
		}
		return paths
	}
	return split(path)
}

// closeTrash records that the run is complete, if it is. If that fails, the
// next run looks for leftovers and finds none.
func (r *run) closeTrash(complete bool) {
	if r.bin != nil && slices.Contains(r.done, removed) {
		r.bin.AddMoved() // be it only directories with nothing in them
	}
	for _, b := range []*trash.Bin{r.bin, r.begun} {
		switch {
		case b == nil || b.Name == "":
		case b == r.bin && !b.Used():
			_, _ = b.Drop()
		case complete:
			_ = b.Complete()
		}
	}
}
