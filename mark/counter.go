package mark

// counter adds up sizes, one manifest after another.
type counter struct {
	s    *Survey
	g    *keepGraph
	look *Look

	// turn numbers what is counted; nodes and blobs are when each was last seen.
	turn   int32
	nodes  []int32
	blobs  map[ID]int32
	within []int  // of a candidate: how many of its keepers may be removed
	kept   []bool // of a candidate

	together int // manifests that were counted in one pass
}

// pulled is the size of all that a pull of a manifest transfers: what it and its
// children reference, but not its referrers.
func (c *counter) pulled(from int32) (bytes int64) {
	c.turn++
	Reach([]int32{from}, func(i int32) bool {
		first := c.nodes[i] != c.turn
		c.nodes[i] = c.turn
		return first
	}, func(i int32, push func(int32)) {
		for _, id := range c.g.nodes[i].names {
			if c.blobs[id] != c.turn {
				c.blobs[id] = c.turn
				bytes += c.size(id)
			}
		}
		for _, e := range c.g.nodes[i].keeps {
			if e.role == Child {
				push(e.to)
			}
		}
	})
	return bytes
}

func (c *counter) size(id ID) int64 {
	if r := c.look.Store.Table.At(id); r.has(hasBlob) {
		return r.size
	}
	return 0
}

// circlesOf numbers the manifests so that two have one number if each keeps the
// other, maybe through others.
func (c *counter) circlesOf() []int32 {
	return circles(len(c.g.nodes), func(int32) bool { return true }, func(i int32, push func(int32)) {
		for _, e := range c.g.nodes[i].keeps {
			push(e.to)
		}
	})
}

// follows reports whether what is at the end of an edge can be removed along, as
// candidates has it.
func (c *counter) follows(n *graphNode, e aboutEdge) bool {
	to := &c.g.nodes[e.to]
	late := e.role == Child && c.g.recent(to.mtime) && to.mtime > n.mtime
	return !late && e.role != keptOnly
}
