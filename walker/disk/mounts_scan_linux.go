package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// MountsIn is Mounts for who has to know every mount at and below some paths of
// the store's own directory. The table may be missing, as without /proc, or it
// may lack the mount that one of them is on, as behind chroot. Then each file
// and directory there is asked which mount it is on, which takes as long as a
// walk. What these mounts show nobody can tell: see Blind. Paths that are not
// there are left out; skip names directories that nobody enters.
func (d *Dir) MountsIn(skip func(name string) bool, paths ...string) (*Mounts, error) {
	m, err := d.Mounts()
	if err != nil {
		return nil, err
	}
	if _, all := m.At("/"); all {
		return m, nil
	}
	found, err := d.resolveAll(paths)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(found, func(path string) bool { _, ok := m.At(path); return !ok }) {
		return m, nil
	}
	s := mountScan{skip: skip, devices: map[int]string{}, types: map[int]string{}}
	if _, err := s.top(found[0]); err != nil {
		return nil, err
	}
	for _, path := range found[1:] {
		if err := d.fs.check(OpStat, "", path); err != nil {
			return nil, err
		}
		if err := s.tree(path); err != nil {
			return nil, err
		}
	}
	m = newMounts(s.list)
	m.blind = true
	return m, nil
}

// resolveAll has the absolute path of the store's own directory, and then those
// of what is there of the given ones.
func (d *Dir) resolveAll(paths []string) (found []string, err error) {
	top, err := d.Resolve(".")
	if err != nil {
		return nil, err
	}
	found = append(found, top)
	for _, path := range paths {
		resolved, err := d.Target(path)
		if err == nil {
			_, err = os.Lstat(resolved)
		}
		switch {
		case err == nil:
			found = append(found, resolved)
		case !Gone(err) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR):
			return nil, err // of the others it is said when they are read
		}
	}
	return found, nil
}

// mountScan finds mounts by asking for the mount of each file and directory.
type mountScan struct {
	skip    func(name string) bool
	list    []Mount
	seen    []string       // paths below which all has been looked at
	devices map[int]string // by mount
	types   map[int]string
}

// top adds the mount that a path is on.
func (s *mountScan) top(path string) (on mounted, err error) {
	if on, err = s.stat(path); err != nil {
		return on, err
	}
	for _, m := range s.list {
		if m.ID == on.id && IsWithin(path, m.Point) {
			return on, nil
		}
	}
	above := -1
	if m, ok := newMounts(s.list).At(path); ok {
		above = m.ID
	}
	s.add(on, above, path)
	return on, nil
}

// tree looks at a path and at all that is below it.
func (s *mountScan) tree(path string) error {
	on, err := s.top(path)
	if err != nil || !on.directory || s.hasSeen(path) {
		return ignoreGone(err)
	}
	s.seen = append(s.seen, path)
	return s.below(path, on)
}

func (s *mountScan) hasSeen(path string) bool {
	for _, root := range s.seen {
		rest := strings.TrimPrefix(path, root)
		if IsWithin(path, root) && (rest == "" || !slices.ContainsFunc(strings.Split(rest[1:], "/"), s.skip)) {
			return true
		}
	}
	return false
}

func (s *mountScan) add(on mounted, parent int, path string) {
	s.list = append(s.list, Mount{ID: on.id, Parent: parent, Device: s.devices[on.id], Root: path, Point: path, Type: s.types[on.id]})
}

func (s *mountScan) below(path string, on mounted) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return ignoreGone(err)
	}
	for _, e := range entries {
		if s.skip(e.Name()) {
			continue
		}
		at := filepath.Join(path, e.Name())
		here, err := s.stat(at)
		if err != nil {
			if err := ignoreGone(err); err != nil {
				return err
			}
			continue
		}
		if here.id != on.id {
			s.add(here, on.id, at)
		}
		if here.directory {
			if err := s.below(at, here); err != nil {
				return err
			}
		}
	}
	return nil
}

// ignoreGone is nil for what is not there any more, and for what this process
// may not look at: whoever reads it will say so.
func ignoreGone(err error) error {
	if Gone(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

// mounted is the mount that a path is on.
type mounted struct {
	id        int
	directory bool
}

func (s *mountScan) stat(path string) (mounted, error) {
	var st unix.Statx_t
	err := retry(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_TYPE|unix.STATX_MNT_ID, &st)
	})
	if errors.Is(err, unix.ENOSYS) || err == nil && st.Mask&unix.STATX_MNT_ID == 0 {
		return mounted{}, ErrMountsUnknown
	}
	if err != nil {
		return mounted{}, pathError(OpStat, "", path, err)
	}
	on := mounted{int(st.Mnt_id), st.Mode&unix.S_IFMT == unix.S_IFDIR}
	if _, ok := s.devices[on.id]; !ok {
		s.devices[on.id] = fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor)
		s.types[on.id] = typeAt(path)
	}
	return on, nil
}

// typeAt names the filesystem of a path as the table of mounts does, if it is
// one of those that show a directory under one device number only; or "".
func typeAt(path string) string {
	var st unix.Statfs_t
	if retry(func() error { return unix.Statfs(path, &st) }) != nil {
		return ""
	}
	switch uint32(st.Type) {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	}
	return ""
}
