package mark

import (
	"slices"
	"strings"
)

// Selected returns the listed roots that have not changed: a tag that names the
// same digest, or a manifest whose link has not been written again. An index keeps
// its parts unless it is Sparse. byPolicy says that a policy decided about them.
// Sort must have been called.
func (g *Listing) Selected(tagsOnly, byPolicy bool) *Selected {
	r := &Selected{TagsOnly: tagsOnly, in: map[string]*selectedIn{}, listed: true}
	if byPolicy {
		r.pruning = &pruning{}
	}
	in := func(repository string) *selectedIn {
		a := r.in[repository]
		if a == nil {
			a = newSelectedIn()
			r.in[repository] = a
		}
		return a
	}
	for k := range g.items {
		i := &g.items[k]
		if i.part == NoRoot {
			continue
		}
		switch a := in(g.repos[i.repo]); i.kind {
		case Tag:
			a.tags[g.nameOf(i)] = selectedTag{target: i.id, with: i.part == Along}
		case Manifest, LayerLink:
			// A layer link may be a manifest's, as registry 2.1.0 linked it, unless
			// it is linked as one, too; which comes before.
			if _, ok := a.manifests[i.id]; !ok {
				a.manifests[i.id] = selectedNode{mtime: i.mtime, named: i.part == Root}
			}
		}
	}
	for _, name := range g.Whole {
		in(name).whole = true
	}
	for _, s := range g.Sparse {
		in(s.Repository).sparse[g.table.Intern(s.Digest)] = s.MTime
	}
	return r
}

// keepTimes keeps the times of the links that are removed from a repository.
func (l *Look) keepTimes(p *garbage) {
	if !l.rules.Times || l.aside != nil {
		return
	}
	if l.times == nil {
		l.times = map[linkKey]int64{}
	}
	for k := range p.items {
		switch i := &p.items[k]; i.Kind {
		case Manifest:
			if at, ok := p.linked(i.ID); ok {
				l.times[linkKey{p.repo.owner, Manifest, i.ID}] = p.nodes[at].mtime
			}
		case LayerLink:
			l.times[linkKey{p.repo.owner, LayerLink, i.ID}] = p.linkTimes[i.ID]
		}
	}
}

// Describe returns what a Listing has to know about an item. The Rules had Times.
func (l *Look) Describe(i *Item) Listed {
	d := Listed{Kind: i.Kind, Repository: l.RepositoryOf(i), Name: l.NameOf(i)}
	if i.ID != 0 && i.Kind != Temporary {
		d.Digest = l.Digest(i.ID)
	}
	if i.Repo == NoRepo {
		return d
	}
	d.MTime = l.times[linkKey{l.Repositories[i.Repo].owner, i.Kind, i.ID}]
	a := l.rules.Selected.within(d.Repository)
	if a == nil {
		return d
	}
	var along bool
	switch i.Kind {
	case Tag:
		was, ok := a.tags[d.Name]
		if !ok {
			return d
		}
		along = was.with
	case Manifest, LayerLink:
		was, ok := a.manifests[i.ID]
		if !ok {
			return d
		}
		along = !was.named
	default:
		return d
	}
	if d.Part = Root; along {
		d.Part = Along
	}
	return d
}

// Sparse returns the indexes that are kept and lose parts by force, sorted.
func (l *Look) Sparse() (list []Sparse) {
	if l.rules.Selected == nil {
		return nil
	}
	for name, a := range l.rules.Selected.in {
		for id, mtime := range a.sparse {
			list = append(list, Sparse{name, l.Digest(id), mtime})
		}
	}
	slices.SortFunc(list, func(a, b Sparse) int {
		if c := strings.Compare(a.Repository, b.Repository); c != 0 {
			return c
		}
		return a.Digest.Compare(b.Digest)
	})
	return list
}
