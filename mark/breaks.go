package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// blame says in a problem what it breaks, and that without the manifest it is gone.
func (p *facts) blame(problem *walker.Problem, at int32) {
	n := &p.manifests[at]
	problem.Breaks = append(problem.Breaks, p.broken(at)...)
	if p.r.Odd || p.r.Linked || n.link.has(linkAsLayer|linkPinned) {
		problem.Flags |= walker.Unremovable // no rm removes it
		return
	}
	problem.Along = append(problem.Along, p.along(at)...)
	problem.Remove = append(problem.Remove, p.r.Name+"@"+p.s.Table.Digest(n.path).String())
	if len(p.parentsOf(n)) > 0 {
		problem.Flags |= walker.Force
	}
}

// broken are the names that cannot be pulled if a manifest cannot: its own, and
// those of the indexes that it is in. It serves when all manifests have been read.
func (p *facts) broken(at int32) (names []string) {
	p.meetFamily()
	seen := map[int32]bool{}
	Reach([]int32{at}, func(i int32) bool {
		first := !seen[i]
		seen[i] = true
		return first
	}, func(i int32, push func(int32)) {
		for _, tag := range p.family.tags[i] {
			names = append(names, p.r.Name+":"+tag)
		}
		n := &p.manifests[i]
		if p.family.tags[i] == nil {
			names = append(names, p.r.Name+"@"+p.s.Table.Digest(n.path).String())
		}
		for _, parent := range p.parentsOf(n) {
			// A manifest of another type may name it for other reasons.
			if p.manifest(&p.manifests[parent]).Kind == manifest.Index {
				push(parent)
			}
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// parentsOf are the manifests that name a manifest.
func (p *facts) parentsOf(n *linkedManifest) []int32 {
	p.meetFamily()
	parents := p.family.parents[n.path]
	if n.id != n.path {
		parents = slices.Concat(parents, p.family.parents[n.id])
	}
	return parents
}

func (p *facts) meetFamily() {
	if p.family != nil {
		return
	}
	p.family = &family{tags: map[int32][]string{}, parents: map[ID][]int32{}, referrers: map[ID][]int32{}, signatures: map[ID][]string{}}
	for i := range p.tagLinks {
		// What a half tag named last is pulled by its digest.
		if t := &p.tagLinks[i]; t.node >= 0 && t.AsideName == "" && !t.Half {
			p.family.tags[t.node] = append(p.family.tags[t.node], t.Name)
			if d, ok := layout.ReferrerTag(t.Name); ok {
				subject := p.s.Table.Lookup(d)
				p.family.signatures[subject] = append(p.family.signatures[subject], t.Name)
			}
		}
	}
	for i := range p.manifests {
		n := &p.manifests[i]
		if !n.isHere() {
			continue
		}
		m := p.manifest(n)
		for _, subject := range m.Subjects {
			p.family.referrers[subject] = append(p.family.referrers[subject], int32(i))
		}
		m.EachRef(func(id ID) {
			if at, ok := p.linked(id); ok && at != int32(i) {
				p.family.parents[id] = append(p.family.parents[id], int32(i))
			}
		})
	}
}

// along are the names of what is removed with a manifest: its parts
// that nothing else names, its untagged referrers and the tags about it.
func (p *facts) along(at int32) (names []string) {
	p.meetFamily()
	with := map[int32]bool{at: true}
	order := []int32{at}
	add := func(i int32) {
		if !with[i] && p.family.tags[i] == nil {
			with[i] = true
			order = append(order, i)
		}
	}
	for next := 0; next < len(order); next++ {
		n := &p.manifests[order[next]]
		for _, i := range slices.Concat(p.family.referrers[n.path], p.family.referrers[n.id]) {
			add(i)
		}
		for _, tag := range p.family.signatures[n.path] {
			names = append(names, p.r.Name+":"+tag)
		}
		m := p.manifest(n)
		m.EachRef(func(id ID) {
			child, ok := p.linked(id)
			if ok && !slices.Contains(m.Subjects, id) && !slices.ContainsFunc(p.parentsOf(&p.manifests[child]), func(parent int32) bool { return !with[parent] }) {
				add(child)
			}
		})
	}
	for _, i := range order[1:] {
		names = append(names, p.r.Name+"@"+p.s.Table.Digest(p.manifests[i].path).String())
	}
	return names
}

// problemOf records what is wrong with a manifest, which is gone without it.
func (p *facts) problemOf(kind, path, detail string, at int32, absent ...string) {
	problem := walker.Problem{Kind: kind, Path: path, Detail: detail, Remedy: walker.Remedy{Absent: absent}}
	if kind == walker.BrokenLink || kind == walker.LinkMismatch {
		// It is only the link that is bad, if the blob of its path is there.
		if p.s.Table.At(p.manifests[at].path).has(hasBlob) {
			problem.Flags |= walker.Whole
		}
	}
	p.blame(&problem, at)
	p.w.Findings.Add(problem)
}
