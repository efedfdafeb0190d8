package mark

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/regsweep/regsweep/layout"
)

// Parts of a store may have several names: by symbolic links in it, and by
// mounts. What is removed by one name is gone by all of them. So what a Look
// finds to be garbage is kept if another name leads to it, and manifests and tags
// that are kept for that are roots. Where such names are is known only when all
// repositories have been read; if one of them leads to something that was to be
// removed, the Look is made once more.

// findShared looks where names lead that the Look has met, and reports whether
// the Look has to be made once more for them.
func (l *Look) findShared(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	l.findLeads(ctx)
	more, err := l.w.Shares().SettleAgain()
	if err != nil {
		l.w.UnreadableMounts(err)
		return false
	}
	if l.sharesProtected() {
		return true
	}
	return more && slices.ContainsFunc(l.Items, func(i Item) bool {
		return l.w.Shares().IsShared(sharedPath(i.Kind, l.RepositoryOf(&i), l.NameOf(&i), func() layout.Digest { return l.Digest(i.ID) }))
	})
}

// findLeads looks for symbolic links among the kept layer links and tags that name
// a digest which a removed link names, too: these could be one file.
// They are not looked at otherwise, since that would be a call for each.
func (l *Look) findLeads(ctx context.Context) {
	if l.aside != nil {
		return // the Look before has done so
	}
	var found, tags atomic.Bool
	t := l.Store.Table
	l.w.Share(ctx, len(l.Items), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if item := &l.Items[i]; l.leaves(item) {
				found.Store(true)
				if item.Kind != LayerLink {
					tags.Store(true)
				}
			}
		}
	})
	if !found.Load() {
		return
	}
	names := make([]string, len(l.Repositories))
	for i := range names {
		names[i] = l.Repositories[i].Name
	}
	l.w.FindLeads(ctx, names, func(d layout.Digest) bool {
		id := t.Lookup(d)
		return id != 0 && t.At(id).has(isLeaving)
	}, tags.Load())
}

// leaves reports whether something that is removed names a digest that something else
// names, too, which is kept, and notes which.
func (l *Look) leaves(item *Item) (some bool) {
	ids := [2]ID{item.ID}
	switch item.Kind {
	case Tag, Manifest, TagHistory:
	case LayerLink:
		ids[1] = ID(item.Extra)
	default:
		return false
	}
	for _, id := range ids {
		if id != 0 && l.Store.Table.At(id).has(isKept) {
			l.Store.Table.At(id).set(isLeaving)
			some = true
		}
	}
	return some
}

// sharesProtected reports, once, whether a list of protected names may name
// repositories by second names that were not known when they were looked at.
func (l *Look) sharesProtected() bool {
	if l.rules.Protect.Empty() {
		return false
	}
	more := false
	for i := range l.Repositories {
		r := &l.Repositories[i]
		if n := len(l.w.Shares().OtherNames(r.Name)); n > r.others {
			more = true
		}
	}
	return more
}

// isListedShared reports whether another name leads to an item of a written plan.
func (l *Look) isListedShared(g *Listing, i *listed) bool {
	if !l.w.Shares().Any() {
		return false
	}
	return l.w.Shares().IsShared(sharedPath(i.kind, g.repos[i.repo], g.nameOf(i), func() layout.Digest { return l.Digest(i.id) }))
}

// isBlobShared reports whether another name leads to a blob's directory.
func (l *Look) isBlobShared(id ID) bool {
	return l.w.Shares().Any() && l.w.Shares().IsShared(layout.BlobDir(l.Digest(id)))
}

// keepShared keeps what was to be removed and has another name. A command that names it
// is refused: it would be gone by that name as well.
func (p *selection) keepShared() {
	if p.selected == nil || !p.w.Shares().Any() {
		return
	}
	refuse := p.asks() && !p.l.rules.Selected.prunes()
	for i := range p.tags {
		if t := &p.tags[i]; t.is.has(tagSelected) && p.isTagShared(t.Name) {
			t.is.unset(tagSelected)
			if refuse {
				p.refuseShared(p.r.Name+":"+t.Name, layout.TagDir(p.r.Name, t.Name))
			}
		}
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.root.has(rootSelected|rootAlong) && !n.link.has(linkAsLayer) && p.isRevisionShared(n.path) {
			n.root.unset(rootSelected | rootAlong)
			if digest := p.s.Table.Digest(n.path); refuse {
				p.refuseShared(p.r.Name+"@"+digest.String(), layout.RevisionDir(p.r.Name, digest))
			}
		}
	}
}

func (p *visit) refuseShared(name, path string) {
	others := p.w.Shares().Others(path)
	for i := range others {
		others[i] = servedAs(others[i])
	}
	p.selected.refuse("unmount it, or replace the symbolic link with a copy, and run this again",
		"%s is also %s: what has several names in the store is not removed", name, strings.Join(slices.Compact(others), ", "))
}

// servedAs is the name by which a registry serves what is at a path, NAME:TAG or
// NAME@DIGEST, or the path.
func servedAs(path string) string {
	name, ok := strings.CutPrefix(path, layout.Repositories+"/")
	if !ok {
		return path
	}
	if repository, tag, ok := strings.Cut(name, "/"+layout.Manifests+"/"+layout.Tags+"/"); ok {
		tag, _, _ = strings.Cut(tag, "/")
		return repository + ":" + tag
	}
	if repository, rest, ok := strings.Cut(name, "/"+layout.Manifests+"/"+layout.Revisions+"/"); ok {
		alg, hex, _ := strings.Cut(rest, "/")
		hex, _, _ = strings.Cut(hex, "/")
		return repository + "@" + alg + ":" + hex
	}
	return path
}

// dropShared leaves what another name leads to where it is.
func (p *garbage) dropShared() {
	if !p.w.Shares().Any() {
		return
	}
	p.hasKept = p.hasKept || p.w.Shares().IsShared(layout.RepositoryDir(p.r.Name))
	p.items = slices.DeleteFunc(p.items, func(i Item) bool {
		name := ""
		if i.named() {
			name = p.names[i.Extra].Text
		}
		isShared := p.w.Shares().IsShared(sharedPath(i.Kind, p.r.Name, name, func() layout.Digest { return p.s.Table.Digest(i.ID) }))
		if isShared && i.Aside {
			p.restore = append(p.restore, i)
		}
		return isShared
	})
}

// forgetSelected forgets what a selection has.
func (s *Store) forgetSelected() {
	for _, r := range s.Table.All() {
		r.unset(isOfSelected | isBelow | isGuarded)
	}
}
