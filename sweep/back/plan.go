package back

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker/disk"
)

// Plan is what brings images back. Making it changes nothing.
type Plan struct {
	Images []*Image
	reader reader
}

// Image is an image that can be brought back, or, if something is Missing, a
// part of it.
type Image struct {
	Lost
	MediaType string
	Created   time.Time
	Bytes     int64           // of all blobs that a pull transfers and that are stored, each once
	Missing   []layout.Digest // blobs that it needs and that are not stored
	NewTag    string          // that it gets, or ""
	Linked    bool            // it has its link
	Restored  bool            // by Execute
	Err       error           // why it was not

	links []newLink
}

// stage is when a link is written: each stage is on the disk before the next.
type stage uint8

const (
	layers stage = iota
	manifests
	tag
	stages
)

// newLink is a link that is missing.
type newLink struct {
	stage  stage
	path   string
	holds  layout.Digest
	isData bool // what it names is compared with its digest before
}

// Changes reports whether bringing the image back writes anything.
func (i *Image) Changes() bool { return len(i.links) > 0 }

// Complete reports whether all that the image needs is stored.
func (i *Image) Complete() bool { return len(i.Missing) == 0 }

// ErrNotDeleted says that an image is not lost.
var ErrNotDeleted = errors.New("it is not deleted")

// ErrNoTrace says that a repository does not show that it had an image.
var ErrNoTrace = errors.New("the repository does not show that it had it")

// ErrTagExists says that a tag is there, which is not written over.
var ErrTagExists = errors.New("the tag is there already")

// New plans to bring images back, in this order.
func New(ctx context.Context, store *disk.Dir, lost []Lost) (*Plan, error) {
	p := &Plan{reader: reader{store}}
	var t *traces
	for _, l := range lost {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if t == nil || t.repository != l.Repository {
			var err error
			if t, err = p.reader.traces(l.Repository); err != nil {
				return nil, err
			}
		}
		i, err := p.reader.image(t, l)
		if err != nil {
			return nil, err
		}
		p.Images = append(p.Images, i)
	}
	return p, nil
}

// Restorable is how many images Execute would bring back.
func (p *Plan) Restorable(partial bool) (n int) {
	for _, i := range p.Images {
		if i.Err == nil && (partial || i.Complete()) && len(i.links) > 0 {
			n++
		}
	}
	return n
}

// Give has an image get a tag, too. A tag that is there is ErrTagExists.
func (p *Plan) Give(i *Image, name string) error {
	_, there, err := p.reader.stat(layout.TagDir(i.Repository, name))
	switch {
	case err != nil:
		return err
	case there:
		return ErrTagExists
	}
	i.NewTag = name
	i.links = append(i.links, newLink{stage: tag, path: layout.TagDir(i.Repository, name), holds: i.Digest})
	return nil
}

// needing is the work on one image.
type needing struct {
	reader
	t     *traces
	image *Image
	seen  map[layout.Digest]bool
}

// image finds what an image needs. It is an error only if something cannot be read.
func (r reader) image(t *traces, l Lost) (*Image, error) {
	i := &Image{Lost: l, Linked: t.linked[l.Digest]}
	d := mark.DescribeBy(l.Digest, r.json)
	i.MediaType, i.Created = d.MediaType, d.Created
	n := &needing{reader: r, t: t, image: i, seen: map[layout.Digest]bool{}}
	if err := n.manifest(l.Digest, !i.Linked); err != nil {
		return nil, err
	}
	slices.SortStableFunc(i.links, func(a, b newLink) int { return cmp.Compare(a.stage, b.stage) })
	return i, nil
}

// manifest adds a manifest and what it needs, children before parents. write
// says that its link is missing.
func (n *needing) manifest(d layout.Digest, write bool) error {
	if n.seen[d] {
		return nil
	}
	n.seen[d] = true
	content, err := n.content(d)
	switch {
	case errors.Is(err, errAbsent):
		if n.image.Missing = append(n.image.Missing, d); d == n.image.Digest {
			n.image.Err = fmt.Errorf("%s: %w", d, err)
		}
		return nil
	case errors.Is(err, errDamaged):
		n.image.Missing = append(n.image.Missing, d)
		n.image.Err = fmt.Errorf("%s: %w", d, err)
		return nil
	case err != nil:
		return err
	}
	n.image.Bytes += int64(len(content))
	p, err := manifest.Decode(content)
	if err != nil {
		n.image.Err = fmt.Errorf("%s: %w", d, err)
		return nil //nolint:nilerr // it is told of the image
	}
	part := func(ref manifest.Reference) error {
		// Also of a manifest that is linked: its layers may have been deleted alone.
		return n.layer(ref, write || n.t.linked[d])
	}
	if p.Kind == manifest.Index {
		part = func(ref manifest.Reference) error { return n.child(ref, write) }
	}
	for _, ref := range p.Refs {
		if slices.Contains(p.Subjects, ref.Digest) {
			continue
		}
		if err := part(ref); err != nil {
			return err
		}
	}
	if write {
		path := layout.RevisionDir(n.t.repository, d) + "/" + layout.Link
		n.image.links = append(n.image.links, newLink{stage: manifests, path: path, holds: d, isData: true})
	}
	return nil
}

// child adds what an index names. What the repository does not show that it had
// is left alone: the index is sparse, and another repository may have it alone.
func (n *needing) child(ref manifest.Reference, write bool) error {
	d := ref.Digest
	if n.t.linked[d] {
		return n.manifest(d, false)
	}
	l, err := n.link(layout.LayerDir(n.t.repository, d) + "/" + layout.Link)
	if err != nil {
		return err
	}
	if l.there {
		return n.layer(ref, write) // a plain blob, as build caches have them
	}
	if !n.t.has(d) {
		return nil
	}
	return n.manifest(d, write)
}

// layer adds a layer or configuration.
func (n *needing) layer(ref manifest.Reference, write bool) error {
	d := ref.Digest
	if n.seen[d] {
		return nil
	}
	n.seen[d] = true
	path := layout.LayerDir(n.t.repository, d) + "/" + layout.Link
	l, err := n.link(path)
	if err != nil {
		return err
	}
	data := d
	if !l.target.IsZero() {
		data = l.target
	}
	size, stored, err := n.size(data)
	switch {
	case err != nil:
		return err
	case stored:
		n.image.Bytes += size
	case !ref.Optional:
		n.image.Missing = append(n.image.Missing, d)
	}
	if write && !l.there && stored && !ref.Optional {
		n.image.links = append(n.image.links, newLink{stage: layers, path: path, holds: d, isData: true})
	}
	return nil
}

// Named finds the image that somebody named in a repository, by its digest or the
// beginning of it. ErrNotDeleted is wrapped for one that is linked.
func Named(ctx context.Context, store *disk.Dir, repository string, is func(layout.Digest) bool, whole layout.Digest, names func() ([]string, error)) (Lost, error) {
	r := reader{store}
	t, err := r.traces(repository)
	if err != nil {
		return Lost{}, err
	}
	var found []Lost
	for d, at := range t.emptied {
		if is(d) {
			found = append(found, Lost{repository, d, Deleted, at, t.named[d].tag})
		}
	}
	for d, n := range t.named {
		if _, ok := t.emptied[d]; !ok && !t.linked[d] && is(d) {
			found = append(found, Lost{repository, d, Overwritten, n.went, n.tag})
		}
	}
	var linked []layout.Digest
	for d := range t.linked {
		if is(d) {
			linked = append(linked, d)
		}
	}
	switch {
	case len(found)+len(linked) > 1:
		return Lost{}, errors.New("several manifests begin so: give more of the digest")
	case len(linked) == 1:
		return Lost{Repository: repository, Digest: linked[0], How: Unlinked, Tag: t.named[linked[0]].tag}, ErrNotDeleted
	case len(found) == 1:
		return found[0], nil
	case whole.IsZero():
		return Lost{}, ErrNoTrace
	}
	return r.namedUnlinked(ctx, t, whole, names)
}

// namedUnlinked finds an image that no repository links, for one that links all
// that it needs.
func (r reader) namedUnlinked(ctx context.Context, t *traces, d layout.Digest, names func() ([]string, error)) (Lost, error) {
	o, ok, err := r.orphan(d)
	if err != nil {
		return Lost{}, err
	}
	all, err := r.linksAll(t, o.needs)
	if err != nil {
		return Lost{}, err
	}
	if !ok || !all {
		return Lost{}, ErrNoTrace
	}
	repositories, err := names()
	if err != nil {
		return Lost{}, err
	}
	for _, name := range repositories {
		if ctx.Err() != nil {
			return Lost{}, context.Cause(ctx)
		}
		for _, dir := range []string{layout.RevisionDir(name, d), layout.LayerDir(name, d)} {
			l, err := r.link(dir + "/" + layout.Link)
			if err != nil {
				return Lost{}, err
			}
			if l.there {
				return Lost{}, ErrNoTrace // it is another one's
			}
		}
	}
	return Lost{Repository: t.repository, Digest: d, How: Unlinked}, nil
}
