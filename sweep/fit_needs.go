package sweep

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// needs returns the items of the plan that are kept while a candidate is kept,
// for each candidate.
func (p *Plan) needs(candidates []mark.Candidate) [][]int32 {
	n := newNeeding(p, candidates)
	list := make([][]int32, len(candidates))
	for repo, here := range n.candidates {
		if len(here) == 0 {
			continue
		}
		n.enter(n.items[repo])
		for _, at := range here {
			list[at] = n.of(&candidates[at])
		}
		n.leave(n.items[repo])
	}
	return list
}

// needing finds items by digests, one repository after the other: there may be
// millions of links, and digests have small numbers.
type needing struct {
	p          *Plan
	candidates [][]int32 // by repository
	items      [][]int32 // of repositories that have candidates
	blobs      []int32   // 1 + the item of each digest, or 0

	// Of the repository that is entered: first has, for each digest, 1 + the
	// first of its links, or 0.
	first []int32
	links []needLink
	tags  map[string]int32
	own   []int32 // the repository itself
}

// needLink is an item, and 1 + the next one of the same digest, or 0.
type needLink struct{ item, next int32 }

func newNeeding(p *Plan, candidates []mark.Candidate) *needing {
	most := mark.ID(0)
	places := make(map[string]int, len(p.look.Repositories))
	for i := range p.look.Repositories {
		places[p.look.Repositories[i].Name] = i
	}
	n := &needing{p: p, candidates: make([][]int32, len(places)), items: make([][]int32, len(places)), tags: map[string]int32{}}
	for i := range candidates {
		c := &candidates[i]
		if len(c.Reach) > 0 {
			most = max(most, c.Reach[len(c.Reach)-1])
		}
		if at, ok := places[c.Repository]; ok {
			n.candidates[at] = append(n.candidates[at], int32(i))
		}
	}
	for i := range p.items {
		most = max(most, p.items[i].ID)
		if p.items[i].Kind == mark.LayerLink {
			most = max(most, mark.ID(p.items[i].Extra))
		}
	}
	n.blobs, n.first = make([]int32, most+1), make([]int32, most+1)
	for i := range p.items {
		switch item := &p.items[i]; {
		case item.Aside: // a run before this one has decided about it
		case item.Kind == mark.Blob:
			n.blobs[item.ID] = int32(i) + 1
		case item.Repo != mark.NoRepo && len(n.candidates[item.Repo]) > 0:
			n.items[item.Repo] = append(n.items[item.Repo], int32(i))
		}
	}
	return n
}

// enter makes the items of a repository known by their digests and names.
func (n *needing) enter(items []int32) {
	for _, at := range items {
		item := &n.p.items[at]
		switch item.Kind {
		case mark.Tag:
			name := n.p.look.NameOf(item)
			n.tags[name] = at
			if _, ok := layout.ReferrerTag(name); ok { // it is removed with what it is about
				n.link(item.ID, at)
			}
		case mark.Manifest, mark.TagHistory:
			n.link(item.ID, at)
		case mark.LayerLink:
			n.link(item.ID, at)
			if target := mark.ID(item.Extra); target != item.ID {
				n.link(target, at)
			}
		case mark.Repository:
			n.own = append(n.own, at)
		}
	}
}

func (n *needing) link(id mark.ID, at int32) {
	n.links = append(n.links, needLink{at, n.first[id]})
	n.first[id] = int32(len(n.links))
}

// leave forgets them.
func (n *needing) leave(items []int32) {
	for _, at := range items {
		item := &n.p.items[at]
		n.first[item.ID] = 0
		if item.Kind == mark.LayerLink {
			n.first[item.Extra] = 0
		}
	}
	n.links, n.own = n.links[:0], n.own[:0]
	clear(n.tags)
}

// of returns what is kept while one candidate of the repository is kept.
func (n *needing) of(c *mark.Candidate) []int32 {
	list := make([]int32, 0, 2*len(c.Reach)+len(c.Tags)+len(n.own)+1)
	list = append(list, n.own...)
	for i := range c.Tags {
		if at, ok := n.tags[c.Tags[i].Name]; ok {
			list = append(list, at)
		}
	}
	for _, id := range c.Reach {
		for at := n.first[id]; at != 0; at = n.links[at-1].next {
			list = append(list, n.links[at-1].item)
		}
		if at := n.blobs[id]; at != 0 {
			list = append(list, at-1)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
