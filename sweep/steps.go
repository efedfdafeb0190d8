package sweep

import (
	"errors"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// each removes the items of a kind that are in one state, concurrently. An error
// on one does not keep it from the others.
func (r *run) each(kind mark.Kind, from outcome, do step) {
	lo, hi := r.kindRange(kind)
	r.chunks(hi-lo, func(c *cache, i int) { r.one(c, lo+i, from, removed, do) })
}

// one takes one item from one state to the next.
func (r *run) one(c *cache, at int, from, to outcome, do step) {
	c.steps++
	if r.done[at] != from || r.ctx.Err() != nil {
		return
	}
	err := do(c, &r.items[at])
	if disk.Gone(err) {
		// One wrong answer of the filesystem is not believed: again, from the top.
		c.Close()
		err = do(c, &r.items[at])
	}
	switch left := new(leftError); {
	case err == nil || disk.Gone(err):
		r.done[at] = to
	case errors.As(err, &left) && to == removed:
		// What was to be removed is gone; of what is left the next run takes care.
		r.done[at] = removed
		r.failLeft(r.path(&r.items[at]), left.err)
	case errors.Is(err, errKept):
		r.done[at] = kept
	case errors.Is(err, errLater):
	default:
		r.done[at] = failed
		r.fail(r.path(&r.items[at]), err)
	}
}

// removeManifests removes manifest links that have been set aside, parents
// before their children.
func (r *run) removeManifests() error {
	return r.eachHeight(func(i int32, c *cache) { r.one(c, int(i), setAside, removed, r.removeManifest) },
		func() error { return r.giveBackStuck(mark.Manifest) })
}

// eachHeight calls fn for all manifests, concurrently for those that cannot
// name each other, and then after, which may be nil.
func (r *run) eachHeight(fn func(i int32, c *cache), after func() error) error {
	var order []int32
	for i := range r.items {
		if r.items[i].Kind == mark.Manifest {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		return int(int64(r.items[b].Extra) - int64(r.items[a].Extra))
	})
	for lo := 0; lo < len(order); {
		hi := lo
		for hi < len(order) && r.items[order[hi]].Extra == r.items[order[lo]].Extra {
			hi++
		}
		part := order[lo:hi]
		r.chunks(len(part), func(c *cache, i int) { fn(part[i], c) })
		if after != nil {
			if err := after(); err != nil {
				return err
			}
		}
		lo = hi
	}
	return nil
}

func (r *run) setAsideManifest(c *cache, i *mark.Item) error {
	return r.setAsideLink(c, i, layout.Manifests, layout.Revisions)
}

func (r *run) setAsideLayer(c *cache, i *mark.Item) error { return r.setAsideLink(c, i, layout.Layers) }

// setAsideLink gives a link the name that no registry sees.
func (r *run) setAsideLink(c *cache, i *mark.Item, parts ...string) error {
	d, err := r.openDigest(c, i, parts...)
	if err != nil {
		return err
	}
	defer d.Close()
	if i.Aside {
		return nil // but its filesystem is known now, and will be synced
	}
	if err := r.checkRecent(i, d, layout.Link); err != nil {
		return err
	}
	return d.Rename(layout.Link, d, layout.AsideLink)
}

// checkRecent returns errKept for a link that a push has written since it was
// looked at. If it were set aside, it would get its name back at the next look,
// but until then the push could not be pulled.
func (r *run) checkRecent(i *mark.Item, d *disk.Locked, link string) error {
	info, err := d.Stat(link)
	if err == nil && r.look.IsRewritten(i, info.MTime) {
		return errKept
	}
	return err
}

func (r *run) setAsideBlob(c *cache, i *mark.Item) error {
	if i.Aside {
		return nil
	}
	d, _, err := openBlob(c, r.look.Digest(i.ID))
	if err != nil {
		return err
	}
	defer d.Close()
	// Before the renaming: it may have worked even if it says that it failed.
	r.look.Store.SetAside(i.ID)
	return d.Rename(layout.Data, d, layout.Aside)
}

// setAsideTag moves a tag out of tags/ in one rename, since registries list half a
// tag. If a tag cannot be moved, or has something in it that the layout does
// not define, cutTag removes it.
func (r *run) setAsideTag(c *cache, i *mark.Item) error {
	name := r.look.NameOf(i)
	manifests, err := c.openIn(r.look.RepositoryOf(i), layout.Manifests)
	if err != nil || i.Aside {
		return err
	}
	tags, err := manifests.OpenBelow(layout.Tags)
	if err != nil {
		return err
	}
	defer tags.Close()
	if only, err := tree.Only(tags, name, tree.TagShape); err != nil {
		return err
	} else if !only {
		return errLater
	}
	if err := r.checkRecent(i, tags, name+"/"+layout.Current+"/"+layout.Link); err != nil && !disk.Gone(err) {
		return err
	}
	err = tags.Rename(name, manifests, layout.GonePrefix+name)
	if disk.NotEmpty(err) {
		// A stopped run has set aside an older tag of this name.
		if err := tree.Remove(tree.Unlinker{}, manifests, layout.GonePrefix+name, tree.TagShape); err != nil {
			return err
		}
		err = tags.Rename(name, manifests, layout.GonePrefix+name)
	}
	if err != nil && !disk.Gone(err) {
		return errLater
	}
	return err
}

// clearTags removes tags that a stopped run had set aside, if a tag of the same
// name is removed now. Otherwise both would have one name.
func (r *run) clearTags() {
	lo, hi := r.kindRange(mark.Tag)
	r.chunks(hi-lo, func(c *cache, i int) {
		if at := lo + i; r.items[at].Aside && r.hasTagBeside(at) {
			c.steps-- // each counts it
			r.one(c, at, planned, removed, r.removeTag)
		}
	})
}

// cutTag removes a tag where it is, beginning with what registries read, unless
// it has been written meanwhile.
func (r *run) cutTag(c *cache, i *mark.Item) error {
	name := r.look.NameOf(i)
	tags, err := c.openIn(r.look.RepositoryOf(i), layout.Manifests, layout.Tags)
	if err != nil {
		return err
	}
	tag, err := tags.OpenBelow(name)
	if err != nil {
		return err
	}
	defer tag.Close()
	current, err := tag.OpenBelow(layout.Current)
	if err == nil {
		defer current.Close()
		if err = r.checkRecent(i, current, layout.Link); err == nil {
			err = c.exit(i).File(current, layout.Link)
		}
	}
	if err != nil && !disk.Gone(err) {
		return err
	}
	return tree.Remove(c.exit(i), tags, name, tree.TagShape)
}
