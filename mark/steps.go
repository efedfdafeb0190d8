package mark

import (
	"context"

	"github.com/regsweep/regsweep/walker"
)

// read reads a repository.
func (l *Look) read(ctx context.Context, r *walker.Repository) *facts {
	p := &facts{
		visit: &visit{
			ctx: ctx, l: l, s: l.Store, w: l.w, r: r, memory: l.freeMemory(),
			selected: l.rules.Selected.enter(r.Name, l.first),
			repo:     Repo{Name: r.Name, Nested: r.Nested, owner: l.owners.Add(1)},
		},
		linkedManifests: linkedManifests{failed: map[int32]*loadError{}},
		naming:          naming{aliases: map[ID]ID{}, extra: map[int32][]ID{}, about: map[ID]bool{}},
	}
	names := l.w.Shares().OtherNames(r.Name)
	p.repo.others = len(names)
	p.guard = l.rules.Protect.Guard(append(names, r.Name)...)
	p.found, p.manifests, p.here = p.memory.found, p.memory.manifests, p.memory.here
	switch {
	case len(p.guard.Repository()) > 0:
		p.keep = Protected
	case r.Odd:
		p.keep = Broken
	}
	if l.rules.Listed != nil {
		p.uploads.ids = map[string]bool{}
	}
	p.found = r.Tags(ctx, p.found)
	p.readRevisions()
	p.meetAside()
	p.readUploads()
	p.readAliases()
	p.addTags()
	p.load()
	p.addReferrers()
	return p
}

// collect finds what is removed, as far as a selection or a plan lets it, and tells
// those who have asked about the repository.
func (p *live) collect() *garbage {
	g := &garbage{live: p}
	if p.totals.LayerLinks > 0 && p.totals.Manifests+p.totals.Emptied == 0 {
		p.totals.Unexplained++
	}
	g.dropSelected()
	g.countBytes()
	g.report()
	g.listItems()
	switch {
	case p.l.rules.Listed != nil:
		g.pickListed()
	case p.l.rules.Selected != nil:
		g.pickSelected()
		g.tellOutcome()
	}
	if p.l.observer != nil {
		p.l.observer.Observe(&View{g})
	}
	return g
}

// markLive marks what the roots reach, and then what is kept for other reasons.
func (p *selection) markLive() *live {
	m := &live{selection: p}
	if p.l.rules.timed() {
		m.linkTimes = map[ID]int64{}
	}
	m.addEdges()
	m.markRoots()
	m.checkAside()
	m.noteOfSelected()
	m.readLayers()
	p.l.addMarks(p.r.Marks)
	// Symbolic links are known only when all directories have been opened.
	if p.r.Linked {
		m.reach(Broken, func(*node) bool { return true })
	}
	if p.r.Opaque {
		p.keepAll()
	}
	if p.keep != Dead {
		m.markAll()
		m.keepSelected()
	}
	return m
}

// choose finds what is selected, and what is protected.
func (p *facts) choose() *selection {
	s := &selection{facts: p, listed: p.l.rules.Listed.within(p.r.Name)}
	s.decide()
	s.findProtected()
	s.selectNamed()
	s.keepShared()
	return s
}

// visit reads a repository and decides about it. It returns nil if it was stopped.
func (l *Look) visit(ctx context.Context, r *walker.Repository) *garbage {
	f := l.read(ctx, r)
	if ctx.Err() != nil {
		return nil // nobody uses what was found so far
	}
	return f.choose().markLive().collect()
}
