package mark

import (
	"cmp"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// Images asks a Look what the tagged images of every repository take. It costs
// no second walk, and follows what each image reaches in its own repository.
type Images struct {
	most int

	mu    sync.Mutex
	repos map[string]*RepositoryImages
}

// RepositoryImages divides a repository's bytes: the UniqueBytes of all its
// images, SharedBytes and UntaggedBytes add up to Repo.Bytes.
type RepositoryImages struct {
	Images        []Image // the largest first
	Rest          int     // images that are not in the list
	RestBytes     int64   // the UniqueBytes of these
	SharedBytes   int64   // of what several images reach
	UntaggedBytes int64   // of what no tag reaches
}

// Image is a manifest with a tag. Sizes are bytes.
type Image struct {
	Digest      layout.Digest
	Tags        []string // sorted
	Bytes       int64    // of all that it reaches, children and referrers included
	UniqueBytes int64    // of what no other tagged manifest of the repository reaches
}

// NewImages asks for the largest images of every repository, at most so many of each.
func NewImages(most int) *Images {
	return &Images{most: most, repos: map[string]*RepositoryImages{}}
}

// Of returns what was found of a repository, or nil.
func (m *Images) Of(repository string) *RepositoryImages { return m.repos[repository] }

func (m *Images) observe(p *pass) {
	c := &imageCounter{p: p, visited: make([]int32, len(p.nodes)), blobs: map[ID]reachedBy{}, about: p.whatIsAbout()}
	tags := p.tagsOf()
	r := &RepositoryImages{Images: make([]Image, 0, len(tags))}
	var roots []int32
	for i := range p.nodes {
		if names := tags[int32(i)]; len(names) > 0 {
			roots = append(roots, int32(i))
			r.Images = append(r.Images, Image{Digest: p.s.Table.Digest(p.nodes[i].path), Tags: names, Bytes: c.reach(int32(i), int32(len(roots)))})
		}
	}
	tagged := int64(0)
	for id, by := range c.blobs {
		size := p.s.Table.At(id).size
		tagged += size
		if by.only > 0 {
			r.Images[by.only-1].UniqueBytes += size
		} else {
			r.SharedBytes += size
		}
	}
	r.UntaggedBytes = p.repo.Bytes - tagged
	r.cut(m.most)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.repos[p.r.Name] = r
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

// reachedBy says which image reached a blob last, and which is the only one to
// have done so; 0 if there are several. Images are numbered from 1.
type reachedBy struct{ last, only int32 }

// imageCounter follows images, one after another.
type imageCounter struct {
	p       *pass
	visited []int32 // the image that was last seen to reach a node
	blobs   map[ID]reachedBy
	about   map[int32][]aboutEdge
}

// reach returns the size of all that an image reaches.
func (c *imageCounter) reach(from, number int32) (bytes int64) {
	Reach([]int32{from}, func(i int32) bool {
		first := c.visited[i] != number
		c.visited[i] = number
		return first
	}, func(i int32, push func(int32)) {
		c.p.eachName(i, func(id ID) {
			if at, ok := c.p.linked(id); ok {
				push(at)
			}
			r := c.p.s.Table.At(id)
			by, known := c.blobs[id]
			if !r.has(hasBlob) || by.last == number {
				return
			}
			bytes += r.size
			by.last = number
			by.only = 0
			if !known {
				by.only = number
			}
			c.blobs[id] = by
		})
		for _, e := range c.about[i] {
			if e.role != Signature {
				push(e.to)
			}
		}
	})
	return bytes
}
