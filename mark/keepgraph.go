package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// keepGraph is what the manifests of a repository keep, for sizes.
type keepGraph struct {
	nodes []graphNode
	// links are the times of layer links that are recent.
	links map[ID]int64
	// aliases are the recent links of other names, by the blobs that they lead to.
	aliases map[ID][]notedLink
	recent  func(mtime int64) bool
}

type graphNode struct {
	digest  layout.Digest
	mtime   int64
	names   []ID        // each once
	keeps   []aboutEdge // the nodes that it keeps
	keepers int         // how many edges lead here
	kept    bool        // whatever else is removed
	tagTimes
	subjects  []layout.Digest
	protected []string
	here      bool
	counted   bool   // what it names is in the Survey's count
	unread    string // why it cannot be read
}

// tagTimes are tags, sorted, and when each of them was set.
type tagTimes struct {
	tags []string
	set  []int64
}

func newGraph(p *View) *keepGraph {
	g := &keepGraph{nodes: make([]graphNode, len(p.nodes)), links: map[ID]int64{}, aliases: p.recentAliases(), recent: p.l.rules.recent}
	tags, about, elsewhere := p.tagsOf(), p.whatIsAbout(), p.aboutUnlinked()
	for i := range p.nodes {
		n, to := &p.nodes[i], &g.nodes[i]
		*to = graphNode{
			digest: p.s.Table.Digest(n.path), mtime: n.mtime, names: p.distinctNames(int32(i)), tagTimes: tagTimes{tags: tags[int32(i)]},
			here: n.isHere() && !n.link.has(linkAsLayer), counted: !n.link.has(linkAside) || n.why != Dead, kept: n.root.has(rootForced) || n.link.has(linkPinned) || !n.isHere(),
		}
		to.protected = p.linesOf(n, to.tags)
		if err := p.failed[int32(i)]; err != nil {
			to.unread = err.Error()
		}
		for _, id := range p.manifest(n.linkedManifest).Subjects {
			to.subjects = append(to.subjects, p.s.Table.Digest(id))
		}
		for _, id := range to.names {
			if at, ok := p.linked(id); ok && at != int32(i) {
				to.keeps = append(to.keeps, aboutEdge{at, Child})
			}
			for _, at := range elsewhere[id] {
				to.keeps = append(to.keeps, aboutEdge{at, keptOnly})
			}
		}
		to.keeps = append(to.keeps, about[int32(i)]...)
	}
	for i := range g.nodes {
		for _, e := range g.nodes[i].keeps {
			g.nodes[e.to].keepers++
		}
	}
	for i := range p.tags {
		// A tag keeps what it names, unless it is removed with what it is about.
		if t := &p.tags[i]; t.node >= 0 && t.AsideName == "" && p.subjectOf(t.linkedTag) < 0 {
			g.nodes[t.node].kept = true
		}
	}
	g.addTimes(p)
	g.readLinks(p)
	return g
}

// keptOnly is an edge along which something is kept and nothing is removed.
const keptOnly Role = 0

// aboutUnlinked finds the referrers of digests that are no manifests here: who
// names such a digest keeps them.
func (p *facts) aboutUnlinked() map[ID][]int32 {
	about := map[ID][]int32{}
	for i := range p.manifests {
		for _, subject := range p.manifest(&p.manifests[i]).Subjects {
			if _, ok := p.linked(subject); !ok {
				about[subject] = append(about[subject], int32(i))
			}
		}
	}
	return about
}

// readLinks finds the layer links that are recent.
func (g *keepGraph) readLinks(p *View) {
	var ids []ID
	seen := map[ID]bool{}
	for i := range g.nodes {
		for _, id := range g.nodes[i].names {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	times := make([]int64, len(ids))
	p.w.Each(p.ctx, len(ids), func(i int) {
		path := layout.LayerDir(p.r.Name, p.s.Table.Digest(ids[i])) + "/" + layout.Link
		info, err := p.w.Store().Stat(path)
		if err != nil && !disk.Gone(err) {
			p.w.Unreadable(path, err)
		}
		times[i] = info.MTime
	})
	for i, id := range ids {
		if p.recentLayer(times[i]) {
			g.links[id] = times[i]
		}
	}
}

// recentAliases finds the recent layer links that hold another digest than their
// own, by that digest.
func (p *facts) recentAliases() map[ID][]notedLink {
	aliases := map[ID][]notedLink{}
	for i := range p.layers {
		l := &p.layers[i].Link
		if l.State != walker.LinkGood || l.Target == p.layers[i].Digest || !p.recentLayer(l.MTime) {
			continue
		}
		id, target := p.s.Table.Intern(p.layers[i].Digest), p.s.Table.Intern(l.Target)
		aliases[target] = append(aliases[target], notedLink{id, target, l.MTime})
	}
	return aliases
}

// addTimes adds when the tags were set.
func (g *keepGraph) addTimes(p *View) {
	times := make(map[string]int64, len(p.tags))
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" {
			times[t.Name] = t.Link.MTime
		}
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		n.set = make([]int64, len(n.tags))
		for k, name := range n.tags {
			n.set[k] = times[name]
		}
	}
}
