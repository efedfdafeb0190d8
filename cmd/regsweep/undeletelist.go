package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep/back"
)

// undeleteSchema names the version of the JSON of undelete and ls --deleted.
const undeleteSchema = "regsweep/undelete/v1"

// lostImage is an image in the list of what could be, or was, brought back.
type lostImage struct {
	Repository string   `json:"repository"`
	Digest     string   `json:"digest"`
	MediaType  string   `json:"mediaType"`
	Tag        string   `json:"tag"`
	Deleted    *string  `json:"deleted"`
	How        string   `json:"how"`
	Complete   bool     `json:"complete"`
	Missing    []string `json:"missing"`
	Bytes      int64    `json:"bytes"`
	Restored   bool     `json:"restored"`
}

// lostList is what undelete and ls --deleted print as JSON.
type lostList struct {
	Schema string      `json:"schema"`
	Root   string      `json:"root"`
	DryRun *bool       `json:"dryRun,omitempty"`
	Images []lostImage `json:"images"`
}

func (j *backJob) lostList(plan *back.Plan, dryRun *bool) lostList {
	list := lostList{Schema: undeleteSchema, Root: term.Valid(j.place.Root), DryRun: dryRun, Images: []lostImage{}}
	for _, i := range plan.Images {
		one := lostImage{
			Repository: term.Valid(i.Repository), Digest: i.Digest.String(), MediaType: term.Valid(i.MediaType), Tag: i.Tag,
			Deleted: timeText(i.Went), How: string(i.How), Complete: i.Complete(), Missing: texts(i.Missing), Bytes: i.Bytes, Restored: i.Restored,
		}
		if i.NewTag != "" {
			one.Tag = i.NewTag
		}
		list.Images = append(list.Images, one)
	}
	return list
}

// deleted lists what could be brought back of the repositories that patterns
// name, or of all.
func (j *backJob) deleted(ctx context.Context, patterns []name.Pattern) (*back.Plan, error) {
	wants, err := j.wants(ctx, patterns)
	if err != nil {
		return nil, err
	}
	list, err := back.Find(ctx, j.w, wants, true)
	if err != nil {
		return nil, err
	}
	return back.New(ctx, j.store, list)
}

// verifyDeleted holds ls --deleted to what the list of undelete knows.
func (o *lsOptions) verifyDeleted() error {
	switch {
	case o.form.tags || o.form.history || o.filter.untagged || o.filter.reverse || o.sort != "name" || !retention.Ago(o.olderThan).IsZero():
		return errors.New("--deleted is a list of its own, and takes no --tags, --history, --sort, --reverse, --older-than or --untagged")
	case slices.ContainsFunc(o.patterns, func(p name.Pattern) bool { return !p.Whole() }):
		return errors.New("--deleted lists repositories: give a NAME without tag and digest")
	}
	return nil
}

// lsDeleted lists what undelete lists.
func (p *program) lsDeleted(ctx context.Context, o *lsOptions) error {
	j, err := p.openBack(ctx, "ls", &o.common, o.registry, false, false)
	if err != nil {
		return err
	}
	defer j.close()
	plan, err := j.deleted(ctx, o.patterns)
	if err != nil {
		return err
	}
	return j.writeDeleted(plan)
}

// lostRow is an image in TSV.
type lostRow struct{ lostImage }

// writeDeleted writes the list.
func (j *backJob) writeDeleted(plan *back.Plan) error {
	l := listing{result: j.lostList(plan, nil)}
	l.table.Columns = []term.Column{{Title: "IMAGE", Least: 30}, {Title: "HOW"}, {Title: "WENT"}, {Title: "CREATED", Drop: 1}, {Title: "SIZE", Right: true}, {Title: "TAG", Drop: 2}, {Title: "STATE"}}
	rows := []lostRow{}
	short := term.IsTerminal(j.out)
	for k, i := range plan.Images {
		one := l.result.(lostList).Images[k]
		rows = append(rows, lostRow{one})
		l.names = append(l.names, i.Repository+"@"+one.Digest)
		l.table.Add(cells(i.Repository+"@"+term.ShortDigest(one.Digest, short), one.How, shortTime(one.Deleted), createdText(i), term.Size(i.Bytes), orDash(i.Tag), stateText(i))...)
	}
	l.rows = rows
	if len(plan.Images) == 0 && j.output == "table" && !j.quiet {
		j.fileResult(l.result)
		_, err := fmt.Fprintln(j.out, "no image that was deleted is still stored")
		return err
	}
	if len(plan.Images) > 0 {
		l.notes = []string{"to bring one back: " + j.where.Command("undelete", "NAME@DIGEST", "--tag", "TAG")}
	}
	r := &reading{program: j.program, common: j.common, place: j.place}
	return r.writeListing(&lsOptions{common: *j.common}, &l)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func createdText(i *back.Image) string {
	if i.Created.IsZero() || i.Created.Year() < 1981 {
		return "-"
	}
	return i.Created.UTC().Format("2006-01-02 15:04")
}

func stateText(i *back.Image) string {
	switch {
	case i.Err != nil:
		return "damaged"
	case !i.Complete():
		return "lacks " + term.Plural(len(i.Missing), "blob")
	}
	return "whole"
}

// tellBack writes to stdout what was done, or would be.
func (j *backJob) tellBack(o *undeleteOptions, plan *back.Plan, executed bool) error {
	result := j.lostList(plan, &o.consent.dryRun)
	j.fileResult(result)
	switch {
	case j.output == "json":
		return j.writeJSON(result)
	case j.quiet:
		return nil
	}
	_, err := j.out.Write([]byte(j.backText(o, plan, executed)))
	return err
}

// backText says what was brought back, or would be.
func (j *backJob) backText(o *undeleteOptions, plan *back.Plan, executed bool) string {
	var text strings.Builder
	n, bytes := 0, int64(0)
	untagged := ""
	const most = 20
	for _, i := range plan.Images {
		comesBack := i.Restored || !executed && i.Err == nil && (i.Complete() || o.scope.partial) && i.Changes()
		if !comesBack {
			if i.Linked && i.Err == nil {
				fmt.Fprintf(&text, "%s@%s is not deleted: nothing to do\n", term.Harmless(i.Repository), i.Digest)
			}
			continue
		}
		n, bytes = n+1, bytes+i.Bytes
		if i.NewTag == "" && untagged == "" && i.Complete() {
			untagged = i.Repository + "@" + i.Digest.String()
		}
		if n <= most || j.verbose {
			fmt.Fprintf(&text, "  %s\n", term.Harmless(backLine(i)))
		}
	}
	if n > most && !j.verbose {
		fmt.Fprintf(&text, "  and %s more, which -v lists\n", term.Comma(n-most))
	}
	done := "would be brought back"
	if executed {
		done = "brought back"
	}
	if untagged != "" && executed {
		fmt.Fprintf(&text, "to give an image a tag, without which gc -m removes it: %s\n", j.where.Command("tag", untagged, "TAG"))
	}
	switch {
	case n == 0 && len(plan.Images) == 0:
		text.WriteString("nothing to bring back\n")
	case n > 0:
		fmt.Fprintf(&text, "%s: %s (%s)\n", done, term.Plural(n, "image"), term.Size(bytes))
	}
	return text.String()
}

func backLine(i *back.Image) string {
	line := i.Repository + "@" + i.Digest.String()
	if i.NewTag != "" {
		line += ", as " + i.Repository + ":" + i.NewTag
	}
	if !i.Complete() {
		line += " (lacks " + term.Plural(len(i.Missing), "blob") + ")"
	}
	return line
}
