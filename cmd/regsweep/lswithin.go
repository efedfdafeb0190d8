package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/mark/name"
)

// lsRepositoryName is before a line where several repositories are listed.
type lsRepositoryName struct {
	Repository string `json:"repository"`
}

// lsOf is what is listed of one repository.
type lsOf struct {
	Repository string       `json:"repository"`
	Manifests  []lsManifest `json:"manifests"`
}

// within is what of a repository was named.
type within struct {
	repository string
	patterns   []name.Pattern
}

// names reports whether a manifest was named, by any of its tags or its digest.
func (w *within) names(m *mark.ManifestInfo) bool {
	return slices.ContainsFunc(w.patterns, func(p name.Pattern) bool {
		tagged := p.Tag == "" || slices.ContainsFunc(m.Tags, p.HasTag)
		return tagged && p.HasDigest(m.Digest)
	})
}

// namesTag reports whether a tag of a manifest was named.
func (w *within) namesTag(tag string, d layout.Digest) bool {
	return slices.ContainsFunc(w.patterns, func(p name.Pattern) bool { return p.HasTag(tag) && p.HasDigest(d) })
}

// withins finds which repositories the patterns name, in the order of the names.
func (r *reading) withins(ctx context.Context, patterns []name.Pattern) (list []within, err error) {
	var all []string // the repositories, if somebody had to look
	add := func(repository string, p name.Pattern) {
		at := slices.IndexFunc(list, func(w within) bool { return w.repository == repository })
		if at < 0 {
			at = len(list)
			list = append(list, within{repository: repository})
		}
		list[at].patterns = append(list[at].patterns, p)
	}
	for i := range patterns {
		p := patterns[i]
		if !name.IsGlob(p.Repository) {
			here, err := r.here(&p)
			if err != nil {
				return nil, err
			}
			if ok, err := r.isRepository(here.Repository); ok || err != nil {
				if err != nil {
					return nil, err
				}
				add(here.Repository, here)
				continue
			}
		}
		if all == nil {
			if all, err = r.repositoryNames(ctx); err != nil {
				return nil, err
			}
		}
		here, found := p.Among(all, false)
		switch {
		case len(found) == 0 && name.IsGlob(p.Repository):
			return nil, &layout.HintError{Err: fmt.Errorf("%w repository that matches %q", errNothing, p.Text), Hint: "in a glob, * matches within a part of a name, and ** across parts; the repositories", Command: []string{"ls"}}
		case len(found) == 0:
			return nil, mark.UnknownRepository(here.Repository, all)
		}
		for _, repository := range found {
			add(repository, here)
		}
	}
	return list, nil
}

// repositoryNames are the names of all repositories, in a look of their own.
func (r *reading) repositoryNames(ctx context.Context) (all []string, err error) {
	names := inspect.NewNames(func(string) bool { return false })
	if _, err := r.look(ctx, names); err != nil {
		return nil, err
	}
	all = []string{}
	for _, in := range names.All() {
		all = append(all, in.Repository)
	}
	return all, nil
}

// asSeveral reports whether what was named may be several repositories, so that
// the answer has the form for several whatever is found.
func asSeveral(patterns []name.Pattern) bool {
	return len(patterns) > 1 || name.IsGlob(patterns[0].Repository)
}

// wholly reports whether the repository as a whole was named.
func (w *within) wholly() bool {
	return slices.ContainsFunc(w.patterns, func(p name.Pattern) bool { return p.Whole() })
}

func (r *reading) isShort(o *lsOptions) bool { return term.IsTerminal(r.out) && !o.noTrunc && !o.quiet }
