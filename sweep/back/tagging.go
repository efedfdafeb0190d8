package back

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Tagging is a plan to let a tag name an image of its repository.
type Tagging struct {
	Repository string
	Tag        string
	Digest     layout.Digest
	// Previous is what the tag names before; zero if there is no tag, or if
	// that cannot be told. Exists says whether there is one.
	Previous layout.Digest
	Exists   bool
}

// Same reports whether the tag names the image already.
func (t *Tagging) Same() bool { return t.Exists && t.Previous == t.Digest }

// Source is the image that somebody named in a repository: by a tag, if it is
// not "", else by its digest or the beginning of it. It is linked.
func Source(store *disk.Dir, repository, tagName string, is func(layout.Digest) bool) (layout.Digest, error) {
	r := reader{store}
	if tagName != "" {
		l, err := r.link(layout.TagDir(repository, tagName) + "/" + layout.Current + "/" + layout.Link)
		switch {
		case err != nil:
			return layout.Digest{}, err
		case !l.there:
			return layout.Digest{}, errors.New("there is no such tag")
		case l.target.IsZero():
			return layout.Digest{}, errors.New("the tag's link holds no digest")
		case !is(l.target):
			return layout.Digest{}, fmt.Errorf("the tag names %s", l.target)
		}
		return l.target, nil
	}
	var found []layout.Digest
	err := r.digestsIn(layout.RepositoryDir(repository)+"/"+layout.Manifests+"/"+layout.Revisions, func(d layout.Digest, dir string) error {
		if !is(d) {
			return nil
		}
		l, err := r.link(dir + "/" + layout.Link)
		if l.there {
			found = append(found, d)
		}
		return err
	})
	switch {
	case err != nil:
		return layout.Digest{}, err
	case len(found) > 1:
		return layout.Digest{}, errors.New("several manifests begin so: give more of the digest")
	case len(found) == 0:
		return layout.Digest{}, errors.New("the repository does not link such a manifest")
	}
	return found[0], nil
}

// NewTagging plans to let a tag name an image.
func NewTagging(store *disk.Dir, repository, tagName string, d layout.Digest) (*Tagging, error) {
	r := reader{store}
	t := &Tagging{Repository: repository, Tag: tagName, Digest: d}
	if err := r.isWhole(t); err != nil {
		return nil, err
	}
	return t, r.lookAt(t)
}

// isWhole refuses what a registry would not accept a tag for.
func (r reader) isWhole(t *Tagging) error {
	traces, err := r.traces(t.Repository)
	if err != nil {
		return err
	}
	if !traces.linked[t.Digest] {
		return fmt.Errorf("%s@%s is not linked any more", t.Repository, t.Digest)
	}
	i, err := r.image(traces, Lost{Repository: t.Repository, Digest: t.Digest})
	switch {
	case err != nil:
		return err
	case i.Err != nil:
		return i.Err
	case !i.Complete():
		return fmt.Errorf("%s@%s %w: the store lacks %s", t.Repository, t.Digest, ErrIncomplete, i.Missing[0])
	}
	return nil
}

// lookAt sees what the tag names.
func (r reader) lookAt(t *Tagging) error {
	dir := layout.TagDir(t.Repository, t.Tag)
	_, there, err := r.stat(dir)
	if err != nil {
		return err
	}
	l, err := r.link(dir + "/" + layout.Current + "/" + layout.Link)
	t.Exists, t.Previous = there, l.target
	return err
}

// errMoved says that somebody has written a tag meanwhile.
var errMoved = errors.New("somebody has written the tag meanwhile; nothing has been changed")

// errDeleted says that an image was deleted while a tag was given to it.
var errDeleted = errors.New("the image was deleted meanwhile; the tag is as it was")

// Execute writes the tag: the entry of its history, then its current link. Then
// it looks whether the image is still linked; if not, the tag becomes what it was.
// A tag that was not there appears in one step.
func (t *Tagging) Execute(ctx context.Context, lock *disk.Lock) error {
	w := newWriter(ctx, lock)
	defer w.close()
	if err := w.isWhole(t); err != nil {
		return err
	}
	now := *t
	if err := w.lookAt(&now); err != nil {
		return err
	}
	switch {
	case now.Exists != t.Exists || now.Previous != t.Previous:
		return errMoved
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case t.Exists:
		return w.moveTag(t)
	}
	return w.makeTag(t)
}

// tagLinks are the paths of a tag's two links to a digest, in a directory that is the tag's.
func tagLinks(dir string, d layout.Digest) (entry, current string) {
	return dir + "/" + layout.Index + "/" + d.Algorithm().String() + "/" + d.Hex() + "/" + layout.Link,
		dir + "/" + layout.Current + "/" + layout.Link
}

// makeTag makes a tag that is not there: beside the tags, where no registry looks,
// and with one rename it is one.
func (w *writer) makeTag(t *Tagging) error {
	beside := layout.GonePrefix + t.Tag
	manifests := layout.RepositoryDir(t.Repository) + "/" + layout.Manifests
	if err := w.clear(t, manifests, beside); err != nil {
		return err
	}
	entry, current := tagLinks(manifests+"/"+beside, t.Digest)
	err := w.put(entry, t.Digest)
	if err == nil {
		err = w.put(current, t.Digest)
	}
	if err == nil {
		err = w.sync()
	}
	if err == nil {
		err = w.reveal(t, manifests, beside)
	}
	if err != nil {
		w.removeTag(manifests, beside)
		return err
	}
	if err := w.sync(); err != nil {
		return err
	}
	if there, err := w.isLinked(t); err != nil || there {
		return err
	}
	return w.takeBack(t, manifests, beside)
}

// clear removes what a run of ours that was stopped has left beside the tags. A
// tag that a sweep is removing is left alone.
func (w *writer) clear(t *Tagging, manifests, beside string) error {
	_, current := tagLinks(manifests+"/"+beside, t.Digest)
	l, err := w.link(current)
	if err != nil {
		return err
	}
	if l.there && l.target != t.Digest {
		return fmt.Errorf("%s/%s is left by a run that was stopped: run gc first, which completes it", manifests, beside)
	}
	w.removeTag(manifests, beside)
	return nil
}

// reveal renames a directory beside the tags, so that it is one.
func (w *writer) reveal(t *Tagging, manifests, beside string) error {
	parent, err := w.lock.Open(strings.Split(manifests, "/")...)
	if err != nil {
		return err
	}
	defer parent.Close()
	tags, like, err := w.place(manifests + "/" + layout.Tags)
	if err != nil {
		return err
	}
	defer like.Close()
	err = parent.RenameNoReplace(beside, tags, t.Tag)
	if errors.Is(err, disk.ErrExists) {
		return ErrTagExists
	}
	return err
}

// removeTag removes a tag's directory that is beside the tags, as far as it is of
// that shape. What it leaves is in nobody's way: the next sweep removes it.
func (w *writer) removeTag(manifests, beside string) {
	w.maker.Close()
	d, err := w.lock.Open(strings.Split(manifests, "/")...)
	if err != nil {
		return
	}
	defer d.Close()
	_ = tree.Remove(tree.Unlinker{}, d, beside, tree.TagShape)
}

// takeBack takes a tag away that this run has made, unless somebody has written it since.
func (w *writer) takeBack(t *Tagging, manifests, beside string) error {
	_, current := tagLinks(manifests+"/"+layout.Tags+"/"+t.Tag, t.Digest)
	l, err := w.link(current)
	if err != nil || l.target != t.Digest {
		return errors.Join(errDeleted, err)
	}
	w.maker.Close()
	to, err := w.lock.Open(strings.Split(manifests, "/")...)
	if err != nil {
		return errors.Join(errDeleted, err)
	}
	defer to.Close()
	tags, err := to.OpenBelow(layout.Tags)
	if err != nil {
		return errors.Join(errDeleted, tree.IgnoreGone(err))
	}
	defer tags.Close()
	if err := tags.RenameNoReplace(t.Tag, to, beside); err != nil {
		return errors.Join(errDeleted, tree.IgnoreGone(err))
	}
	w.removeTag(manifests, beside)
	return errDeleted
}

// isLinked looks at the manifest's link again.
func (w *writer) isLinked(t *Tagging) (bool, error) {
	l, err := w.link(layout.RevisionDir(t.Repository, t.Digest) + "/" + layout.Link)
	return l.there, err
}

// moveTag lets a tag that is there name another image.
func (w *writer) moveTag(t *Tagging) error {
	entry, current := tagLinks(layout.TagDir(t.Repository, t.Tag), t.Digest)
	was, err := w.link(entry)
	if err != nil {
		return err
	}
	back := func(err error) error {
		if !was.there {
			w.unlink(entry)
		}
		return err
	}
	if err := w.write(entry, t.Digest, true); err != nil {
		return back(err)
	}
	l, err := w.link(current)
	if err == nil && l.target != t.Previous {
		err = errMoved
	}
	if err == nil {
		err = w.write(current, t.Digest, true)
	}
	if err != nil {
		return back(err)
	}
	if err := w.sync(); err != nil {
		return err
	}
	there, err := w.isLinked(t)
	if err != nil || there {
		return err
	}
	if l, err = w.link(current); err == nil && l.target == t.Digest {
		if t.Previous.IsZero() {
			w.unlink(current)
		} else {
			err = w.write(current, t.Previous, true)
		}
	}
	return back(errors.Join(errDeleted, err))
}

// unlink removes a link that this run has written, and its directory if that is
// empty. What it leaves is an entry of a tag's history.
func (w *writer) unlink(file string) {
	w.maker.Close()
	parts := strings.Split(file, "/")
	n := len(parts)
	parent, err := w.lock.Open(parts[:n-2]...)
	if err != nil {
		return
	}
	defer parent.Close()
	d, err := parent.OpenBelow(parts[n-2])
	if err != nil {
		return
	}
	err = tree.Unlinker{}.File(d, parts[n-1])
	d.Close()
	if err == nil {
		_ = tree.Rmdir(parent, parts[n-2])
	}
}
