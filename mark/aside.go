package mark

import (
	"context"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Resumed reports whether a run was stopped while names were set aside: the walk
// has found its mark, or a name that it had set aside.
func (s *Store) Resumed() bool { return s.rules.Resumed }

// meetAside finds out whether a run that was stopped has set something aside in
// the repository. Then it may have layer links, too. What the run under way has
// set aside is known.
func (p *facts) meetAside() {
	if p.l.aside != nil {
		return
	}
	p.metAside = slices.ContainsFunc(p.found, func(t walker.Tag) bool { return t.AsideName != "" }) ||
		slices.ContainsFunc(p.manifests, func(n linkedManifest) bool { return n.link.has(linkAside) })
	if p.metAside {
		p.l.metAside.Store(true)
	}
}

// addMarks takes down the marks of a stopped run that are in a repository.
func (l *Look) addMarks(paths []string) {
	if len(paths) == 0 {
		return
	}
	l.metAside.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range paths {
		if !slices.Contains(l.marks, p) { // a directory may be listed twice
			l.marks = append(l.marks, p)
		}
	}
}

// Marks returns the paths of a stopped run's marks that the walk has found in
// repositories. They are removed when nothing is set aside any more.
func (l *Look) Marks() []string { return l.marks }

// searchAside serves where the mark of a stopped run is lost and some name was
// met that it had set aside: there may be others that a look does not meet,
// since it reads neither a layer link that a live manifest names nor what is
// beside a link. It is the last part of the first reading of the repositories.
func (l *Look) searchAside(ctx context.Context) {
	if l.rules.Resumed || ctx.Err() != nil {
		return
	}
	l.rules.Resumed = true
	l.Store.resume(ctx, l.w)
	s := &asideSearch{l: l, repositories: make(map[string]uint32, len(l.Repositories)), known: map[repoItem]bool{}}
	for i := range l.Repositories {
		s.repositories[l.Repositories[i].Name] = uint32(i)
	}
	for _, list := range append(slices.Clone(l.parts), l.Restore) {
		for _, i := range list {
			s.known[repoItem{i.Repo, i.Kind, i.ID}] = true
		}
	}
	again := l.w.With(new(walker.Findings))
	again.Repositories(ctx, func(r *walker.Repository) {
		if !r.Empty {
			s.search(ctx, r)
		}
	})
	if l.w.Findings.Unreadable() == 0 {
		l.w.Findings.AddUnreadable(again.Findings)
	}
}

// asideSearch looks through repositories for what is set aside.
type asideSearch struct {
	l            *Look
	repositories map[string]uint32
	known        map[repoItem]bool // garbage, and what is to get its name back
}

// repoItem is an item of a repository that a digest names.
type repoItem struct {
	repo uint32
	kind Kind
	id   ID
}

func (s *asideSearch) search(ctx context.Context, r *walker.Repository) {
	repo, ok := s.repositories[r.Name]
	if !ok {
		return // it came while we looked, and what it needs is not set aside for long
	}
	if r.Linked {
		return // nothing there is set aside, nor given back
	}
	r.Revisions(ctx, func(found []walker.Revision) { s.add(repo, Manifest, r.Name, found) })
	for _, alg := range r.LayerAlgorithms() {
		var digests []layout.Digest
		r.Layers(alg, func(d layout.Digest, _ bool) { digests = append(digests, d) })
		for part := range slices.Chunk(digests, batch) {
			s.add(repo, LayerLink, r.Name, r.ReadLayers(ctx, alg, part))
		}
	}
}

// add takes down what is set aside. A link that the look has not found dead gets
// its name back.
func (s *asideSearch) add(repo uint32, kind Kind, name string, found []walker.Revision) {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range found {
		v := &found[i]
		id := l.Store.Table.Intern(v.Digest)
		dir := layout.LayerDir(name, v.Digest)
		if kind == Manifest {
			dir = layout.RevisionDir(name, v.Digest)
		}
		switch {
		case v.Twice:
			path := dir + "/" + layout.AsideLink
			if !s.known[repoItem{repo, Temporary, id}] {
				l.Names = append(l.Names, Name{Text: path})
				l.parts = append(l.parts, []Item{{Kind: Temporary, Repo: repo, ID: id, Extra: uint32(len(l.Names) - 1)}})
			}
		case v.Link.Aside && v.Link.State == walker.LinkGood && !s.known[repoItem{repo, kind, id}]:
			l.Restore = append(l.Restore, Item{Kind: kind, ID: id, Repo: repo, Aside: true})
		}
	}
}
