// Package mark finds what is reachable in a store, and why: a kernel without
// I/O over a refs function, and the registry's own references behind it.
package mark

// Reach visits what can be reached from the roots: it calls visit for each
// root and for each reference of a node for which visit returned true. visit
// owns the set of what has been seen; it must return true at most once for a
// node that can reach itself. Every edge of a visited node is looked at once.
func Reach[N any](roots []N, visit func(N) bool, refs func(N, func(N))) {
	waiting := append([]N(nil), roots...)
	push := func(n N) { waiting = append(waiting, n) }
	for len(waiting) > 0 {
		n := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if visit(n) {
			refs(n, push)
		}
	}
}

// Path returns the nodes of a shortest way from one of the roots to the
// target, both included, or nil if there is none. Among ways of one length the
// one whose root and references come first wins. It looks at each edge once.
func Path[N comparable](roots []N, target N, refs func(N, func(N))) []N {
	type step struct {
		node N
		from int // index in steps; -1 for a root
	}
	var steps []step
	seen := make(map[N]bool)
	add := func(n N, from int) {
		if !seen[n] {
			seen[n] = true
			steps = append(steps, step{n, from})
		}
	}
	for _, r := range roots {
		add(r, -1)
	}
	for i := 0; i < len(steps); i++ {
		if steps[i].node != target {
			refs(steps[i].node, func(n N) { add(n, i) })
			continue
		}
		var path []N
		for at := i; at >= 0; at = steps[at].from {
			path = append([]N{steps[at].node}, path...)
		}
		return path
	}
	return nil
}
