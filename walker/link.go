package walker

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// LinkState says what was found in the place of a link.
type LinkState uint8

// The states of a link.
const (
	LinkGood    LinkState = iota + 1 // it holds a digest
	LinkMissing                      // there is no link
	LinkBroken                       // something is there, and it holds no digest
	linkUnclear                      // it is to be looked at once more
	linkFailed                       // it cannot be read, which has been recorded
)

// Link is the content of a link file.
type Link struct {
	State  LinkState
	Target layout.Digest // if State is LinkGood
	MTime  int64         // nanoseconds since 1970, unless State is LinkMissing
	Detail string        // what is wrong, if State is LinkBroken
	Behind bool          // it is a symbolic link
	Aside  bool          // it has been set aside, as layout.AsideLink, by a run that was stopped
}

// readLink reads a link once. A result that may come from a write in progress is unclear.
func readLink(d *disk.Dir, name string) (Link, error) {
	var info disk.Info
	return readLinkInfo(d, name, &info)
}

// readLinkInfo is readLink, and also returns what the file was before it was
// read.
func readLinkInfo(d *disk.Dir, name string, what *disk.Info) (Link, error) {
	var buf [layout.MaxLink + 1]byte
	n, info, err := d.ReadFile(name, buf[:])
	*what = info
	l := Link{MTime: info.MTime, Behind: info.Behind || errors.Is(err, disk.ErrDangling)}
	switch {
	case errors.Is(err, disk.ErrNotFile):
		l.State, l.Detail = LinkBroken, "not a regular file"
		return l, nil
	case err != nil && info.Type == 0 && disk.Gone(err):
		l.State = LinkMissing
		return l, nil
	case err != nil && Unsettled(err):
		l.State = linkUnclear
		return l, err
	case err != nil:
		return l, err
	}
	l.Target, err = layout.ParseLink(buf[:n])
	switch {
	case err == nil:
		l.State = LinkGood
	case n > layout.MaxLink:
		l.State, l.Detail = LinkBroken, "longer than any digest"
	default:
		l.State, l.Detail = linkUnclear, err.Error()
		if n == 0 {
			l.Detail = "empty"
		}
	}
	return l, nil
}

// links are link files that are read together.
type links struct {
	dir     *disk.Dir
	n       int
	areTags bool
	// name puts the name of a link together in dir, and to is where what it
	// says belongs. Both are called concurrently.
	name func(b *disk.Name, i int) string
	to   func(i int) *Link
}

// readLinks reads links. What is unclear is read once more by its path, all
// after one pause.
func (w *Walker) readLinks(ctx context.Context, l links) {
	var dir uint64
	if w.memory != nil {
		l.dir.LearnLocal()
		dir = linkKey(l.dir)
	}
	w.parts(ctx, l.n, func(lo, hi int) {
		var b disk.Name
		for i := lo; i < hi; i++ {
			if name := l.name(&b, i); w.memory == nil {
				*l.to(i) = w.readFirst(l.dir, name, nil)
			} else {
				*l.to(i) = w.readOrRecall(l.dir, name, addKey(dir, name), l.areTags)
			}
		}
	})
	var unclear []int
	for i := range l.n {
		if l.to(i).State == linkUnclear {
			unclear = append(unclear, i)
		}
	}
	if len(unclear) == 0 {
		return
	}
	w.Pause()
	w.Each(ctx, len(unclear), func(i int) {
		var b disk.Name
		*l.to(unclear[i]) = w.readAgain(l.dir.Join(l.name(&b, unclear[i])))
	})
}

// readOrRecall is readFirst with a memory.
func (w *Walker) readOrRecall(d *disk.Dir, name string, key uint64, isTag bool) Link {
	if l, ok := w.recall(d, name, key, isTag); ok {
		return l
	}
	var info disk.Info
	l := w.readFirst(d, name, &info)
	w.note(d, key, info, &l)
	return l
}

// readFirst reads a link for the first time. If what is not nil, it is what the
// file was that the link was read from; nothing if it was read again.
func (w *Walker) readFirst(d *disk.Dir, name string, what *disk.Info) Link {
	var info disk.Info
	l, err := readLinkInfo(d, name, &info)
	if what != nil && l.State == LinkGood {
		*what = info
	}
	if l.Behind {
		w.shares.lead(d.Join(name))
	}
	switch {
	case l.State == LinkMissing:
		// Nothing showed that it had ever been there, so no pause is due;
		// one wrong answer of the filesystem is not believed either.
		return w.readAgain(d.Join(name))
	case err != nil && l.State != linkUnclear:
		w.Unreadable(d.Join(name), err)
		l.State = linkFailed
	}
	return l
}

// readAgain reads a link by its path below the store, for the last time.
func (w *Walker) readAgain(path string) Link {
	l, err := readLink(w.store, path)
	switch {
	case l.State == linkUnclear && disk.Gone(err):
		l.State = LinkMissing
	case err != nil:
		w.Unreadable(path, err)
		l.State = linkFailed
	case l.State == linkUnclear:
		l.State = LinkBroken
	}
	return l
}

// reason is an error without the path, which a problem names itself. Of another
// path, such as one below it, the name stays.
func reason(path string, err error) string {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err.Error()
	}
	if pe.Path == path {
		return pe.Op + ": " + pe.Err.Error()
	}
	return pe.Op + " " + strings.TrimPrefix(pe.Path, path+"/") + ": " + pe.Err.Error()
}
