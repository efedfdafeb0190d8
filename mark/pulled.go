package mark

// reachedBy says which image reached a blob last, and which is the only one to
// have done so; 0 if there are several. Images are numbered from 1.
type reachedBy struct{ last, only int32 }

// imageCounter follows images, one after another.
type imageCounter struct {
	p       *view
	visited []int32 // the image that was last seen to reach a node
	blobs   map[ID]reachedBy
	about   map[int32][]aboutEdge
	// pulls counts the calls of pulled; met and counted have the last one that
	// met a node, and that counted a blob.
	pulls   int32
	met     []int32
	counted map[ID]int32
}

func newImageCounter(p *view) *imageCounter {
	return &imageCounter{
		p: p, about: p.whatIsAbout(), visited: make([]int32, len(p.nodes)), blobs: map[ID]reachedBy{},
		met: make([]int32, len(p.nodes)), counted: map[ID]int32{},
	}
}

// pulled returns the size of what a pull of an image transfers.
func (c *imageCounter) pulled(from int32) (bytes int64) {
	c.pulls++
	Reach([]int32{from}, func(i int32) bool {
		first := c.met[i] != c.pulls
		c.met[i] = c.pulls
		return first
	}, func(i int32, push func(int32)) {
		c.p.eachName(i, func(id ID) {
			if at, ok := c.p.linked(id); ok {
				push(at)
			}
			if r := c.p.s.Table.At(id); r.has(hasBlob) && c.counted[id] != c.pulls {
				c.counted[id] = c.pulls
				bytes += r.size
			}
		})
	})
	return bytes
}

// reach notes all that an image reaches, what is about it included.
func (c *imageCounter) reach(from, number int32) {
	Reach([]int32{from}, func(i int32) bool {
		first := c.visited[i] != number
		c.visited[i] = number
		return first
	}, func(i int32, push func(int32)) {
		c.p.eachName(i, func(id ID) {
			if at, ok := c.p.linked(id); ok {
				push(at)
			}
			by, known := c.blobs[id]
			if !c.p.s.Table.At(id).has(hasBlob) || by.last == number {
				return
			}
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
}
