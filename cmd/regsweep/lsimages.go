package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/retention"
)

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
	// Once more: what the images say of themselves was read after the look.
	r.recalled.keep(ctx, r.store, r.w.Findings.Unreadable())
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
