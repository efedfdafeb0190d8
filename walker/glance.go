package walker

import (
	"errors"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Glancing returns a Walker over the same store for questions whose answer is
// only a hint. What it records is not used.
func (w *Walker) Glancing() *Walker {
	other := w.With(new(Findings))
	other.Progress = new(Progress)
	return other
}

// Below calls fn for the directories in a directory below the store, except for
// symbolic links, which may lead in circles. It reports whether it saw all of them.
func (w *Walker) Below(path string, fn func(name string)) (all bool) {
	d, err := w.store.Open(path)
	if err != nil {
		return disk.Gone(err)
	}
	defer d.Close()
	err = d.List(func(e disk.Entry) error {
		if e.Type == disk.Directory {
			fn(strings.Clone(e.Name))
		}
		return nil
	})
	return err == nil
}

// LinksSince calls fn for the links below a directory of digests of one
// algorithm that were written at a time or later, with the digests that their
// paths and they themselves name; those that skip selects are not looked at. It
// reports whether it saw all of them. It leaves out a link that a registry is
// writing, and whatever cannot be read: these are seen the next time.
func (w *Walker) LinksSince(path string, alg layout.Algorithm, since int64, skip func(layout.Digest) bool, fn func(name, target layout.Digest)) (all bool) {
	d, err := w.store.Open(path)
	if err != nil {
		return disk.Gone(err)
	}
	defer d.Close()
	all = true
	var name disk.Name
	err = d.List(func(e disk.Entry) error {
		digest, err := layout.ParseHex(alg, e.Name)
		if err != nil || !isDirectory(e) || skip(digest) {
			return nil //nolint:nilerr // it is no directory of a link
		}
		link := name.JoinHex(digest.Sum(), layout.Link)
		switch info, err := d.Stat(link); {
		case disk.Gone(err):
			return nil
		case err != nil:
			all = false
			return nil //nolint:nilerr // it is asked for again the next time
		case info.MTime < since:
			return nil
		}
		if target, ok := targetOf(d, link); ok {
			fn(digest, target)
			return nil
		}
		all = false
		return nil
	})
	return all && err == nil
}

// Target reads which digest a link names, once.
func (w *Walker) Target(path string) (target layout.Digest, ok bool) { return targetOf(w.store, path) }

func targetOf(d *disk.Dir, link string) (target layout.Digest, ok bool) {
	l, err := readLink(d, link)
	return l.Target, err == nil && l.State == LinkGood
}

// DirTime returns when a directory below the store last got or lost a name; 0
// if there is no such directory. It follows symbolic links.
func (w *Walker) DirTime(path string) (mtime int64, err error) {
	info, err := w.store.Follow(path)
	if disk.Gone(err) || errors.Is(err, disk.ErrDangling) {
		return 0, nil
	}
	return info.MTime, err
}
