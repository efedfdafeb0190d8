package walker

import (
	"context"
	"errors"
	"io/fs"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// LinkState says what was found in place of a link.
type LinkState uint8

// The states of a link.
const (
	LinkGood    LinkState = iota + 1 // it holds a digest
	LinkMissing                      // there is no link
	LinkBroken                       // something is there, and it holds no digest
	linkUnclear                      // it is to be looked at once more
	linkFailed                       // it cannot be read, which has been recorded
)

// Link is what a link file says.
type Link struct {
	State  LinkState
	Target layout.Digest // if State is LinkGood
	MTime  int64         // nanoseconds since 1970, unless State is LinkMissing
	Detail string        // what is wrong, if State is LinkBroken
	Aside  bool          // it has been set aside, as layout.AsideLink, by a run that was stopped
}

// readLink reads a link once. A result that may come from a write in progress is unclear.
func readLink(d *disk.Dir, name string) (Link, error) {
	var buf [layout.MaxLink + 1]byte
	n, info, err := d.ReadFile(name, buf[:])
	l := Link{MTime: info.MTime}
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

// readLinks reads the link name(i) in d for all i below n. What is unclear is
// read once more by its path, all after one pause.
func (w *Walker) readLinks(ctx context.Context, d *disk.Dir, n int, name func(i int) string) []Link {
	links := make([]Link, n)
	w.Each(ctx, n, func(i int) {
		l, err := readLink(d, name(i))
		if err != nil && l.State != linkUnclear {
			w.Unreadable(d.Join(name(i)), err)
			l.State = linkFailed
		}
		links[i] = l
	})
	waited := false
	for i := range links {
		switch links[i].State {
		case linkUnclear:
			if !waited {
				w.Pause()
				waited = true
			}
			links[i] = w.readAgain(d.Join(name(i)))
		case LinkMissing:
			// Nothing showed that it had ever been there, so no pause is due;
			// one wrong answer of the filesystem is not believed either.
			links[i] = w.readAgain(d.Join(name(i)))
		}
	}
	return links
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

// reason is an error without the operation and path, which a problem names itself.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Op + ": " + pe.Err.Error()
	}
	return err.Error()
}
