package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
)

// lsRepository is a line of ls.
type lsRepository struct {
	sweep.RepositoryLine
	WithUntagged int64    `json:"reclaimableWithUntaggedBytes"`
	Untagged     int      `json:"untagged"`
	LastPushed   *string  `json:"lastPushed"`
	Protected    []string `json:"protected"` // patterns of locks

	pushed int64
}

// lsNowhere is what belongs to no repository.
type lsNowhere struct {
	Blobs        int64 `json:"blobs"`
	Bytes        int64 `json:"bytes"`
	Reclaimable  int64 `json:"reclaimableBytes"`
	WithUntagged int64 `json:"reclaimableWithUntaggedBytes"`
}

// lsTotal is the whole store, each blob once.
type lsTotal struct {
	Repositories int `json:"repositories"`
	Tags         int `json:"tags"`
	Manifests    int `json:"manifests"`
	Untagged     int `json:"untagged"`
	lsNowhere
}

// lsResult is the JSON of ls.
type lsResult struct {
	Repositories []lsRepository `json:"repositories"`
	Nowhere      lsNowhere      `json:"noRepository"`
	Total        lsTotal        `json:"total"`
}

func (r *reading) listRepositories(ctx context.Context, o *lsOptions) error {
	survey := mark.NewSurvey()
	look, err := r.look(ctx, survey)
	if err != nil {
		return err
	}
	result, refused, err := r.countAll(ctx, survey, look)
	if err != nil {
		return err
	}
	all := len(result.Repositories)
	result.Repositories = slices.DeleteFunc(result.Repositories, func(l lsRepository) bool {
		return o.filter.untagged && l.Untagged == 0 || !r.isOlder(o, l.pushed)
	})
	slices.SortStableFunc(result.Repositories, func(a, b lsRepository) int { return compareRepositories(o.sort, &a, &b) })
	if o.filter.reverse {
		slices.Reverse(result.Repositories)
	}
	l := listing{result: result, rows: result.Repositories, table: r.repositoryTable(result)}
	for i := range result.Repositories {
		l.names = append(l.names, result.Repositories[i].Name)
	}
	l.notes = repositoryNotes(result, refused, all)
	if all == 0 && result.Total.Blobs == 0 {
		l.table = term.Table{}
		l.notes = []string{fmt.Sprintf("the store %s is empty: it has no repository and no blob", r.place.Root)}
	}
	return r.writeListing(o, &l)
}

// countAll counts what plain gc and gc -m would free, in two looks.
func (r *reading) countAll(ctx context.Context, survey *mark.Survey, look *mark.Look) (*lsResult, gcRefusals, error) {
	refused := r.refusals(look)
	plan := sweep.New(look)
	rep := plan.Report(false)
	result := &lsResult{Repositories: make([]lsRepository, len(rep.Repositories))}
	result.Total = lsTotal{Repositories: rep.Store.Repositories, Tags: rep.Store.Tags, Manifests: rep.Store.Manifests, Untagged: look.Totals.Untagged}
	result.Total.Blobs, result.Total.Bytes, result.Total.Reclaimable = rep.Store.Blobs, rep.Store.Bytes, rep.Removed.Bytes
	n := &result.Nowhere
	n.Blobs, n.Bytes, n.Reclaimable = survey.Nowhere(look)
	for i, line := range rep.Repositories {
		pushed := survey.Pushed(line.Name)
		result.Repositories[i] = lsRepository{RepositoryLine: line, Untagged: survey.Untagged(line.Name), LastPushed: timeText(pushed), Protected: valids(survey.Protected(line.Name)), pushed: pushed}
		result.Repositories[i].Name = term.Valid(line.Name)
	}
	if refused.plain != "" {
		result.forget()
	}
	result.sameWithUntagged()
	if look.Totals.Untagged == 0 || refused.untagged != "" {
		return result, refused, nil // gc -m takes nothing else
	}
	again := mark.NewSurvey()
	look, err := r.lookBy(ctx, again, func(rules *mark.Rules) { rules.DeleteUntagged, rules.OlderThan = true, defaultOlderThan })
	if err != nil {
		return nil, refused, err
	}
	rep = sweep.New(look).Report(false)
	if len(rep.Repositories) == len(result.Repositories) { // else a repository came or went meanwhile
		for i := range rep.Repositories {
			result.Repositories[i].WithUntagged = rep.Repositories[i].ReclaimableBytes
		}
	}
	_, _, n.WithUntagged = again.Nowhere(look)
	result.Total.WithUntagged = rep.Removed.Bytes
	return result, refused, nil
}

// forget takes back what gc would free, since it refuses the store.
func (l *lsResult) forget() {
	l.Total.Reclaimable, l.Nowhere.Reclaimable = 0, 0
	for i := range l.Repositories {
		l.Repositories[i].ReclaimableBytes = 0
	}
}

// sameWithUntagged says that gc -m frees what gc does.
func (l *lsResult) sameWithUntagged() {
	l.Total.WithUntagged, l.Nowhere.WithUntagged = l.Total.Reclaimable, l.Nowhere.Reclaimable
	for i := range l.Repositories {
		l.Repositories[i].WithUntagged = l.Repositories[i].ReclaimableBytes
	}
}

func compareRepositories(key string, a, b *lsRepository) int {
	switch key {
	case "size":
		return cmp.Compare(b.Bytes, a.Bytes)
	case "unique":
		return cmp.Compare(b.UniqueBytes, a.UniqueBytes)
	case "reclaimable":
		return cmp.Or(cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes), cmp.Compare(b.WithUntagged, a.WithUntagged))
	case "pushed", "created":
		return cmp.Compare(b.pushed, a.pushed)
	}
	return 0
}

func (r *reading) repositoryTable(l *lsResult) term.Table {
	t := term.Table{Columns: []term.Column{
		{Title: "REPOSITORY", Least: 20},
		{Title: "TAGS", Right: true, Drop: 4},
		{Title: "MANIFESTS", Right: true, Drop: 3},
		{Title: "UNTAGGED", Right: true, Drop: 5},
		{Title: "SIZE", Right: true},
		{Title: "UNIQUE", Right: true, Drop: 6},
		{Title: "RECLAIMABLE", Right: true},
		{Title: "WITH -m", Right: true},
		{Title: "LAST PUSH", Drop: 2},
	}}
	if r.locked() {
		t.Columns = append(t.Columns, term.Column{Title: "PROTECTED", Least: 9, Drop: 7})
	}
	add := func(protected string, row ...string) {
		if r.locked() {
			row = append(row, term.Harmless(protected))
		}
		t.Add(row...)
	}
	for i := range l.Repositories {
		one := &l.Repositories[i]
		add(protectedCell(one.Protected), term.Harmless(one.Name), term.Comma(one.Tags), term.Comma(one.Manifests), term.Comma(one.Untagged), term.Size(one.Bytes), term.Size(one.UniqueBytes), term.Size(one.ReclaimableBytes), term.Size(one.WithUntagged), r.day(one.pushed))
	}
	if n := &l.Nowhere; n.Blobs > 0 {
		add("", "(in no repository)", "", "", "", term.Size(n.Bytes), term.Size(n.Bytes), term.Size(n.Reclaimable), term.Size(n.WithUntagged), "")
	}
	total := &l.Total
	add("", "(the whole store)", term.Comma(total.Tags), term.Comma(total.Manifests), term.Comma(total.Untagged), term.Size(total.Bytes), "", term.Size(total.Reclaimable), term.Size(total.WithUntagged), "")
	return t
}

func repositoryNotes(l *lsResult, refused gcRefusals, all int) (notes []string) {
	sums := [3]int64{l.Nowhere.Bytes, l.Nowhere.Reclaimable, l.Nowhere.WithUntagged}
	for i := range l.Repositories {
		one := &l.Repositories[i]
		sums[0] += one.Bytes
		sums[1] += one.ReclaimableBytes
		sums[2] += one.WithUntagged
	}
	if sums[0] > l.Total.Bytes || sums[1] > l.Total.Reclaimable || sums[2] > l.Total.WithUntagged {
		notes = append(notes, report.ColumnsAddUpToMore)
	}
	if n := all - len(l.Repositories); n > 0 {
		notes = append(notes, fmt.Sprintf("%s not shown; the last row counts the whole store", english.Plural(n, "other repository is", "other repositories are")))
	}
	for _, why := range []string{refused.plain, refused.untagged} {
		if why != "" && !slices.Contains(notes, why) {
			notes = append(notes, why)
		}
	}
	return notes
}
