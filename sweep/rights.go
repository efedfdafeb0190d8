package sweep

import (
	"errors"
	"fmt"
	pathpkg "path"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// ErrRights is wrapped by the error about a plan that cannot be carried out in
// full because this process may not change some directories.
var ErrRights = errors.New("something is to be removed where this process may not")

// refuseUnwritable refuses a plan, before anything is set aside, if names in
// some directories cannot be renamed. Else a part of an image would be removed
// and the rest would be left. In most stores one call for each parent directory is
// enough. Only if a parent may not be changed are the directories in it
// checked.
func (r *run) refuseUnwritable() error {
	store := r.lock.Store()
	asked, refused := map[string]error{}, map[string]error{}
	for i := range r.items {
		if r.done[i] != planned || r.items[i].Aside || r.stopped() {
			continue
		}
		dir, parent := r.changes(&r.items[i])
		if dir == "" {
			continue
		}
		err, ok := asked[parent]
		if !ok {
			err = store.MayChange(parent)
			asked[parent] = err
		}
		if err == nil {
			continue
		}
		if err := store.MayChange(dir); err != nil {
			refused[dir] = err
		}
	}
	if len(refused) == 0 {
		return nil
	}
	for path, err := range refused {
		r.fail(path, errors.Unwrap(err))
	}
	return fmt.Errorf("%w; nothing has been removed", ErrRights)
}

// changes is the directory in which an item is renamed, and one that it shares
// with others of its kind. There is none for directories that are removed when
// they are empty: if these cannot be removed, they are left.
func (r *run) changes(i *mark.Item) (dir, parent string) {
	path := r.path(i)
	switch i.Kind {
	case mark.Tag: // where it cannot be moved, its link is removed
		return path + "/" + layout.Current, pathpkg.Dir(path)
	case mark.Manifest, mark.LayerLink, mark.TagHistory, mark.Blob, mark.Temporary:
		dir = pathpkg.Dir(path)
		return dir, pathpkg.Dir(dir)
	case mark.Upload:
		return path, pathpkg.Dir(path)
	}
	return "", ""
}
