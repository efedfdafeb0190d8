package sweep

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// shape says whether the layout defines a path below some directory, as a file
// or as a directory. Nothing else is ever removed.
type shape func(parts []string) (file, directory bool)

func tagShape(p []string) (file, directory bool) {
	switch {
	case len(p) == 1:
		return false, p[0] == layout.Current || p[0] == layout.Index
	case p[0] == layout.Current:
		return len(p) == 2 && isLink(p[1]), false
	}
	return hashShape(p[1:])
}

// hashShape is <alg>/<hex>/link.
func hashShape(p []string) (file, directory bool) {
	alg, ok := layout.ParseAlgorithm(p[0])
	if !ok || len(p) == 1 {
		return false, ok
	}
	if _, err := layout.ParseHex(alg, p[1]); err != nil || len(p) > 3 {
		return false, false
	}
	return len(p) == 3 && isLink(p[2]), len(p) == 2
}

func isLink(name string) bool {
	return name == layout.Link || strings.HasPrefix(name, layout.Link+".") && layout.IsTemporary(name)
}

func uploadShape(p []string) (file, directory bool) {
	return walker.UploadName(len(p)-1, p[len(p)-1])
}

// onlyShape reports whether all that is below a directory is of a shape.
func onlyShape(parent *disk.Locked, name string, of shape, at ...string) (only bool, err error) {
	d, err := parent.OpenBelow(name)
	if err != nil {
		return false, err
	}
	defer d.Close()
	only = true
	err = d.List(func(e disk.Entry) error {
		path := slices.Concat(at, []string{strings.Clone(e.Name)})
		file, directory := of(path)
		switch {
		case file && e.Type == disk.File:
		case directory && e.Type == disk.Directory:
			below, err := onlyShape(d, path[len(at)], of, path...)
			only = only && below
			return err
		default:
			only = false
		}
		return nil
	})
	return only, err
}

// removeTree takes away what is of a shape below a directory, and the directory
// if nothing else is in it.
func removeTree(out exit, parent *disk.Locked, name string, of shape, at ...string) error {
	d, err := parent.OpenBelow(name)
	if disk.Gone(err) {
		d, err = parent.OpenBelow(name) // one wrong answer is not believed
	}
	if err != nil {
		return ignoreGone(err)
	}
	defer d.Close()
	// All names are read before one is removed: a listing of a directory that
	// changes may leave names out.
	var files, directories []string
	err = d.List(func(e disk.Entry) error {
		file, directory := of(append(at, e.Name))
		switch {
		case file && e.Type == disk.File:
			files = append(files, strings.Clone(e.Name))
		case directory && e.Type == disk.Directory:
			directories = append(directories, strings.Clone(e.Name))
		}
		return nil
	})
	for _, f := range files {
		err = errors.Join(err, ignoreGone(out.file(d, f)))
	}
	for _, sub := range directories {
		err = errors.Join(err, removeTree(out, d, sub, of, append(at, sub)...))
	}
	if err != nil {
		return err
	}
	return rmdir(parent, name)
}

func ignoreGone(err error) error {
	if disk.Gone(err) {
		return nil
	}
	return err
}

// rmdir removes a directory if it is empty; if it is not, that is no failure.
func rmdir(parent *disk.Locked, name string) error {
	err := parent.Rmdir(name)
	if disk.Gone(err) {
		err = parent.Rmdir(name) // one wrong answer is not believed
	}
	if disk.NotEmpty(err) || disk.Gone(err) {
		return nil
	}
	return err
}

func (r *run) removeTag(c *cache, i *mark.Item) error {
	manifests, err := c.openIn(r.look.RepositoryOf(i), layout.Manifests)
	if err != nil {
		return err
	}
	return c.exit(i).whole(manifests, layout.GonePrefix+r.look.NameOf(i), tagShape)
}

func (r *run) removeManifest(c *cache, i *mark.Item) error {
	return r.removeLink(c, i, layout.Manifests, layout.Revisions)
}

func (r *run) removeLayer(c *cache, i *mark.Item) error { return r.removeLink(c, i, layout.Layers) }

// removeLink removes a link that was set aside, and its directory.
func (r *run) removeLink(c *cache, i *mark.Item, parts ...string) error {
	d, err := r.openDigest(c, i, parts...)
	if err != nil {
		return err
	}
	defer d.Close()
	if i.Kind == mark.Manifest {
		// First: without the link, a run after one that is killed here would take
		// the directory for a fresh one, and leave it until the grace is over.
		if err := removeSignatures(c.exit(i), d); err != nil {
			return err
		}
	}
	if err := ignoreGone(c.exit(i).file(d, layout.AsideLink)); err != nil {
		return err
	}
	return r.removeDigestDir(c, i, d)
}

// removeSignatures removes a manifest's signatures, unless its link has come back.
func removeSignatures(out exit, d *disk.Locked) error {
	if _, err := d.Stat(layout.Signatures); err != nil {
		return ignoreGone(err)
	}
	if _, err := d.Stat(layout.Link); !disk.Gone(err) {
		return err
	}
	return removeTree(out, d, layout.Signatures, hashShape)
}

// removeDigestDir removes the directory of a link that is gone, with the
// signatures of a manifest. A link that has come back meanwhile keeps it.
func (r *run) removeDigestDir(c *cache, i *mark.Item, d *disk.Locked) error {
	digest := r.look.Digest(i.ID)
	kept := r.keepsHistory(i) // so that the next run knows that the history has to be looked at
	if !kept {
		// Mostly nothing else is in it.
		if err := c.dir().Rmdir(digest.Hex()); !disk.NotEmpty(err) {
			return ignoreGone(err)
		}
	}
	if _, err := d.Stat(layout.Link); !disk.Gone(err) {
		return err
	}
	if i.Kind == mark.Manifest || i.Kind == mark.RevisionDir {
		if err := removeTree(c.exit(i), d, layout.Signatures, hashShape); err != nil {
			return err
		}
	}
	if kept {
		return nil
	}
	if err := r.removeTemporaries(c.exit(i), d); err != nil {
		return err
	}
	return rmdir(c.dir(), digest.Hex())
}

// removeTemporaries removes what is left of interrupted writes in a directory
// that goes.
func (r *run) removeTemporaries(out exit, d *disk.Locked) error {
	var old []string
	err := d.List(func(e disk.Entry) error {
		if e.Type != disk.File || !layout.IsTemporary(e.Name) {
			return nil
		}
		info, err := d.Stat(e.Name)
		if disk.Gone(err) {
			info, err = d.Stat(e.Name) // one wrong answer is not believed
		}
		if err == nil && !r.look.IsFresh(info.MTime) {
			old = append(old, strings.Clone(e.Name))
		}
		return ignoreGone(err)
	})
	for _, name := range old {
		err = errors.Join(err, ignoreGone(out.file(d, name)))
	}
	return ignoreGone(err)
}

func (r *run) removeRevisionDir(c *cache, i *mark.Item) error {
	d, err := r.openDigest(c, i, layout.Manifests, layout.Revisions)
	if err != nil {
		return err
	}
	defer d.Close()
	return r.removeDigestDir(c, i, d)
}

func (r *run) removeLayerDir(c *cache, i *mark.Item) error {
	d, err := r.openDigest(c, i, layout.Layers)
	if err != nil {
		return err
	}
	defer d.Close()
	return r.removeDigestDir(c, i, d)
}

func (r *run) removeBlob(c *cache, i *mark.Item) error {
	d, parent, err := openBlob(c, r.look.Digest(i.ID))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := ignoreGone(c.exit(i).file(d, layout.Aside)); err != nil {
		return err
	}
	c.bytes += r.look.Store.Blob(i.ID).Size
	digest := r.look.Digest(i.ID)
	if err := parent.Rmdir(digest.Hex()); !disk.NotEmpty(err) {
		return ignoreGone(err)
	}
	if err := r.removeTemporaries(c.exit(i), d); err != nil {
		return err
	}
	return rmdir(parent, digest.Hex())
}

func (r *run) removeBlobDir(c *cache, i *mark.Item) error {
	digest := r.look.Digest(i.ID)
	hex := digest.Hex()
	parent, err := c.open(layout.Blobs, digest.Algorithm().String(), hex[:2])
	if err != nil {
		return err
	}
	return rmdir(parent, hex)
}

// keepsHistory reports whether a history names a manifest, whose directory then
// has to stay: without it no run would look at the history again.
func (r *run) keepsHistory(i *mark.Item) bool {
	if i.Kind != mark.Manifest && i.Kind != mark.RevisionDir {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.histories[history{i.Repo, i.ID}]
	return ok
}

// removeHistory removes an entry of a tag's history, and remembers a failure.
func (r *run) removeHistory(c *cache, i *mark.Item) error {
	err := r.removeEntry(c, i)
	if err != nil && !disk.Gone(err) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.histories[history{i.Repo, i.ID}] = struct{}{}
	}
	return err
}

func (r *run) removeEntry(c *cache, i *mark.Item) error {
	digest := r.look.Digest(i.ID)
	dir, err := c.openIn(r.look.RepositoryOf(i), layout.Manifests, layout.Tags, r.look.NameOf(i), layout.Index, digest.Algorithm().String())
	if err != nil {
		return err
	}
	return removeTree(c.exit(i), dir, digest.Hex(), func(p []string) (file, directory bool) { return len(p) == 1 && isLink(p[0]), false })
}

func (r *run) removeUpload(c *cache, i *mark.Item) error {
	uploads, err := c.openIn(r.look.RepositoryOf(i), layout.Uploads)
	if err != nil {
		return err
	}
	return removeTree(c.exit(i), uploads, r.look.NameOf(i), uploadShape)
}

func (r *run) removeTemporary(c *cache, i *mark.Item) error {
	dir, name := path.Split(r.look.NameOf(i))
	d, err := c.open(strings.Split(strings.TrimSuffix(dir, "/"), "/")...)
	if err != nil {
		return err
	}
	return c.exit(i).file(d, name)
}

// removeRepository removes the directories of a repository with nothing left
// in it, and those above that are empty then.
func (r *run) removeRepository(c *cache, i *mark.Item) error {
	d, err := c.openIn(r.look.RepositoryOf(i))
	if err != nil {
		return err
	}
	for _, parts := range [][]string{
		{layout.Manifests, layout.Tags},
		{layout.Manifests, layout.Revisions},
		{layout.Layers},
		{layout.Uploads},
		{layout.Manifests},
	} {
		if err := removeSkeleton(d, parts...); err != nil {
			return err
		}
	}
	for _, name := range []string{layout.Manifests, layout.Layers, layout.Uploads} {
		if _, err := d.Stat(name); err == nil {
			return errSpared
		} else if !disk.Gone(err) {
			return err
		}
	}
	c.close()
	return r.removeNamespace(repositoryPath(r.look.RepositoryOf(i)))
}

// removeSkeleton removes a directory with nothing but empty directories of algorithms in it.
func removeSkeleton(d *disk.Locked, parts ...string) error {
	if len(parts) == 2 {
		sub, err := d.OpenBelow(parts[0])
		if err != nil {
			return ignoreGone(err)
		}
		defer sub.Close()
		return removeSkeleton(sub, parts[1])
	}
	return removeTree(unlinker{}, d, parts[0], func(p []string) (file, directory bool) {
		_, ok := layout.ParseAlgorithm(p[0])
		return false, ok && len(p) == 1
	})
}

// removeNamespace removes a directory and those above it, as far as they are empty.
func (r *run) removeNamespace(path []string) error {
	for ; len(path) > 1; path = path[:len(path)-1] {
		parent, err := r.lock.Open(path[:len(path)-1]...)
		if err != nil {
			return ignoreGone(err)
		}
		err = parent.Rmdir(path[len(path)-1])
		parent.Close()
		if disk.NotEmpty(err) {
			return nil
		}
		if err != nil && !disk.Gone(err) {
			return err
		}
	}
	return nil
}

// giveBackOne gives an item its name back, never over a new one of that name:
// then what was set aside is not needed any more.
func (r *run) giveBackOne(c *cache, e *entry) error {
	i, repository := &e.item, e.look.RepositoryOf(&e.item)
	var d *disk.Locked
	var err error
	from, to := layout.AsideLink, layout.Link
	switch i.Kind {
	case mark.Tag:
		return r.giveBackTag(c, repository, e.look.NameOf(i))
	case mark.Manifest:
		d, err = openDigest(c, repository, e.look.Digest(i.ID), layout.Manifests, layout.Revisions)
	case mark.LayerLink:
		d, err = openDigest(c, repository, e.look.Digest(i.ID), layout.Layers)
	default:
		from, to = layout.Aside, layout.Data
		d, _, err = openBlob(c, e.look.Digest(i.ID))
	}
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.RenameNoReplace(from, d, to)
	switch {
	case errors.Is(err, disk.ErrExists):
		return ignoreGone(d.Unlink(from))
	case disk.Gone(err):
		// It may never have lost its name.
		if _, serr := d.Stat(to); serr == nil {
			return nil
		}
	}
	return err
}

func (r *run) giveBackTag(c *cache, repository, name string) error {
	manifests, err := c.openIn(repository, layout.Manifests)
	if err != nil {
		return err
	}
	tags, err := manifests.OpenBelow(layout.Tags)
	if err != nil {
		return err
	}
	defer tags.Close()
	// A directory is never renamed over one with something in it.
	err = manifests.Rename(layout.GonePrefix+name, tags, name)
	switch {
	case disk.NotEmpty(err):
		return removeTree(unlinker{}, manifests, layout.GonePrefix+name, tagShape)
	case disk.Gone(err):
		// It may never have lost its place.
		if _, serr := tags.Stat(name); serr == nil {
			return nil
		}
	}
	return err
}
