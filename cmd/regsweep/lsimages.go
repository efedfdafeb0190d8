package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/retention"
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
			return nil, &layout.HintError{Err: fmt.Errorf("%w repository that matches %q", errNothing, p.Text), Hint: "in a glob * stays within a part of a name, and ** does not; the repositories", Command: []string{"ls"}}
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
	names := mark.NewNames(func(string) bool { return false })
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

func (r *reading) listImages(ctx context.Context, o *lsOptions) error {
	where, err := r.withins(ctx, o.patterns)
	if err != nil {
		return err
	}
	if p := &o.patterns[0]; !asSeveral(o.patterns) && !p.Globs() && !p.Whole() && !o.form.tags {
		return r.listLayers(ctx, o, &where[0])
	}
	names := make([]string, len(where))
	for i := range where {
		names[i] = where[i].repository
	}
	survey := mark.NewSurvey(names...)
	look, err := r.look(ctx, survey)
	if err != nil {
		return err
	}
	list := []lsOf{}
	for i := range where {
		infos, ok := survey.Manifests(look, where[i].repository)
		if !ok {
			continue // it has gone since
		}
		found := r.describe(ctx, infos)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		one := lsOf{Repository: term.Valid(where[i].repository), Manifests: slices.DeleteFunc(found, func(m lsManifest) bool {
			return !where[i].names(&m.info) || o.filter.untagged && len(m.Tags) > 0 || !o.form.tags && !r.isOlder(o, m.info.Pushed)
		})}
		o.sortManifests(one.Manifests)
		if len(one.Manifests) > 0 || where[i].wholly() {
			list = append(list, one)
		}
	}
	if err := r.readable(); err != nil {
		return err
	}
	if len(list) == 0 && !o.filter.untagged && retention.Ago(o.olderThan).IsZero() {
		return &layout.HintError{Err: fmt.Errorf("%w image that matches %q", errNothing, o.patterns[0].Text), Hint: "the images there", Command: []string{"ls", where[0].repository}}
	}
	if o.form.tags {
		return r.writeTags(o, where, list)
	}
	return r.writeManifests(o, list)
}

// wholly reports whether the repository as a whole was named.
func (w *within) wholly() bool {
	return slices.ContainsFunc(w.patterns, func(p name.Pattern) bool { return p.Whole() })
}

func (o *lsOptions) sortManifests(list []lsManifest) {
	for i := range list {
		if list[i].info.Unread != "" {
			o.unread++
		}
	}
	slices.SortStableFunc(list, func(a, b lsManifest) int { return compareManifests(o.sort, &a, &b) })
	if o.filter.reverse {
		slices.Reverse(list)
	}
}

func (r *reading) isShort(o *lsOptions) bool { return term.IsTerminal(r.out) && !o.noTrunc && !o.quiet }

func (r *reading) writeManifests(o *lsOptions, list []lsOf) error {
	l := listing{result: struct {
		Repositories []lsOf `json:"repositories"`
	}{list}}
	type line struct {
		lsRepositoryName
		lsManifest
	}
	lines := []line{}
	l.table.Columns = append([]term.Column{{Title: "TAGS", Least: 12}}, r.manifestColumns()...)
	if asSeveral(o.patterns) {
		l.table.Columns = append([]term.Column{{Title: "REPOSITORY", Least: 12}}, l.table.Columns...)
	}
	for i := range list {
		for k := range list[i].Manifests {
			m := &list[i].Manifests[k]
			row := append([]string{m.tagCell()}, r.manifestCells(m, r.isShort(o))...)
			if asSeveral(o.patterns) {
				row = append([]string{list[i].Repository}, row...)
			}
			l.table.Add(cells(row...)...)
			l.names = append(l.names, list[i].Repository+"@"+m.Digest)
			lines = append(lines, line{lsRepositoryName{list[i].Repository}, *m})
		}
	}
	l.rows = lines
	if !asSeveral(o.patterns) {
		one := lsOf{Repository: term.Valid(o.patterns[0].Repository), Manifests: []lsManifest{}}
		if len(list) > 0 {
			one = list[0]
		}
		l.result, l.rows = one, one.Manifests
	}
	return r.writeListing(o, &l)
}

// describe reads what the manifests and their configurations say.
func (r *reading) describe(ctx context.Context, infos []mark.ManifestInfo) []lsManifest {
	list := make([]lsManifest, len(infos))
	r.w.Each(ctx, len(infos), func(i int) {
		info := infos[i]
		d := r.store.Describe(r.w, info.Digest)
		list[i] = lsManifest{
			Digest: info.Digest.String(), Tags: []string{}, MediaType: term.Valid(d.MediaType), ArtifactType: term.Valid(d.ArtifactType),
			ConfigMediaType: term.Valid(d.ConfigMediaType), Labels: map[string]string{}, layers: d.Layers,
			Platforms: []string{}, Protected: valids(info.Protected), Pushed: timeText(info.Pushed), Bytes: info.Bytes, UniqueBytes: info.UniqueBytes,
			Subject: info.Subject.String(), Referrers: texts(info.Referrers), Children: texts(d.Children),
			info: info, created: d.Created,
		}
		for name, value := range d.Labels {
			list[i].Labels[term.Valid(name)] = term.Valid(value)
		}
		for _, tag := range info.Tags {
			list[i].Tags = append(list[i].Tags, term.Valid(tag))
		}
		for _, p := range d.Platforms {
			list[i].Platforms = append(list[i].Platforms, term.Valid(p))
		}
	})
	created := map[string]time.Time{}
	for i := range list {
		created[list[i].Digest] = list[i].created
	}
	for i := range list {
		m := &list[i]
		for _, child := range m.Children {
			// An index is as old as its newest child.
			if c := created[child]; c.After(m.created) {
				m.created = c
			}
		}
		if !m.created.IsZero() {
			text := m.created.Format(time.RFC3339)
			m.Created = &text
		}
	}
	return list
}
