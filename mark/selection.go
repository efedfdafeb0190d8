package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// selection is what of a repository a command, a policy or a written plan takes
// away, and what a list protects. The first look finds what is named; those after
// it are held to that.
type selection struct {
	*facts
	nodes []node
	tags  []tag
	protected
	held   bool      // a Look before this one found what goes
	listed listing   // what a written plan lists of the repository
	used   usedSince // what has been used since that was written
	judged *Judged   // what a Judge has said, or nil
	done   func()    // is to be told what becomes of it, or nil
}

// protected is what a list protects of a repository.
type protected struct {
	// lines are those that protect a manifest, by a digest, that of its
	// configuration included, or by a tag: the first of each.
	lines map[ID]*protect.Line
	blobs []ID // that are protected by their digests
}

// tag is such a tag with what is decided about it.
type tag struct {
	*linkedTag
	subject ID // of a tag that goes when its subject goes; 0 for any other
	is      tagState
	by      *protect.Line // that protects it by its name, or nil
}

// choose finds what is taken away, and what is protected.
func (p *facts) choose() *selection {
	s := &selection{facts: p, listed: p.l.rules.Listed.within(p.r.Name)}
	s.decide()
	s.findProtected()
	s.takeAway()
	s.spareShared()
	return s
}

// decide begins to decide about what was read.
func (p *selection) decide() {
	p.nodes = p.memory.nodes
	for i := range p.manifests {
		n := node{linkedManifest: &p.manifests[i]}
		n.root.put(rootForced, n.link.has(linkForced))
		p.nodes = append(p.nodes, n)
	}
	p.tags = make([]tag, len(p.tagLinks))
	for i := range p.tagLinks {
		p.tags[i].linkedTag = &p.tagLinks[i]
	}
}

// conditional decides whether a tag goes when the image goes that it is about,
// and sets its subject.
func (p *selection) conditional(t *tag) bool {
	if p.isUnlisted(t) || p.holdsTag(t.Name) {
		return false
	}
	if p.away != nil && p.goesWithSubject(t) {
		return true
	}
	if t.node < 0 || t.Odd || t.Half || t.is.has(tagSelected) {
		return false
	}
	taken := t.Taken != ""
	if !taken && (p.l.aside != nil || !p.l.rules.DeleteUntagged || !p.old(t.Link.MTime) || p.protectsTag(t)) {
		return false
	}
	d, ok := layout.ReferrerTag(t.Name)
	if !ok {
		return false
	}
	subject := p.find(d)
	if subject < 0 || subject == t.node {
		return false
	}
	t.subject = p.s.Table.Lookup(d)
	return true
}
