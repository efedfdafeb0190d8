package back

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// How says how an image was lost.
type How string

// The ways in which images are lost. Their names are part of the JSON.
const (
	Deleted     How = "deleted"     // through the API: its directory has no link
	Overwritten How = "overwritten" // a tag's history names it, and it is not linked
	Unlinked    How = "unlinked"    // no repository links it, and this one links all that it needs
)

// Lost is an image that is stored and that a repository does not link any more.
type Lost struct {
	Repository string
	Digest     layout.Digest
	How        How
	Went       int64  // when, in nanoseconds since 1970; 0 if nothing tells it
	Tag        string // whose history names it, or ""
}

// lost are the images that a repository lost and whose manifests are stored.
func (r reader) lost(t *traces) (list []Lost, err error) {
	add := func(l Lost) error {
		if t.linked[l.Digest] {
			return nil
		}
		_, ok, err := r.isManifest(l.Digest)
		if ok {
			list = append(list, l)
		}
		return err
	}
	for d, at := range t.emptied {
		if err := add(Lost{t.repository, d, Deleted, at, t.named[d].tag}); err != nil {
			return nil, err
		}
	}
	for d, n := range t.named {
		if _, emptied := t.emptied[d]; emptied {
			continue
		}
		if err := add(Lost{t.repository, d, Overwritten, n.went, n.tag}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// search is one search for what was lost.
type search struct {
	reader
	ctx context.Context
	w   *walker.Walker

	mu    sync.Mutex
	err   error
	names []string
}

// Find lists what the wanted repositories have lost, sorted by repository, then
// the last that was lost first. withUnlinked also reads the stored blobs that no
// repository links, for manifests among them.
func Find(ctx context.Context, w *walker.Walker, wants func(repository string) bool, withUnlinked bool) ([]Lost, error) {
	s := &search{reader: reader{w.Store()}, ctx: ctx, w: w}
	linked := map[layout.Digest]struct{}{}
	var list []Lost
	w.Repositories(ctx, func(r *walker.Repository) {
		if r.Empty || r.Odd {
			return
		}
		wanted := wants(r.Name)
		if withUnlinked {
			s.collectLinked(r, linked)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if wanted {
			s.names = append(s.names, r.Name)
		}
	})
	if err := s.failure(); err != nil {
		return nil, err
	}
	slices.Sort(s.names)
	all := make([]*traces, len(s.names))
	lists := make([][]Lost, len(s.names))
	w.Each(ctx, len(s.names), func(i int) {
		t, err := s.traces(s.names[i])
		if err == nil {
			lists[i], err = s.lost(t)
		}
		all[i] = t
		s.note(err)
	})
	if err := s.failure(); err != nil {
		return nil, err
	}
	list = slices.Concat(lists...)
	if withUnlinked {
		unlinked, err := s.unlinked(all, linked)
		if err != nil {
			return nil, err
		}
		list = append(list, unlinked...)
	}
	sortLost(list)
	return list, nil
}

func sortLost(list []Lost) {
	slices.SortFunc(list, func(a, b Lost) int {
		return cmp.Or(strings.Compare(a.Repository, b.Repository), cmp.Compare(b.Went, a.Went), a.Digest.Compare(b.Digest))
	})
}

// note keeps the first error. It may be called concurrently.
func (s *search) note(err error) {
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = cmp.Or(s.err, err)
	}
}

// failure is why the search cannot go on, or nil.
func (s *search) failure() error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	if s.err != nil {
		return s.err
	}
	for _, p := range s.w.Findings.Problems() {
		if p.Kind == walker.IOError {
			return fmt.Errorf("the store cannot be read: %s: %s", p.Path, p.Detail)
		}
	}
	return nil
}

// collectLinked adds the digests that a repository links, as manifests or layers.
func (s *search) collectLinked(r *walker.Repository, linked map[layout.Digest]struct{}) {
	var here []layout.Digest
	r.Revisions(s.ctx, func(list []walker.Revision) {
		for i := range list {
			if l := &list[i].Link; l.State != walker.LinkMissing {
				here = append(here, list[i].Digest)
				if l.State == walker.LinkGood {
					here = append(here, l.Target)
				}
			}
		}
	})
	for _, alg := range r.LayerAlgorithms() {
		r.Layers(alg, func(d layout.Digest, _ bool) { here = append(here, d) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range here {
		linked[d] = struct{}{}
	}
}

// orphan is a stored manifest that no repository links.
type orphan struct {
	digest layout.Digest
	needs  []manifest.Reference
}

// unlinked finds the manifests that no repository links, for repositories that
// link all that they need.
func (s *search) unlinked(repositories []*traces, linked map[layout.Digest]struct{}) (list []Lost, err error) {
	orphans, err := s.orphans(linked)
	if err != nil || len(orphans) == 0 {
		return nil, err
	}
	lists := make([][]Lost, len(repositories))
	s.w.Each(s.ctx, len(repositories), func(i int) {
		t := repositories[i]
		for _, o := range orphans {
			if t.has(o.digest) {
				continue // it has been listed
			}
			all, err := s.linksAll(t, o.needs)
			s.note(err)
			if all {
				lists[i] = append(lists[i], Lost{Repository: t.repository, Digest: o.digest, How: Unlinked})
			}
		}
	})
	return slices.Concat(lists...), s.failure()
}

func (s *search) orphans(linked map[layout.Digest]struct{}) ([]orphan, error) {
	var found []orphan
	s.w.Blobs(s.ctx, nil, func(b walker.Blob) {
		if b.State != walker.BlobHere || b.Size > manifest.Max {
			return
		}
		if _, ok := linked[b.Digest]; ok {
			return
		}
		o, ok, err := s.orphan(b.Digest)
		s.note(err)
		if ok {
			s.mu.Lock()
			defer s.mu.Unlock()
			found = append(found, o)
		}
	})
	slices.SortFunc(found, func(a, b orphan) int { return a.digest.Compare(b.digest) })
	return found, s.failure()
}

// orphan reads a blob as a manifest of a known type that needs something.
func (r reader) orphan(d layout.Digest) (o orphan, ok bool, err error) {
	p, ok, err := r.isManifest(d)
	if err != nil || !ok || p.Kind == manifest.Unknown {
		return o, false, err
	}
	o = orphan{digest: d}
	for _, ref := range p.Refs {
		if p.Kind == manifest.Index || !ref.Optional {
			o.needs = append(o.needs, ref)
		}
	}
	return o, len(o.needs) > 0, nil
}

// linksAll reports whether a repository links all that a manifest needs: as a
// layer, or, what an index names, as a manifest.
func (r reader) linksAll(t *traces, needs []manifest.Reference) (bool, error) {
	for _, ref := range needs {
		if ref.Optional && t.linked[ref.Digest] {
			continue
		}
		l, err := r.link(layout.LayerDir(t.repository, ref.Digest) + "/" + layout.Link)
		if err != nil || !l.there {
			return false, err
		}
	}
	return true, nil
}
