package mark

import (
	"slices"
	"strconv"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// selectNamed finds which of the repository's tags and manifests a selection
// has, before anything is marked. What somebody named is selected: no root, and
// reached by nothing. What is removed along with it if nothing else keeps it
// is loose: no root.
func (p *selection) selectNamed() {
	switch {
	case p.selected == nil:
	case !p.asks():
		if p.l.first {
			p.holdToListing(p.selected)
		}
		p.holdTo(p.selected)
	case p.l.rules.Selected.prunes():
		p.askSelector(p.selected)
	default:
		p.selected.found = true
		p.resolve(p.selected)
	}
}

// resolve finds what the targets name.
func (p *selection) resolve(a *selectedIn) {
	switch {
	case p.keep == Protected:
		a.refuseProtected(p.guard.Repository()[0], strconv.Quote(p.r.Name))
		return
	case p.r.Odd:
		a.refuse("remove it by hand", "%q is not a name that a registry accepts: everything in it is kept", p.r.Name)
		return
	}
	for _, t := range a.targets {
		switch {
		case t.whole():
			p.selectAll(a)
		case t.Tag != "":
			p.selectTag(a, t)
		default:
			p.selectDigest(a, t)
		}
	}
	if !p.l.rules.Selected.TagsOnly {
		p.selectTagsOf()
		p.loosen()
	}
	p.refuseTags(a)
}

func (p *selection) selectAll(a *selectedIn) {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.isHere() {
			p.selectNode(a, n, p.r.Name)
		}
	}
	for i := range p.tags {
		t := &p.tags[i]
		t.is.put(tagSelected, t.AsideName == "")
	}
	if p.uploads.active {
		a.refuse("wait until it has ended, or give --grace 0 if it never will", "something is being uploaded to %q", p.r.Name)
	}
}

func (p *selection) selectTag(a *selectedIn, target Target) {
	at := slices.IndexFunc(p.tags, func(t tag) bool { return t.AsideName == "" && t.Name == target.Tag })
	if at < 0 {
		p.refuseUnknownTag(a, target)
		return
	}
	t := &p.tags[at]
	if byDigest := !target.Digest.IsZero() || target.Prefix != ""; byDigest && (t.Link.State != walker.LinkGood || !target.matches(t.Link.Target)) {
		a.refuseTo([]string{"ls", p.r.Name}, "name the one that is meant; what there is", "the tag %s names %s, and not the digest after it", target, t.Link.Target)
		return
	}
	t.is.set(tagSelected)
	t.is.set(tagNamed)
	switch {
	case p.l.rules.Selected.TagsOnly:
	case t.node >= 0:
		p.selectNode(a, &p.nodes[t.node], target.String())
	case t.Link.State != walker.LinkGood:
		a.refuseTo([]string{"untag", target.String()}, "to remove it", "the tag %s names no manifest", target)
	}
}

func (p *selection) refuseUnknownTag(a *selectedIn, target Target) {
	names := make([]string, 0, len(p.tags))
	for i := range p.tags {
		names = append(names, p.tags[i].Name)
	}
	command, hint := []string{"ls", p.r.Name}, "its tags"
	switch near := Nearest(target.Tag, names); {
	case near != "":
		command, hint = nil, "did you mean "+near+"?"
	case p.l.rules.Selected.TagsOnly:
		// Somebody else was faster, such as gc where the tag led nowhere.
		a.absent = append(a.absent, target.String())
		return
	}
	a.refuseTo(command, hint, "there is no tag %q in %q", target.Tag, p.r.Name)
}

// selectDigest takes the manifest that a digest or its beginning names.
func (p *selection) selectDigest(a *selectedIn, target Target) {
	var found []int32
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.isHere() && target.matches(p.s.Table.Digest(n.path)) {
			found = append(found, int32(i))
		}
	}
	switch len(found) {
	case 0:
		command, hint := p.nearDigests(target)
		a.refuseTo(command, hint, "there is no manifest %s", target)
	case 1:
		n := &p.nodes[found[0]]
		if n.place == 0 || n.link.has(linkUnread) {
			a.unread++
		}
		p.selectNode(a, n, target.String())
	default:
		a.refuse("give more of it", "%s names %d manifests", target, len(found))
	}
}

// nearDigests is a hint at the manifests that may have been meant.
func (p *selection) nearDigests(target Target) (command []string, hint string) {
	wanted := target.Prefix
	if wanted == "" {
		wanted = target.Digest.String()
	}
	_, hex, ok := strings.Cut(wanted, ":")
	if !ok {
		hex = wanted
	}
	short, full := []string{}, map[string]string{}
	for i := range p.nodes {
		d := p.s.Table.Digest(p.nodes[i].path)
		if h := d.Hex(); len(h) >= len(hex) {
			short = append(short, h[:len(hex)])
			full[h[:len(hex)]] = p.r.Name + "@" + d.String()
		}
	}
	if near, _, _ := strings.Cut(Nearest(hex, short), ","); near != "" {
		return nil, "did you mean " + full[near] + "?"
	}
	return []string{"ls", p.r.Name}, "its manifests; \"why\" shows where a blob belongs"
}

// selectNode takes a manifest that was named, unless it is protected.
func (p *selection) selectNode(a *selectedIn, n *node, name string) {
	switch {
	case p.protectsNode(n):
		a.refuseProtected(p.lineOf(n), p.nameOf(n, name))
	case n.link.has(linkPinned) && p.isRevisionShared(n.path):
		digest := p.s.Table.Digest(n.path)
		p.refuseShared(p.nameOf(n, name), layout.RevisionDir(p.r.Name, digest))
	case n.link.has(linkPinned) && !n.link.has(linkAsLayer):
		a.refuse("remove the symbolic link by hand", "%s is behind a symbolic link", p.nameOf(n, name))
	case n.link.has(linkUnread) && !p.hasFile(n):
		a.refuse("remove it by hand", "%s is not a regular file", p.linkPath(n.linkedManifest))
	default:
		n.root.set(rootSelected)
		n.root.unset(rootForced)
		n.role = Named
	}
}

func (p *facts) nameOf(n *node, name string) string {
	if name != p.r.Name {
		return name
	}
	return p.references(n.linkedManifest)[0]
}

// hasFile reports whether a manifest's link is a file at all.
func (p *visit) hasFile(n *node) bool {
	path := p.linkPath(n.linkedManifest)
	info, err := p.w.Store().Stat(path)
	if err != nil && !disk.Gone(err) {
		p.w.Unreadable(path, err)
	}
	return err == nil && info.Type == disk.File
}

// selectTagsOf takes the tags of the manifests that were named.
func (p *selection) selectTagsOf() {
	for i := range p.tags {
		t := &p.tags[i]
		if t.AsideName == "" && t.node >= 0 && p.nodes[t.node].root.has(rootSelected) {
			t.is.set(tagSelected)
		}
	}
}

// refuseTags refuses tags that must not or cannot be removed.
func (p *selection) refuseTags(a *selectedIn) {
	for i := range p.tags {
		t := &p.tags[i]
		if !t.is.has(tagSelected) {
			continue
		}
		name := p.r.Name + ":" + t.Name
		switch {
		case p.protectsTag(t):
			a.refuseProtected(p.lineOfTag(t), name)
		case t.Linked || p.r.HasSymlink(t.Tag):
			a.refuse("remove the symbolic link by hand", "%s is behind a symbolic link", name)
		}
		a.tags[t.Name] = selectedTag{target: t.target, mtime: t.Link.MTime}
	}
}
