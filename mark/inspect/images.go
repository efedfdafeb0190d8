package inspect

import (
	"cmp"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
)

// Images asks a Look what the tagged images of every repository take, and when
// what is removed was pushed. It costs no second walk, and follows what each image
// reaches in its own repository.
type Images struct {
	most int

	mu     sync.Mutex
	repos  map[string]*RepositoryImages
	linked digests.Set // what layer links name and no live manifest may
}

// RepositoryImages divides a repository's bytes: the UniqueBytes of all its
// images, SharedBytes and UntaggedBytes add up to Repo.Bytes.
type RepositoryImages struct {
	Images        []Image // the largest first
	Rest          int     // images that are not in the list
	RestBytes     int64   // the UniqueBytes of these
	SharedBytes   int64   // of what several images reach
	UntaggedBytes int64   // of what no tag reaches

	leaving
}

// Image is a manifest with a tag. Sizes are bytes.
type Image struct {
	Digest      layout.Digest
	Tags        []string // sorted
	Bytes       int64    // that a pull of it transfers, of all platforms; its referrers do not count
	UniqueBytes int64    // of what no other tagged manifest of the repository reaches
}

// NewImages asks for the largest images of every repository, at most so many of each.
func NewImages(most int) *Images {
	m := &Images{most: most}
	m.Begin()
	return m
}

// Begin forgets what a Look has told that has to be made again.
func (m *Images) Begin() { m.repos, m.linked = map[string]*RepositoryImages{}, nil }

// Of returns what was found of a repository, or nil.
func (m *Images) Of(repository string) *RepositoryImages { return m.repos[repository] }

// Observe is called by a Look.
func (m *Images) Observe(p *mark.View) {
	c := newImageCounter(p)
	tags := p.TagsOf()
	r := &RepositoryImages{Images: make([]Image, 0, len(tags))}
	var roots []int32
	for i := range int32(p.Manifests()) {
		if names := tags[i]; len(names) > 0 {
			roots = append(roots, i)
			r.Images = append(r.Images, Image{Digest: p.Manifest(i).Digest, Tags: names, Bytes: c.pulled(i)})
			c.reach(i, int32(len(roots)))
		}
	}
	tagged := int64(0)
	for id, by := range c.blobs {
		size, _ := p.Size(id)
		tagged += size
		if by.only > 0 {
			r.Images[by.only-1].UniqueBytes += size
		} else {
			r.SharedBytes += size
		}
	}
	r.UntaggedBytes = p.Bytes() - tagged
	r.cut(m.most)
	r.note(p, c)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.repos[p.Repository()] = r
	p.EachLayer(m.link)
}

// cut leaves the largest images and sums the others up.
func (r *RepositoryImages) cut(most int) {
	slices.SortFunc(r.Images, func(a, b Image) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), slices.Compare(a.Tags, b.Tags))
	})
	if len(r.Images) <= most {
		return
	}
	for i := range r.Images[most:] {
		r.RestBytes += r.Images[most+i].UniqueBytes
	}
	r.Rest = len(r.Images) - most
	r.Images = slices.Clone(r.Images[:most])
}

// link notes what a layer link names.
func (m *Images) link(id mark.ID) {
	if id != 0 {
		m.linked.Add(id)
	}
}

// Outside returns the blobs that no repository references or links, and their
// bytes. It is to be asked before the next Look.
func (m *Images) Outside(l *mark.Look) (blobs digests.Set, bytes int64) {
	l.EachUnowned(func(b mark.BlobInfo) {
		if !m.linked.Has(b.ID) {
			blobs.Add(b.ID)
			bytes += b.Size
		}
	})
	return blobs, bytes
}
