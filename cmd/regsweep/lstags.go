package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/inspect"
)

// lsTag is a line of ls --tags.
type lsTag struct {
	Name string  `json:"name"`
	Set  *string `json:"set"`
	lsManifest

	set int64
}

// lsTagsOf are the tags of one repository.
type lsTagsOf struct {
	Repository string  `json:"repository"`
	Tags       []lsTag `json:"tags"`
}

// writeTags writes a line for each tag.
func (r *reading) writeTags(o *lsOptions, where []within, list []lsOf) error {
	type line struct {
		lsRepositoryName
		lsTag
	}
	result, lines, l := []lsTagsOf{}, []line{}, listing{}
	l.table.Columns = append([]term.Column{{Title: "TAG", Least: 20}, {Title: "SET", Drop: 8}}, r.manifestColumns()...)
	if asSeveral(o.patterns) {
		l.table.Columns = append([]term.Column{{Title: "REPOSITORY", Least: 12}}, l.table.Columns...)
	}
	for i := range list {
		at := slices.IndexFunc(where, func(w within) bool { return term.Valid(w.repository) == list[i].Repository })
		of := lsTagsOf{list[i].Repository, r.tagsOf(o, &where[at], list[i].Manifests)}
		result = append(result, of)
		for k := range of.Tags {
			t := &of.Tags[k]
			row := append([]string{t.Name, r.day(t.set)}, r.manifestCells(&t.lsManifest, r.isShort(o))...)
			if asSeveral(o.patterns) {
				row = append([]string{of.Repository}, row...)
			}
			l.table.Add(cells(row...)...)
			l.names = append(l.names, of.Repository+":"+t.Name)
			lines = append(lines, line{lsRepositoryName{of.Repository}, *t})
		}
	}
	l.rows, l.result = lines, struct {
		heading
		Repositories []lsTagsOf `json:"repositories"`
	}{r.heading("ls-tags"), result}
	if !asSeveral(o.patterns) {
		one := lsTagsOf{term.Valid(o.patterns[0].Repository), []lsTag{}}
		if len(result) > 0 {
			one = result[0]
		}
		l.rows, l.result = one.Tags, struct {
			heading
			lsTagsOf
		}{r.heading("ls-tags"), one}
	}
	return r.writeListing(o, &l)
}

// tagsOf makes a line of each tag that was named, and sorts them.
func (r *reading) tagsOf(o *lsOptions, w *within, manifests []lsManifest) []lsTag {
	tags := []lsTag{}
	for i := range manifests {
		m := &manifests[i]
		for k, tag := range m.info.Tags {
			if w.namesTag(tag, m.info.Digest) && r.isOlder(o, m.info.Set[k]) {
				tags = append(tags, lsTag{Name: term.Valid(tag), Set: timeText(m.info.Set[k]), lsManifest: *m, set: m.info.Set[k]})
			}
		}
	}
	slices.SortStableFunc(tags, func(a, b lsTag) int {
		first := 0
		switch o.sort {
		case "name":
		case "pushed":
			first = cmp.Compare(b.set, a.set)
		default:
			first = compareManifests(o.sort, &a.lsManifest, &b.lsManifest)
		}
		return cmp.Or(first, strings.Compare(a.Name, b.Name))
	})
	if o.filter.reverse {
		slices.Reverse(tags)
	}
	return tags
}

// lsHistory is a tag with what it named, the last first.
type lsHistory struct {
	Name    string    `json:"name"`
	Digest  string    `json:"digest"`
	History []lsEntry `json:"history"`
}

type lsEntry struct {
	Digest string  `json:"digest"`
	Set    *string `json:"set"`
	Linked bool    `json:"linked"`
	Stored bool    `json:"stored"`
}

// lsHistoriesOf are the tags of one repository.
type lsHistoriesOf struct {
	Repository string      `json:"repository"`
	Tags       []lsHistory `json:"tags"`
}

func (r *reading) listHistories(ctx context.Context, o *lsOptions) error {
	where, err := r.withins(ctx, o.patterns)
	if err != nil {
		return err
	}
	histories := inspect.NewHistories(func(repository, tag string) bool {
		return slices.ContainsFunc(where, func(w within) bool {
			return w.repository == repository && w.namesTag(tag, layout.Digest{})
		})
	})
	if _, err := r.look(ctx, histories); err != nil {
		return err
	}
	result, l := []lsHistoriesOf{}, listing{}
	type line struct {
		lsRepositoryName
		Name string `json:"name"`
		lsEntry
	}
	lines := []line{}
	l.table.Columns = []term.Column{{Title: "TAG", Least: 20}, {Title: "SET"}, {Title: "DIGEST"}, {Title: "NOW"}, {Title: "IMAGE"}}
	for _, w := range where {
		of := lsHistoriesOf{term.Valid(w.repository), historiesOf(o, histories.Of(w.repository))}
		result = append(result, of)
		for i := range of.Tags {
			t := &of.Tags[i]
			for k := range t.History {
				e := &t.History[k]
				l.table.Add(cells(of.Repository+":"+t.Name, shortTime(e.Set), term.ShortDigest(e.Digest, r.isShort(o)), e.nowCell(t), e.stateCell())...)
				l.names = append(l.names, of.Repository+"@"+e.Digest)
				lines = append(lines, line{lsRepositoryName{of.Repository}, t.Name, *e})
			}
		}
	}
	l.rows, l.result = lines, struct {
		heading
		Repositories []lsHistoriesOf `json:"repositories"`
	}{r.heading("ls-history"), result}
	if !asSeveral(o.patterns) {
		if p := &o.patterns[0]; len(result[0].Tags) == 0 && p.Tag != "" {
			return &layout.HintError{Err: fmt.Errorf("%w tag %s", errNothing, p), Hint: "the tags", Command: []string{"ls", where[0].repository}}
		}
		l.result = struct {
			heading
			lsHistoriesOf
		}{r.heading("ls-history"), result[0]}
	}
	return r.writeListing(o, &l)
}

func historiesOf(o *lsOptions, found []inspect.TagHistoryOf) []lsHistory {
	list := []lsHistory{}
	for _, h := range found {
		one := lsHistory{Name: term.Valid(h.Name), History: []lsEntry{}}
		if !h.Digest.IsZero() {
			one.Digest = h.Digest.String()
		}
		for _, e := range h.Entries {
			one.History = append(one.History, lsEntry{e.Digest.String(), timeText(e.Set), e.Linked, e.Stored})
		}
		list = append(list, one)
	}
	if o.filter.reverse {
		slices.Reverse(list)
	}
	return list
}

func (e *lsEntry) nowCell(t *lsHistory) string {
	if e.Digest == t.Digest {
		return "now"
	}
	return ""
}

// stateCell says whether the image that a tag named is still there.
func (e *lsEntry) stateCell() string {
	switch {
	case e.Linked && e.Stored:
		return "there"
	case e.Stored:
		return "deleted, and still stored"
	}
	return "gone"
}
