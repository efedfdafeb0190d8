package mark

// dominators finds, of each node below n that the root leads to, the nearest
// other node through which all ways from the root to it lead; -1 of the root and
// of nodes that it does not lead to. refs is called once for each node. The work
// is nearly linear in the edges (Lengauer and Tarjan 1979, the simple version,
// without recursion: chains may be long).
func dominators(n int, root int32, refs func(int32, func(int32))) []int32 {
	d := &domination{of: make([]int32, n), place: make([]int32, n)}
	for i := range d.of {
		d.of[i] = -1
	}
	d.number(root, refs)
	d.judge()
	for at := 1; at < len(d.nodes); at++ { // those above come first
		if d.near[at] != d.half[at] {
			d.near[at] = d.near[d.near[at]]
		}
		d.of[d.nodes[at]] = d.nodes[d.near[at]]
	}
	return d.of
}

// domination is the search. Nodes are numbered from 0 on in the order in which
// they are reached; what follows is by these numbers.
type domination struct {
	of    []int32 // the result, by node
	place []int32 // of a node: its number and 1; 0 before it is reached

	nodes  []int32   // by number
	parent []int32   // from where it was reached first
	from   [][]int32 // all from where it is reached
	half   []int32   // its semidominator
	near   []int32   // the result, or where to find it
	above  []int32   // the way up in the forest; -1 at its top
	best   []int32   // on the way up: the one with the least half
	way    []int32   // memory of eval
}

type domStep struct {
	at   int32
	rest []int32
}

// number reaches all nodes, the first way first.
func (d *domination) number(root int32, refs func(int32, func(int32))) {
	var path []domStep
	enter := func(node, parent int32) {
		at := int32(len(d.nodes))
		d.place[node] = at + 1
		d.nodes, d.parent = append(d.nodes, node), append(d.parent, parent)
		d.from = append(d.from, nil)
		d.half, d.near = append(d.half, at), append(d.near, -1)
		d.above, d.best = append(d.above, -1), append(d.best, at)
		var to []int32
		refs(node, func(i int32) { to = append(to, i) })
		path = append(path, domStep{at, to})
	}
	enter(root, -1)
	for len(path) > 0 {
		s := &path[len(path)-1]
		if len(s.rest) == 0 {
			path = path[:len(path)-1]
			continue
		}
		at, to := s.at, s.rest[0]
		s.rest = s.rest[1:]
		if d.place[to] == 0 {
			enter(to, at)
		}
		reached := d.place[to] - 1
		d.from[reached] = append(d.from[reached], at)
	}
}

// judge finds the semidominators, the last first, and from them the result.
func (d *domination) judge() {
	buckets := make([][]int32, len(d.nodes))
	for at := int32(len(d.nodes)) - 1; at > 0; at-- {
		for _, from := range d.from[at] {
			d.half[at] = min(d.half[at], d.half[d.eval(from)])
		}
		buckets[d.half[at]] = append(buckets[d.half[at]], at)
		above := d.parent[at]
		d.above[at] = above
		for _, one := range buckets[above] {
			d.near[one] = above
			if best := d.eval(one); d.half[best] < d.half[one] {
				d.near[one] = best
			}
		}
		buckets[above] = nil
	}
}

// eval is the one with the least half on the way up from a number in the forest,
// which it makes shorter.
func (d *domination) eval(at int32) int32 {
	if d.above[at] < 0 {
		return d.best[at]
	}
	d.way = d.way[:0]
	for ; d.above[d.above[at]] >= 0; at = d.above[at] {
		d.way = append(d.way, at)
	}
	for i := len(d.way) - 1; i >= 0; i-- {
		one := d.way[i]
		above := d.above[one]
		if d.half[d.best[above]] < d.half[d.best[one]] {
			d.best[one] = d.best[above]
		}
		d.above[one] = d.above[above]
		at = one
	}
	return d.best[at]
}
