package sweep

import (
	"errors"
	"path"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

func (r *run) removeTag(c *cache, i *mark.Item) error {
	manifests, err := c.openIn(r.look.RepositoryOf(i), layout.Manifests)
	if err != nil {
		return err
	}
	name := layout.GonePrefix + r.look.NameOf(i)
	return leftOf(c.exit(i).Whole(manifests, name, tree.TagShape), manifests, name+"/"+layout.Current+"/"+layout.Link)
}

// leftOf returns an error of removing a tree. If the important names in it are
// gone, only something useless is left.
func leftOf(err error, d *disk.Locked, names ...string) error {
	if err == nil {
		return nil
	}
	for _, name := range names {
		if _, serr := d.Stat(name); !disk.Gone(serr) {
			return err
		}
	}
	return left(err)
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
		if err := tree.RemoveSignatures(c.exit(i), d); err != nil {
			return err
		}
	}
	if err := tree.IgnoreGone(c.exit(i).File(d, layout.AsideLink)); err != nil {
		return err
	}
	return left(r.removeDigestDir(c, i, d))
}

// removeDigestDir removes the directory of a link that is gone, with the
// signatures of a manifest and the links to its referrers. A link that has come
// back meanwhile keeps it.
func (r *run) removeDigestDir(c *cache, i *mark.Item, d *disk.Locked) error {
	digest := r.look.Digest(i.ID)
	kept := r.keepsHistory(i) // so that the next run knows that the history has to be looked at
	if !kept {
		// Mostly nothing else is in it.
		if err := c.dirs.Last().Rmdir(digest.Hex()); !disk.NotEmpty(err) {
			return tree.IgnoreGone(err)
		}
	}
	if _, err := d.Stat(layout.Link); !disk.Gone(err) {
		return err
	}
	if i.Kind == mark.Manifest || i.Kind == mark.RevisionDir {
		err := errors.Join(tree.Remove(c.exit(i), d, layout.Signatures, tree.HashShape), tree.Remove(c.exit(i), d, layout.Referrers, tree.ReferrersShape))
		if err != nil {
			return err
		}
	}
	if kept {
		return nil
	}
	if err := tree.RemoveTemporaries(c.exit(i), d, r.look.IsRecent); err != nil {
		return err
	}
	return tree.Rmdir(c.dirs.Last(), digest.Hex())
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
	if err := tree.IgnoreGone(c.exit(i).File(d, layout.Aside)); err != nil {
		return err
	}
	c.bytes += r.look.Store.Blob(i.ID).Size
	digest := r.look.Digest(i.ID)
	if err := parent.Rmdir(digest.Hex()); !disk.NotEmpty(err) {
		return left(tree.IgnoreGone(err))
	}
	if err := tree.RemoveTemporaries(c.exit(i), d, r.look.IsRecent); err != nil {
		return left(err)
	}
	return left(tree.Rmdir(parent, digest.Hex()))
}

func (r *run) removeBlobDir(c *cache, i *mark.Item) error {
	digest := r.look.Digest(i.ID)
	hex := digest.Hex()
	parent, err := c.open(layout.Blobs, digest.Algorithm().String(), hex[:2])
	if err != nil {
		return err
	}
	return tree.Rmdir(parent, hex)
}

// keepsHistory reports whether a history names a manifest. Then the directory
// of the manifest is kept: without it no run would look at the history again.
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
	err = tree.Remove(c.exit(i), dir, digest.Hex(), func(p []string) (file, directory bool) { return len(p) == 1 && tree.IsLink(p[0]), false })
	return leftOf(err, dir, digest.Hex()+"/"+layout.Link)
}

func (r *run) removeUpload(c *cache, i *mark.Item) error {
	uploads, err := c.openIn(r.look.RepositoryOf(i), layout.Uploads)
	if err != nil {
		return err
	}
	name := r.look.NameOf(i)
	return leftOf(tree.Remove(c.exit(i), uploads, name, tree.UploadShape), uploads, name+"/"+layout.Data, name+"/"+layout.StartedAt)
}

func (r *run) removeTemporary(c *cache, i *mark.Item) error {
	dir, name := path.Split(r.look.NameOf(i))
	d, err := c.open(strings.Split(strings.TrimSuffix(dir, "/"), "/")...)
	if err != nil {
		return err
	}
	return c.exit(i).File(d, name)
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
		if err := tree.RemoveSkeleton(d, parts...); err != nil {
			return err
		}
	}
	for _, name := range []string{layout.Manifests, layout.Layers, layout.Uploads} {
		if _, err := d.Stat(name); err == nil {
			return errKept
		} else if !disk.Gone(err) {
			return err
		}
	}
	c.Close()
	return tree.RemoveNamespace(r.lock, repositoryPath(r.look.RepositoryOf(i)))
}

// giveBackOne gives an item its name back, but never replaces a new file of
// that name. If there is one, what was set aside is not needed any more.
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
		return tree.IgnoreGone(d.Unlink(from))
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
		return tree.Remove(tree.Unlinker{}, manifests, layout.GonePrefix+name, tree.TagShape)
	case disk.Gone(err):
		// It may never have lost its place.
		if _, serr := tags.Stat(name); serr == nil {
			return nil
		}
	}
	return err
}
