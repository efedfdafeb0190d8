package mark

import (
	"cmp"
	"slices"
	"strings"
)

// WithGarbage sets whether a run with a Selector also removes what gc would remove.
// It must not be called during a Look.
func (r *Selected) WithGarbage(on bool) { r.pruning.fitting.garbage = on }

// Collect makes the next Look collect the Candidates.
func (r *Selected) Collect() { r.pruning.fitting.collects = true }

// Candidates returns the candidates that have been collected, the least recently
// used first, and ends the collection.
func (r *Selected) Candidates() []Candidate {
	f := &r.pruning.fitting
	found := f.candidates
	f.candidates, f.collects = nil, false
	type moment struct {
		at int64 // seconds, which are compared faster than times
		i  int32
	}
	order := make([]moment, len(found))
	for i := range found {
		order[i] = moment{found[i].Used.Unix(), int32(i)}
	}
	slices.SortFunc(order, func(a, b moment) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return compareCandidates(&found[a.i], &found[b.i])
	})
	list := make([]Candidate, len(found))
	for to, m := range order {
		list[to] = found[m.i]
	}
	return list
}

func compareCandidates(a, b *Candidate) int {
	if c := a.Used.Compare(b.Used); c != 0 {
		return c
	}
	if c := a.Pushed.Compare(b.Pushed); c != 0 {
		return c
	}
	if c := strings.Compare(a.Repository, b.Repository); c != 0 {
		return c
	}
	return a.Digest.Compare(b.Digest)
}

// Again forgets what the first Look has selected. So the next Look asks the Selector
// again and counts as the first. It must not be called once a plan is carried out.
func (s *Store) Again() {
	s.forgetSelected()
	s.rules.Selected.startAgain()
	s.looked = false
}

// addCandidates collects the images of the repository that the Selector removes.
func (p *garbage) addCandidates() {
	pruning := p.l.rules.Selected.pruning
	if !pruning.fitting.collects || p.selectable == nil || !p.asks() {
		return
	}
	found := map[int32]*Candidate{}
	candidate := func(at int32) *Candidate {
		c := found[at]
		if c == nil {
			n := &p.nodes[at]
			c = &Candidate{Repository: p.r.Name, Digest: p.s.Table.Digest(n.path), Reach: p.removedReach(at)}
			found[at] = c
		}
		return c
	}
	for i := range p.selectable.Tags {
		one := &p.selectable.Tags[i]
		t := &p.tags[one.at]
		if !t.is.has(tagSelected) || t.node < 0 {
			continue
		}
		c := candidate(t.node)
		c.Tags = append(c.Tags, CandidateTag{one.Name, one.Pushed})
		c.use(one.Used, one.Pushed)
	}
	for i := range p.selectable.Untagged {
		if one := &p.selectable.Untagged[i]; one.Remove && p.isRemoved(&p.nodes[one.at]) {
			candidate(one.at).use(one.Used, one.Pushed)
		}
	}
	pruning.mu.Lock()
	defer pruning.mu.Unlock()
	for _, c := range found {
		pruning.fitting.candidates = append(pruning.fitting.candidates, *c)
	}
}

// removedReach are the digests that a removed manifest names, and the digests that
// those manifests name which it would keep if it were kept.
func (p *garbage) removedReach(at int32) (ids []ID) {
	seen := map[int32]bool{}
	Reach([]int32{at}, func(i int32) bool {
		first := !seen[i] && p.isRemoved(&p.nodes[i])
		seen[i] = true
		return first
	}, func(i int32, push func(int32)) {
		p.eachName(i, func(id ID) {
			ids = append(ids, id)
			p.follow(id, push)
		})
	})
	slices.Sort(ids)
	return slices.Compact(ids)
}
