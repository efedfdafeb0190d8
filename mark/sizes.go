package mark

import "slices"

// unique is the size of what only a manifest keeps, with those that are removed along.
func (c *counter) unique(from int32) (bytes int64) {
	c.eachFreed(from, func(id ID) { bytes += c.size(id) })
	return bytes
}

// eachFreed calls fn with what only a manifest keeps, with those that are removed along.
func (c *counter) eachFreed(from int32, fn func(ID)) {
	named, newest := map[ID]uint32{}, map[ID]int64{}
	for _, i := range c.removedWith(from) {
		n := &c.g.nodes[i]
		for _, id := range n.names {
			named[id]++
			newest[id] = max(newest[id], n.mtime)
		}
	}
	for id, n := range named {
		switch {
		case n < c.s.count[id] || c.s.kept[id] || c.look.Store.Table.At(id).has(isPinned):
		case c.linkedSince(id, newest):
		default:
			fn(id)
		}
	}
}

// linkedSince reports whether a recent layer link keeps a blob: one that is
// newer than the manifests that name what it links.
func (c *counter) linkedSince(id ID, newest map[ID]int64) bool {
	if link, recent := c.g.links[id]; recent && link > newest[id] {
		return true
	}
	return slices.ContainsFunc(c.g.aliases[id], func(l notedLink) bool {
		return l.mtime > newest[l.id] && l.mtime > newest[l.target]
	})
}

// removedWith returns what is removed with a manifest, itself included: what it
// keeps, and that keeps in turn, and nothing else does.
func (c *counter) removedWith(from int32) (gone []int32) {
	all := c.candidates(from)
	var kept []int32
	for _, i := range all {
		c.within[i] = 0
	}
	for _, i := range all {
		for _, e := range c.g.nodes[i].keeps {
			if c.nodes[e.to] == c.turn {
				c.within[e.to]++
			}
		}
	}
	for _, i := range all {
		if i != from && c.within[i] < c.g.nodes[i].keepers {
			c.kept[i] = true
			kept = append(kept, i)
		}
	}
	for len(kept) > 0 {
		i := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		for _, e := range c.g.nodes[i].keeps {
			if c.nodes[e.to] == c.turn && e.to != from && !c.kept[e.to] {
				c.kept[e.to] = true
				kept = append(kept, e.to)
			}
		}
	}
	for _, i := range all {
		if !c.kept[i] {
			gone = append(gone, i)
		}
		c.kept[i] = false
	}
	return c.withoutCircles(from, gone)
}

// signature is a tag's manifest and what the tag is about.
type signature struct{ manifest, subject int32 }

// withoutCircles drops from what is removed with a manifest the images that tags
// about them reach, which are kept: see live.keepCircles.
func (c *counter) withoutCircles(from int32, gone []int32) []int32 {
	removed := map[int32]bool{}
	for _, i := range gone {
		removed[i] = i != from
	}
	var left []signature
	for _, i := range gone {
		for _, e := range c.g.nodes[i].keeps {
			if e.role == Signature && i != from && removed[e.to] {
				left = append(left, signature{e.to, i})
			}
		}
	}
	if len(left) == 0 {
		return gone
	}
	place := make(map[int32]int32, len(gone))
	for at, i := range gone {
		place[i] = int32(at)
	}
	circle := circles(len(gone), func(at int32) bool { return removed[gone[at]] }, func(at int32, push func(int32)) {
		for _, e := range c.g.nodes[gone[at]].keeps {
			if to, ok := place[e.to]; ok {
				push(to)
			}
		}
	})
	left = slices.DeleteFunc(left, func(s signature) bool { return circle[place[s.manifest]] != circle[place[s.subject]] })
	reached := c.reachedFrom(left, removed)
	return slices.DeleteFunc(gone, func(i int32) bool { return reached[i] })
}

// reachedFrom returns what signatures reach of what is removed.
func (c *counter) reachedFrom(signatures []signature, removed map[int32]bool) map[int32]bool {
	reached := map[int32]bool{}
	var roots []int32
	for _, s := range signatures {
		roots = append(roots, s.manifest)
	}
	Reach(roots, func(i int32) bool {
		first := removed[i] && !reached[i]
		reached[i] = reached[i] || removed[i]
		return first
	}, func(i int32, push func(int32)) {
		for _, e := range c.g.nodes[i].keeps {
			push(e.to)
		}
	})
	return reached
}

// candidates returns what may be removed with a manifest, as selection.loosen does.
func (c *counter) candidates(from int32) []int32 {
	c.turn++
	c.nodes[from] = c.turn
	all := []int32{from}
	for k := 0; k < len(all); k++ {
		n := &c.g.nodes[all[k]]
		c.s.steps++
		for _, e := range n.keeps {
			if c.nodes[e.to] != c.turn && !c.g.nodes[e.to].kept && c.follows(n, e) {
				c.nodes[e.to] = c.turn
				all = append(all, e.to)
			}
		}
	}
	return all
}
