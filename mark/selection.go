package mark

import (
	"github.com/regsweep/regsweep/mark/protect"
)

// Selector decides which tags and untagged manifests of one repository are removed,
// and sets Remove for these. The first Look calls it once for every repository,
// concurrently. If it returns a function, that function is called when the outcome
// for the repository is known; see Selectable. An error refuses the run.
type Selector func(r *Selectable) (done func(), err error)

// Selectable is the repository that a Selector decides about. When its done is
// called, Remove says what is really removed, and Note says why that differs from
// the Selector's decision, or what else there is to know.
type Selectable struct {
	Repository string
	Tags       []SelectableTag // sorted by name
	// Untagged are the manifests without a tag, sorted by digest. Manifests that are
	// kept or removed with another one are not among them: those that an index
	// names which is linked here, and referrers whose subject is.
	Untagged []SelectableManifest

	in *selection // what it is asked about
}

// selection is what of a repository a command, a policy or a written plan
// selects, and what a list protects. The first look finds what is named; later ones
// select nothing else.
type selection struct {
	*facts
	nodes []node
	tags  []tag
	protected
	listed     listing     // what a written plan lists of the repository
	used       usedSince   // what has been used since that was written
	selectable *Selectable // what a Selector has said, or nil
	done       func()      // is to be told what becomes of it, or nil
}

// protected is what a list protects of a repository.
type protected struct {
	// lines are those that protect a manifest, by a digest, that of its
	// configuration included, or by a tag: the first of each.
	lines map[ID]*protect.Line
	blobs []ID // that are protected by their digests
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

// lists reports whether a plan was written down that lists what may be removed.
func (p *selection) lists() bool { return p.listed.g != nil }

// listsNode reports whether a manifest is listed, and has not been linked again since.
func (p *selection) listsNode(n *node) bool {
	i := p.listed.find(Manifest, n.path, "")
	return i != nil && n.mtime <= i.mtime
}

// listsTag reports whether a tag is listed, and names what it did then.
func (p *selection) listsTag(t *tag) bool {
	i := p.listed.find(Tag, 0, t.Name)
	return i != nil && i.id == t.target
}

// isUnlisted reports whether a plan was written down that does not list a tag:
// it is a root, though it may be about an image that is removed.
func (p *selection) isUnlisted(t *tag) bool { return p.lists() && !p.listsTag(t) }

// usedSince is what of a repository has been used since a plan was made.
type usedSince struct {
	tag   func(string) bool // nil if it is not asked for
	nodes []bool
}

// isUsed reports whether a manifest has been used since a plan was made.
func (p *selection) isUsed(at int32) bool { return p.used.nodes != nil && p.used.nodes[at] }

// lineOf is the line that protects a manifest, or nil.
func (p *selection) lineOf(n *node) *protect.Line {
	if by := p.lines[n.path]; by != nil {
		return by
	}
	return p.lines[n.id]
}

func (p *selection) protectsNode(n *node) bool { return p.lineOf(n) != nil }

// lineOfTag is the line that protects a tag, or the digest that it names, or nil.
func (p *selection) lineOfTag(t *tag) *protect.Line {
	switch {
	case t.by != nil:
		return t.by
	case t.node >= 0:
		return p.lineOf(&p.nodes[t.node])
	}
	return nil
}

func (p *selection) protectsTag(t *tag) bool { return p.lineOfTag(t) != nil }
