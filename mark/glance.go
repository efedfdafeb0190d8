package mark

import (
	"context"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Links are the links of a repository that a run removes, while it does so. Its
// functions are called concurrently.
type Links struct {
	N int
	// At is the i-th of them, and whether it should not have its name any more.
	At func(i int) (item *Item, aside bool)
	// Closely says that what was set aside is looked at, too: a registry that
	// writes in place may have opened it before.
	Closely bool
}

// Referenced returns digests that have become referenced in a repository since the
// Look: digests that links name, and digests that newly linked manifests reach.
func (k *Recheck) Referenced(ctx context.Context, p *Place, links Links) []ID {
	g := &glance{Recheck: k, p: p, found: map[ID]bool{}}
	g.links(ctx, links)
	g.bareDirs(ctx)
	g.newLinks(links)
	g.reach()
	ids := make([]ID, 0, len(g.found))
	for id := range g.found {
		ids = append(ids, id)
	}
	return ids
}

// glance is one look at one place.
type glance struct {
	*Recheck
	p     *Place
	mu    sync.Mutex
	found map[ID]bool
	roots []ID // manifests
}

// part is where links are, and which of a Place's stamps is theirs.
type part int

const (
	revisions part = iota
	layers
)

func (g *glance) dir(at part, alg layout.Algorithm) string {
	if at == layers {
		return layout.RepositoryDir(g.p.Name) + "/" + layout.Layers + "/" + alg.String()
	}
	return layout.RepositoryDir(g.p.Name) + "/" + layout.Manifests + "/" + layout.Revisions + "/" + alg.String()
}

// links looks whether links that are removed have been written.
func (g *glance) links(ctx context.Context, links Links) {
	g.w.Each(ctx, links.N, func(i int) {
		item, aside := links.At(i)
		if item == nil {
			return
		}
		at, digest := partOf(item), g.l.Digest(item.ID)
		dir := g.dir(at, digest.Algorithm()) + "/" + digest.Hex() + "/"
		link := dir + layout.Link
		info, err := g.w.Store().Stat(link)
		written := err == nil && (aside || g.l.IsRewritten(item, info.MTime))
		if disk.Gone(err) && aside && links.Closely {
			link = dir + layout.AsideLink
			info, err = g.w.Store().Stat(link)
			written = err == nil && g.l.IsRewritten(item, info.MTime)
		}
		if written {
			g.add(at, item.ID, link)
		}
	})
}

// bareDirs looks whether directories have got the links that they lacked.
func (g *glance) bareDirs(ctx context.Context) {
	g.w.Each(ctx, len(g.p.bare), func(i int) {
		b := g.p.bare[i]
		at := revisions
		if b&bareLayer != 0 {
			at = layers
		}
		digest := g.l.Digest(b.id())
		link := g.dir(at, digest.Algorithm()) + "/" + digest.Hex() + "/" + layout.Link
		if _, err := g.w.Store().Stat(link); err == nil {
			g.add(at, b.id(), link)
		}
	})
}

// add records what a link names that was written: the digest of its path, which
// a registry that is writing it is about to name, and that of its content.
func (g *glance) add(at part, id ID, link string) {
	target, ok := g.w.Target(link)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.name(at, id)
	if ok {
		g.name(at, g.l.Store.Table.Intern(target))
	}
}

// name records a digest; g.mu is held.
func (g *glance) name(at part, id ID) {
	g.found[id] = true
	if at == revisions {
		g.roots = append(g.roots, id)
	}
}

// newLinks looks for links in directories that have changed.
func (g *glance) newLinks(links Links) {
	now := g.now().UnixNano()
	for _, at := range []part{revisions, layers} {
		s := &g.p.parts[at]
		path := g.dir(at, layout.SHA256)
		mtime, err := g.w.DirTime(path)
		if err != nil || !s.changed(mtime, now, g.since) {
			s.unread = s.unread || err != nil
			continue
		}
		removed := g.removedLinks(links, at)
		s.unread = !g.list(path, at, layout.SHA256, removed)
		if at == revisions {
			continue
		}
		// A layer that was pushed by another algorithm has a link by sha256 as well.
		for _, alg := range layout.Algorithms {
			if alg != layout.SHA256 {
				s.unread = !g.list(g.dir(at, alg), at, alg, removed) || s.unread
			}
		}
	}
}

// list reads the links in a directory that are new, and are not looked at anyway.
func (g *glance) list(path string, at part, alg layout.Algorithm, removed map[ID]bool) (all bool) {
	t := g.l.Store.Table
	skip := func(d layout.Digest) bool {
		id := t.Lookup(d)
		return id != 0 && removed[id]
	}
	return g.w.LinksSince(path, alg, g.since, skip, func(name, target layout.Digest) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.name(at, t.Intern(name))
		g.name(at, t.Intern(target))
	})
}

// removedLinks are the links of a part that are removed, which are looked at anyway.
func (g *glance) removedLinks(links Links, at part) map[ID]bool {
	removed := map[ID]bool{}
	for i := range links.N {
		if item, _ := links.At(i); item != nil && partOf(item) == at {
			removed[item.ID] = true
		}
	}
	return removed
}

func partOf(i *Item) part {
	if i.Kind == Manifest {
		return revisions
	}
	return layers
}

// reach adds what the manifests reach that are linked anew. What they name is
// expanded where it was read as a manifest before: what is newer has a link of
// its own.
func (g *glance) reach() {
	s := g.l.Store
	for _, id := range g.roots {
		if _, failure := s.load(g.w, id, true); failure != nil && !failure.missing {
			g.p.parts[revisions].unread = true
		}
	}
	seen := map[ID]bool{}
	Reach(g.roots, func(id ID) bool {
		first := !seen[id]
		seen[id], g.found[id] = true, true
		return first
	}, func(id ID, push func(ID)) {
		m := s.manifest(id)
		m.EachRef(push)
	})
}
