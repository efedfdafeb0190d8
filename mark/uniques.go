package mark

// uniques is unique of every manifest, in one pass: what is removed with a manifest is
// what all ways from what is kept lead through it to. So the bytes of a blob are
// counted at the nearest manifest through which all ways to it lead, and those of
// a manifest are the sum of its own and of those below it.
//
// Where an edge is one along which nothing is removed, beside others that lead to the
// same manifest, and in circles of tags about images, that is not so: the few
// manifests that reach such an edge are counted one by one.
func (c *counter) uniques() []int64 {
	n := len(c.g.nodes)
	u := &uniqueness{counter: c, circle: c.circlesOf(), blobs: map[ID]int32{}, bytes: make([]int64, n), single: make([]bool, n)}
	u.findRoots()
	u.addBlobs()
	u.sum()
	for i := range u.single {
		switch {
		case !u.single[i]:
			c.together++
		case c.g.nodes[i].here:
			u.bytes[i] = c.unique(int32(i))
		}
	}
	return u.bytes
}

type uniqueness struct {
	*counter
	circle []int32
	roots  []int32      // what is kept whatever else is removed
	kept   map[ID]bool  // blobs that are kept
	ids    []ID         // of blobs, which are numbered after the manifests
	blobs  map[ID]int32 // the places of these in ids
	bytes  []int64
	single []bool // to be counted one by one
}

// findRoots finds what is kept, and marks what is to be counted one by one.
func (u *uniqueness) findRoots() {
	n := len(u.g.nodes)
	along, beside, signed := make([]bool, n), make([]bool, n), make([]bool, n)
	ring := map[int32]bool{} // circles with a tag about an image
	for i := range u.g.nodes {
		from := &u.g.nodes[i]
		for _, e := range from.keeps {
			if u.follows(from, e) {
				along[e.to] = true
			} else {
				beside[e.to] = true
			}
			if e.role == Signature && u.circle[i] == u.circle[e.to] {
				signed[e.to], ring[u.circle[i]] = true, true
			}
		}
	}
	var odd []int32
	for i := range u.g.nodes {
		at := int32(i)
		switch {
		case u.g.nodes[i].kept || signed[i] || !along[i]:
			u.roots = append(u.roots, at)
		case beside[i]:
			odd = append(odd, at)
		}
		if u.namesOdd(at) {
			odd = append(odd, at)
		}
		// Those outside a circle need not be: to them its tags' images are kept.
		u.single[i] = ring[u.circle[i]]
	}
	u.markAbove(odd)
	u.addUnreached()
}

// markAbove marks what reaches manifests.
func (u *uniqueness) markAbove(odd []int32) {
	if len(odd) == 0 {
		return
	}
	keepers := make([][]int32, len(u.g.nodes))
	for i := range u.g.nodes {
		for _, e := range u.g.nodes[i].keeps {
			keepers[e.to] = append(keepers[e.to], int32(i))
		}
	}
	u.reach(odd, func(i int32) { u.single[i] = true }, func(i int32, push func(int32)) {
		for _, at := range keepers[i] {
			push(at)
		}
	})
}

// addUnreached adds to the roots what keeps itself in a circle, to which no root
// leads.
func (u *uniqueness) addUnreached() {
	reached := make([]bool, len(u.g.nodes))
	u.reach(u.roots, func(i int32) { reached[i] = true }, func(i int32, push func(int32)) {
		for _, e := range u.g.nodes[i].keeps {
			push(e.to)
		}
	})
	for i, ok := range reached {
		if !ok {
			u.single[i] = true
			u.roots = append(u.roots, int32(i))
		}
	}
}

// reach calls fn once for each manifest that some lead to, themselves included.
func (u *uniqueness) reach(from []int32, fn func(int32), refs func(int32, func(int32))) {
	seen := make([]bool, len(u.g.nodes))
	Reach(from, func(i int32) bool {
		first := !seen[i]
		if seen[i] = true; first {
			fn(i)
		}
		return first
	}, refs)
}

// namesOdd reports whether a manifest names a blob that a recent link of another
// name leads to: whether that is kept depends on what is removed.
func (u *uniqueness) namesOdd(at int32) bool {
	if len(u.g.aliases) == 0 {
		return false
	}
	for _, id := range u.g.nodes[at].names {
		if len(u.g.aliases[id]) > 0 {
			return true
		}
	}
	return false
}

// addBlobs numbers the blobs, and finds those that are kept.
func (u *uniqueness) addBlobs() {
	named, newest := map[ID]uint32{}, map[ID]int64{}
	for i := range u.g.nodes {
		n := &u.g.nodes[i]
		if !n.counted {
			continue
		}
		for _, id := range n.names {
			if named[id]++; named[id] == 1 {
				u.blobs[id] = int32(len(u.ids))
				u.ids = append(u.ids, id)
			}
			newest[id] = max(newest[id], n.mtime)
		}
	}
	u.kept = map[ID]bool{}
	for _, id := range u.ids {
		link, recent := u.g.links[id]
		u.kept[id] = named[id] < u.s.count[id] || u.s.kept[id] || u.look.Store.Table.At(id).has(isPinned) || recent && link > newest[id]
	}
}

// sum finds through what all ways to a blob lead, and adds up.
func (u *uniqueness) sum() {
	n := int32(len(u.g.nodes))
	root := n + int32(len(u.ids))
	of := dominators(int(root)+1, root, func(i int32, push func(int32)) {
		u.s.steps++
		switch {
		case i == root:
			for _, at := range u.roots {
				push(at)
			}
			for k, id := range u.ids {
				if u.kept[id] {
					push(n + int32(k))
				}
			}
		case i < n:
			for _, e := range u.g.nodes[i].keeps {
				push(e.to)
			}
			if u.g.nodes[i].counted {
				for _, id := range u.g.nodes[i].names {
					push(n + u.blobs[id])
				}
			}
		}
	})
	for k, id := range u.ids {
		if at := of[n+int32(k)]; at >= 0 && at < n {
			u.bytes[at] += u.size(id)
		}
	}
	u.addUp(of, root)
}

// addUp adds to the bytes of each manifest those of the manifests below it.
func (u *uniqueness) addUp(of []int32, root int32) {
	waits := make([]int32, len(u.bytes)) // how many below have not been added
	for i := range u.bytes {
		if at := of[i]; at != root {
			waits[at]++
		}
	}
	for i := range u.bytes {
		for at := int32(i); waits[at] == 0; {
			waits[at] = -1
			up := of[at]
			if up == root {
				break
			}
			u.bytes[up] += u.bytes[at]
			if waits[up]--; waits[up] > 0 {
				break
			}
			at = up
		}
	}
}
