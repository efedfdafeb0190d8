package sweep

import (
	"fmt"
	pathpkg "path"
	"strings"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// sameMount refuses what is mounted in the store on its own, or has something
// mounted in it: nothing can be renamed from one mount to another, be they of
// one filesystem.
func (r *run) sameMount() error {
	store := r.lock.Store()
	mounts, err := store.MountsIn(layout.IsForeign, layout.Repositories, layout.Blobs, layout.Own)
	if err != nil || !mounts.Known() {
		return err
	}
	f := mountFinder{store: store.Dir, mounts: mounts, tops: map[string]top{}}
	home, err := f.trash()
	if err != nil {
		return err
	}
	for i := range r.items {
		if r.done[i] != planned {
			continue
		}
		if err := f.refuse(r.path(&r.items[i]), r.items[i].Kind, home); err != nil {
			return err
		}
	}
	return nil
}

// mountFinder finds the mounts that paths of the store are on.
type mountFinder struct {
	store  *disk.Dir
	mounts *disk.Mounts
	tops   map[string]top
}

// top is one of the store's directories. Symbolic links are followed there, and
// none below it.
type top struct {
	real string // its absolute path
	on   int    // the number of its mount
	many bool   // something is mounted below it
}

func (f *mountFinder) top(name string) (top, error) {
	if t, ok := f.tops[name]; ok {
		return t, nil
	}
	resolved, err := f.store.Resolve(name)
	if err != nil {
		return top{}, err
	}
	on, _ := f.mounts.At(resolved)
	t := top{resolved, on.ID, len(f.mounts.Within(resolved)) > 0}
	f.tops[name] = t
	return t, nil
}

// trash is the number of the mount that the trash is on, or will be.
func (f *mountFinder) trash() (int, error) {
	path := strings.Join(trash.Path(), "/")
	for {
		resolved, err := f.store.Resolve(path)
		if err == nil {
			on, _ := f.mounts.At(resolved)
			return on.ID, nil
		}
		if !disk.Gone(err) || path == "." {
			return 0, err
		}
		path = pathpkg.Dir(path)
	}
}

// refuse returns an error if a path is on another mount than the trash, or if
// something is mounted in it.
func (f *mountFinder) refuse(path string, kind mark.Kind, home int) error {
	if kind == mark.Manifest || kind == mark.LayerLink || kind == mark.TagHistory || kind == mark.Blob {
		path = pathpkg.Dir(path) // what else is in the directory is removed with it
	}
	name, rest, _ := strings.Cut(path, "/")
	t, err := f.top(name)
	if disk.Gone(err) {
		return nil
	}
	if err != nil || t.on == home && !t.many {
		return err
	}
	resolved := pathpkg.Join(t.real, rest)
	if on, ok := f.mounts.At(resolved); ok && on.ID != home {
		return fmt.Errorf("%s is %w", f.inStore(on.Point, path), trash.ErrMount)
	}
	if below := f.mounts.Within(resolved); len(below) > 0 && kind != mark.Repository && kind != mark.Namespace {
		return fmt.Errorf("%s is %w", f.inStore(below[0].Point, path), trash.ErrMount)
	}
	return nil
}

// inStore is where something is mounted, relative to the store if it is in it;
// otherwise a path that is on that mount.
func (f *mountFinder) inStore(point, path string) string {
	for name, t := range f.tops {
		if disk.IsWithin(point, t.real) {
			return name + strings.TrimPrefix(point, t.real)
		}
	}
	return path
}
