package sweep

import (
	"context"
	"math"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Used returns the disk size of a store, as du counts it: files and directories,
// and a file with several names once. It does not count the trash and regsweep's
// other files. Files that vanish meanwhile do not count, and a file that cannot be
// read is an error.
func Used(ctx context.Context, store *disk.Dir) (int64, error) {
	u := &usedCount{ctx: ctx, seen: map[disk.ID]bool{}}
	info, err := store.Info()
	if err != nil {
		return 0, err
	}
	u.sum = info.Disk
	err = u.below(store, func(name string) bool { return name == layout.Own })
	return u.sum, err
}

// usedCount adds up what is used.
type usedCount struct {
	ctx  context.Context
	sum  int64
	seen map[disk.ID]bool // files with several names
}

// below adds what is in a directory. At the top, blobs and repositories may be
// symbolic links.
func (u *usedCount) below(d *disk.Dir, skip func(string) bool) error {
	if u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	var names []string
	if err := d.List(func(e disk.Entry) error {
		if skip == nil || !skip(e.Name) {
			names = append(names, strings.Clone(e.Name))
		}
		return nil
	}); err != nil {
		return err
	}
	for _, name := range names {
		info, err := d.Stat(name)
		if err == nil && skip != nil && info.Type == disk.Symlink && (name == layout.Blobs || name == layout.Repositories) {
			info, err = d.Follow(name)
		}
		switch {
		case disk.Gone(err):
			continue
		case err != nil:
			return tree.NotGone(err)
		case info.Type == disk.Directory:
			if err := u.directory(d, name); err != nil {
				return err
			}
		case info.Links > 1 && u.seen[info.ID]:
			continue
		case info.Links > 1:
			u.seen[info.ID] = true
		}
		u.sum = disk.Sum(u.sum, info.Disk)
	}
	return nil
}

func (u *usedCount) directory(d *disk.Dir, name string) error {
	sub, err := d.Open(name)
	if disk.Gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	return u.below(sub, nil)
}

// Space is what a store's filesystems report about space.
type Space struct {
	Free, Size int64 // of the filesystem of the blobs, for ordinary users
	// Apart says that the blobs are on a filesystem of their own.
	Apart bool
}

// Told reports whether the figures can be true. Some filesystems on networks, and
// in user space, report no blocks at all, more than there can be, or more free
// blocks than blocks.
func (s Space) Told() bool {
	return s.Size > 0 && s.Size < math.MaxInt64 && s.Free >= 0 && s.Free <= s.Size
}

// SpaceOf asks the filesystem of the blobs.
func SpaceOf(store *disk.Dir) (s Space, err error) {
	top, err := store.Info()
	if err != nil {
		return s, err
	}
	blobs, err := store.Open(layout.Blobs)
	if disk.Gone(err) {
		blobs, err = store.Open(".")
	}
	if err != nil {
		return s, err
	}
	defer blobs.Close()
	volume, err := blobs.Volume()
	if err != nil {
		return s, err
	}
	info, err := blobs.Info()
	if err != nil {
		return s, err
	}
	return Space{Free: volume.Free, Size: volume.Size, Apart: info.ID.Dev != top.ID.Dev}, nil
}
