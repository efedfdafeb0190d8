package mark

import (
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// askSelector asks what is removed. A manifest that loses its last tag is loose, not
// selected: an index that is kept keeps it.
func (p *selection) askSelector(a *selectedIn) {
	j := p.newSelectable()
	done, err := p.l.rules.Selected.pruning.selector(j)
	if err != nil {
		a.refusals = append(a.refusals, err)
		return
	}
	p.selectable, p.done = j, done
	p.guardNodes()
	p.keepUndecidable()
	isKept := make([]bool, len(p.nodes))
	for i := range j.Tags {
		t := &p.tags[j.Tags[i].at]
		t.is.put(tagSelected, j.Tags[i].Remove)
		if !t.is.has(tagSelected) && t.node >= 0 {
			isKept[t.node] = true
		}
	}
	release := func(at int32) {
		if n := &p.nodes[at]; !isKept[at] && !p.protectsNode(n) {
			n.root.set(rootAlong)
			n.role = Named
		}
	}
	for i := range j.Tags {
		if t := &p.tags[j.Tags[i].at]; t.is.has(tagSelected) {
			release(t.node)
		}
	}
	for i := range j.Untagged {
		if m := &j.Untagged[i]; m.Remove {
			release(m.at)
		}
	}
	p.loosen()
}

// keepUndecidable keeps what must not be removed, whatever the Selector has said.
func (p *selection) keepUndecidable() {
	j := p.selectable
	for i := range j.Tags {
		if one := &j.Tags[i]; one.Remove && one.Undecidable != "" {
			one.Remove, one.Note = false, one.Undecidable
		}
	}
	p.w.Each(p.ctx, len(j.Tags), func(i int) {
		one := &j.Tags[i]
		if !one.Remove {
			return
		}
		t := &p.tags[one.at]
		if t.is.put(tagWithoutSymlink, !p.r.HasSymlink(t.Tag)); !t.is.has(tagWithoutSymlink) {
			one.Remove, one.Note = false, behindSymlink
		}
	})
	for i := range j.Untagged {
		if one := &j.Untagged[i]; one.Remove && one.Undecidable != "" {
			one.Remove, one.Note = false, one.Undecidable
		}
	}
}

// newSelectable describes the repository to the Selector.
func (p *selection) newSelectable() *Selectable {
	j := &Selectable{Repository: p.r.Name, in: p, Tags: make([]SelectableTag, 0, len(p.tags))}
	all := p.whyUndecidable()
	direct := p.protectedDirectly()
	for i := range p.tags {
		t := &p.tags[i]
		if t.AsideName != "" {
			continue
		}
		one := SelectableTag{Name: t.Name, Digest: t.Link.Target, Pushed: time.Unix(0, t.Link.MTime), Undecidable: all, at: int32(i), Configs: p.configs(t.node)}
		if one.Undecidable == "" {
			one.Undecidable = p.whyTagUndecidable(t, direct)
		}
		if strings.HasPrefix(t.Name, "sha") {
			subject, ok := layout.ReferrerTag(t.Name)
			one.Orphan = ok && p.find(subject) < 0
		}
		j.Tags = append(j.Tags, one)
	}
	for _, at := range p.bare() {
		n := &p.nodes[at]
		one := SelectableManifest{Digest: p.s.Table.Digest(n.path), Pushed: time.Unix(0, n.mtime), Undecidable: all, at: at, Configs: p.configs(at)}
		if one.Undecidable == "" {
			one.Undecidable = p.whyNodeUndecidable(n)
		}
		if one.Undecidable == "" && p.keepsLost(at) {
			one.Undecidable = lostLastTag
		}
		j.Untagged = append(j.Untagged, one)
	}
	slices.SortFunc(j.Tags, func(a, b SelectableTag) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(j.Untagged, func(a, b SelectableManifest) int { return a.Digest.Compare(b.Digest) })
	return j
}

const (
	repositoryBroken = "its repository cannot be read in full"
	behindSymlink    = "it is behind a symbolic link"
	hasOtherName     = "it has another name in the store"
	namesUnlinked    = "the manifest that it names is not linked"
)

// whyUndecidable says why nothing of the repository can be selected, or "".
func (p *visit) whyUndecidable() string {
	switch {
	case p.r.Odd:
		return "no registry accepts the repository's name"
	case p.r.Linked:
		return behindSymlink
	case p.keep == Broken:
		return repositoryBroken
	}
	return ""
}

// whyTagUndecidable says why a tag cannot be selected, or "".
func (p *selection) whyTagUndecidable(t *tag, direct map[ID]bool) string {
	switch {
	case t.Odd:
		return "no registry accepts its name"
	case t.Linked:
		return behindSymlink
	case p.isTagShared(t.Name):
		return hasOtherName
	case t.Half:
		return "it has no current link"
	case t.Link.State != walker.LinkGood:
		return "its link holds no digest"
	case t.node < 0:
		return namesUnlinked
	}
	n := &p.nodes[t.node]
	if !direct[t.target] && (direct[n.id] || direct[n.path]) {
		return "its manifest is protected by another digest"
	}
	return p.whyNodeUndecidable(n)
}

// lostLastTag says that a manifest lost its last tag not long ago.
const lostLastTag = "it lost its last tag less than --keep-deleted ago"

// whyNodeUndecidable says why a manifest cannot be selected, or "".
func (p *visit) whyNodeUndecidable(n *node) string {
	switch {
	case n.link.has(linkAside):
		return "a run that was stopped has begun to remove its manifest"
	case n.link.has(linkPending):
		return "its manifest is just being pushed"
	case n.link.has(linkPinned) && p.isRevisionShared(n.path):
		return hasOtherName
	case n.link.has(linkPinned) && !n.link.has(linkAsLayer):
		return behindSymlink
	case n.root.has(rootForced):
		return "its manifest is named by a half tag or a link that is not right"
	case n.place == 0 || n.link.has(linkUnread):
		return "its manifest cannot be read"
	}
	return ""
}

// protectedDirectly are the digests that are protected by themselves.
func (p *facts) protectedDirectly() map[ID]bool {
	direct := map[ID]bool{}
	p.guard.EachDigest(func(d layout.Digest) bool {
		id := p.s.Table.Lookup(d)
		direct[id] = id != 0
		return false // whether it is there is asked elsewhere
	})
	return direct
}

// configs are the digests of a node's configurations, if anything is protected
// by a digest.
func (p *facts) configs(at int32) (list []layout.Digest) {
	if at < 0 || !p.guard.HasDigests() {
		return nil
	}
	m := p.manifest(&p.manifests[at])
	m.EachConfig(func(id ID) { list = append(list, p.s.Table.Digest(id)) })
	return list
}

// bare are the manifests without a tag that do not belong to another one.
func (p *facts) bare() (list []int32) {
	belongs := make([]bool, len(p.manifests))
	for i := range p.tagLinks {
		if t := &p.tagLinks[i]; t.node >= 0 && t.AsideName == "" {
			belongs[t.node] = true
		}
	}
	for i := range p.manifests {
		p.eachName(int32(i), func(id ID) {
			if at, ok := p.linked(id); ok && at != int32(i) {
				belongs[at] = true
			}
		})
		for _, subject := range p.manifest(&p.manifests[i]).Subjects {
			if _, ok := p.linked(subject); ok {
				belongs[i] = true
			}
		}
	}
	for i := range p.manifests {
		if n := &p.manifests[i]; !belongs[i] && n.isHere() && !n.link.has(linkAsLayer) {
			list = append(list, int32(i))
		}
	}
	return list
}

// guardNodes marks what the manifests reach that the Selector calls protected.
func (p *selection) guardNodes() {
	var roots []int32
	for i := range p.selectable.Tags {
		if t := &p.selectable.Tags[i]; t.Protected && p.tags[t.at].node >= 0 {
			roots = append(roots, p.tags[t.at].node)
		}
	}
	for i := range p.selectable.Untagged {
		if m := &p.selectable.Untagged[i]; m.Protected {
			roots = append(roots, m.at)
		}
	}
	seen := map[int32]bool{}
	Reach(roots, func(i int32) bool {
		first := !seen[i]
		seen[i] = true
		return first
	}, func(i int32, push func(int32)) {
		p.eachName(i, func(id ID) {
			p.s.Table.At(id).set(isGuarded)
			if at, ok := p.linked(id); ok {
				push(at)
			}
		})
	})
}
