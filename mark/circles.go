package mark

// keepCircles keeps images that a tag about them reaches, directly or through
// others of the kind and through referrers: an image is removed only if nothing
// but such a tag's being about it would keep the tag. Where each of such tags is
// reached from another one, they end in a circle: one that leads from an image to
// a tag about it, and from what the tag names back to the image. So what is in
// such a circle is a root. All circles are found in one pass.
func (p *live) keepCircles() {
	var left []*tag
	for i := range p.tags {
		if t := &p.tags[i]; t.subject != 0 && t.AsideName == "" && !p.subjectLives(t) {
			left = append(left, t)
		}
	}
	if len(left) == 0 {
		return
	}
	circle := circles(len(p.nodes), func(i int32) bool {
		return p.nodes[i].why == Dead && !p.nodes[i].root.has(rootSelected)
	}, func(i int32, push func(int32)) {
		p.eachName(i, func(id ID) { p.follow(id, push) })
	})
	var roots []int32
	for _, t := range left {
		if at, ok := p.linked(t.subject); ok && circle[t.node] != 0 && circle[t.node] == circle[at] {
			roots = append(roots, t.node)
		}
	}
	p.reachFrom(Rooted, roots)
}

// circles numbers the nodes below n, from 1 on, so that two have one number if
// each can be reached from the other. Nodes that are not among those looked at
// are 0. refs is called once for each of the others, and each edge is looked at
// once (Tarjan 1972, without recursion: chains may be long).
func circles(n int, among func(int32) bool, refs func(int32, func(int32))) []int32 {
	c := &circleSearch{order: make([]int32, n), low: make([]int32, n), circle: make([]int32, n)}
	for i := range int32(n) {
		if among(i) && c.order[i] == 0 {
			c.from(i, among, refs)
		}
	}
	return c.circle
}

type circleSearch struct {
	order  []int32 // in which nodes were entered, from 1 on; 0 before that
	low    []int32 // the least order that a node leads back to
	circle []int32 // the result, when it is known
	found  int32
	count  int32
	open   []int32 // nodes that were entered and have no number yet
	path   []circleStep
	edges  []int32 // of the nodes in path, those not followed yet
}

// circleStep is a node on the way down, and where its edges begin.
type circleStep struct {
	node  int32
	edges int
}

func (c *circleSearch) from(root int32, among func(int32) bool, refs func(int32, func(int32))) {
	c.enter(root, refs)
	for len(c.path) > 0 {
		at := c.path[len(c.path)-1]
		if len(c.edges) == at.edges {
			c.leave(at.node)
			continue
		}
		to := c.edges[len(c.edges)-1]
		c.edges = c.edges[:len(c.edges)-1]
		switch {
		case !among(to):
		case c.order[to] == 0:
			c.enter(to, refs)
		case c.circle[to] == 0:
			c.low[at.node] = min(c.low[at.node], c.order[to])
		}
	}
}

func (c *circleSearch) enter(i int32, refs func(int32, func(int32))) {
	c.count++
	c.order[i], c.low[i] = c.count, c.count
	c.open = append(c.open, i)
	c.path = append(c.path, circleStep{i, len(c.edges)})
	refs(i, func(to int32) { c.edges = append(c.edges, to) })
}

// leave numbers the circle that a node is the first of, and tells the node above
// it how far back it leads.
func (c *circleSearch) leave(i int32) {
	c.path = c.path[:len(c.path)-1]
	if len(c.path) > 0 {
		above := c.path[len(c.path)-1].node
		c.low[above] = min(c.low[above], c.low[i])
	}
	if c.low[i] != c.order[i] {
		return
	}
	c.found++
	for {
		last := c.open[len(c.open)-1]
		c.open = c.open[:len(c.open)-1]
		c.circle[last] = c.found
		if last == i {
			return
		}
	}
}
