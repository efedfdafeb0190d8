package inspect

import (
	"github.com/regsweep/regsweep/mark"
)

// reachedBy says which image reached a blob last, and which is the only one to
// have done so; 0 if there are several. Images are numbered from 1.
type reachedBy struct{ last, only int32 }

// imageCounter follows images, one after another.
type imageCounter struct {
	p       *mark.View
	visited []int32 // the image that was last seen to reach a node
	blobs   map[mark.ID]reachedBy
	about   map[int32][]int32 // the referrers of each manifest
	// pulls counts the calls of pulled; met and counted have the last one that
	// met a node, and that counted a blob.
	pulls   int32
	met     []int32
	counted map[mark.ID]int32
}

func newImageCounter(p *mark.View) *imageCounter {
	return &imageCounter{
		p: p, about: p.Referrers(), visited: make([]int32, p.Manifests()), blobs: map[mark.ID]reachedBy{},
		met: make([]int32, p.Manifests()), counted: map[mark.ID]int32{},
	}
}

// pulled returns the size of what a pull of an image transfers.
func (c *imageCounter) pulled(from int32) (bytes int64) {
	c.pulls++
	mark.Reach([]int32{from}, func(i int32) bool {
		first := c.met[i] != c.pulls
		c.met[i] = c.pulls
		return first
	}, func(i int32, push func(int32)) {
		c.p.EachName(i, func(id mark.ID) {
			if at, ok := c.p.Find(id); ok {
				push(at)
			}
			if size, stored := c.p.Size(id); stored && c.counted[id] != c.pulls {
				c.counted[id] = c.pulls
				bytes += size
			}
		})
	})
	return bytes
}

// reach notes all that an image reaches, what is about it included.
func (c *imageCounter) reach(from, number int32) {
	mark.Reach([]int32{from}, func(i int32) bool {
		first := c.visited[i] != number
		c.visited[i] = number
		return first
	}, func(i int32, push func(int32)) {
		c.p.EachName(i, func(id mark.ID) {
			if at, ok := c.p.Find(id); ok {
				push(at)
			}
			by, known := c.blobs[id]
			if _, stored := c.p.Size(id); !stored || by.last == number {
				return
			}
			by.last = number
			by.only = 0
			if !known {
				by.only = number
			}
			c.blobs[id] = by
		})
		for _, at := range c.about[i] {
			push(at)
		}
	})
}
