package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
)

// lsOptions are what ls was asked to list.
type lsOptions struct {
	common
	repository string
	sort       string
	olderThan  ago
	untagged   bool
	noTrunc    bool
	unread     int // manifests that were to be listed and cannot be read
}

func (p *program) lsCommand() *cobra.Command {
	o := &lsOptions{}
	cmd := &cobra.Command{
		Use:   "ls [REPOSITORY]",
		Short: "list repositories, or the images of one, with what they take and what only they take",
		Long: `ls lists the repositories with their tags, manifests, size, unique size (of what no other
repository references), reclaimable size (what gc would free) and last push. With a
REPOSITORY it lists its manifests: tags, digest, type, platforms, when they were pushed
and created, size, unique size (what removing this one alone would free) and referrers.

It changes nothing and takes no lock. With -q it prints names only, or digests.` + readingStatusHelp,
		Example: `  regsweep ls --sort reclaimable                   where gc would free the most
  regsweep ls team/app --sort unique               the images whose deletion would free the most
  regsweep ls team/app --untagged --older-than 30d
  regsweep ls team/app -o json | jq -r '.manifests[] | select(.tags == []) | .digest'`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.MaximumNArgs(1)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.ls(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().StringVar(&o.sort, "sort", "name", "order by `KEY`: name, size, unique, reclaimable, pushed or created; the largest and the newest first")
	cmd.Flags().Var(&o.olderThan, "older-than", "only what was pushed longer ago than this `AGE`, or before a date")
	cmd.Flags().BoolVar(&o.untagged, "untagged", false, "only manifests without a tag, or repositories that have such")
	cmd.Flags().BoolVar(&o.noTrunc, "no-trunc", false, "whole digests and names on a terminal, too")
	return cmd
}

var sortKeys = []string{"name", "size", "unique", "reclaimable", "pushed", "created"}

func (o *lsOptions) verify(f *pflag.FlagSet, args []string) error {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if !slices.Contains(sortKeys, o.sort) {
		return &layout.HintError{Err: quoted("--sort %s is no order", o.sort), Hint: "it is one of " + strings.Join(sortKeys, ", ")}
	}
	if len(args) == 0 {
		return nil
	}
	o.repository = args[0]
	if t, err := parseTarget(args[0]); err == nil {
		return &layout.HintError{Err: quoted("%s is an image", args[0]), Hint: "regsweep ls " + t.Repository + " lists it among the others"}
	}
	if o.repository == "" {
		return fmt.Errorf("the argument is empty: it is the name of a repository")
	}
	return nil
}

func (p *program) ls(ctx context.Context, o *lsOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	r, err := p.open(ctx, "ls", &o.common, "")
	if err != nil {
		return err
	}
	defer r.close()
	survey := mark.NewSurvey(o.repository)
	look, err := r.look(ctx, survey)
	if err != nil {
		return err
	}
	if o.repository == "" {
		err = r.listRepositories(o, look, survey)
	} else {
		err = r.listManifests(ctx, o, look, survey)
	}
	if err == nil {
		p.status = r.readingVerdict(o.unread)
	}
	return err
}

// lsRepository is a line of ls.
type lsRepository struct {
	sweep.RepositoryLine
	LastPushed *string `json:"lastPushed"`
	pushed     int64
}

func (r *reading) listRepositories(o *lsOptions, look *mark.Look, survey *mark.Survey) error {
	list := []lsRepository{}
	for _, line := range sweep.New(look).Report(false).Repositories {
		l := lsRepository{RepositoryLine: line, pushed: survey.Pushed(line.Name)}
		if o.untagged && survey.Untagged(line.Name) == 0 || !r.isOlder(o, l.pushed) {
			continue
		}
		l.Name, l.LastPushed = valid(l.Name), timeText(l.pushed)
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b lsRepository) int {
		switch o.sort {
		case "size":
			return cmp.Compare(b.Bytes, a.Bytes)
		case "unique":
			return cmp.Compare(b.UniqueBytes, a.UniqueBytes)
		case "reclaimable":
			return cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes)
		case "pushed", "created":
			return cmp.Compare(b.pushed, a.pushed)
		}
		return 0
	})
	result := struct {
		Repositories []lsRepository `json:"repositories"`
	}{list}
	if r.fileResult(result); o.output == "json" {
		return r.writeJSON(result)
	}
	t := table{columns: []column{
		{title: "REPOSITORY", least: 20},
		{title: "TAGS", right: true, drop: 4},
		{title: "MANIFESTS", right: true, drop: 3},
		{title: "SIZE", right: true},
		{title: "UNIQUE", right: true},
		{title: "RECLAIMABLE", right: true},
		{title: "LAST PUSH", drop: 2},
	}}
	for _, l := range list {
		t.add(harmless(l.Name), comma(l.Tags), comma(l.Manifests), size(l.Bytes), size(l.UniqueBytes), size(l.ReclaimableBytes), r.day(l.pushed))
	}
	return r.writeList(o, &t, 0)
}

// isOlder reports whether something was pushed long enough ago to be listed.
func (r *reading) isOlder(o *lsOptions, pushed int64) bool {
	return o.olderThan.isZero() || pushed <= o.olderThan.from(r.rules.Now).UnixNano()
}

// writeList writes a table, or with -q one of its columns.
func (r *reading) writeList(o *lsOptions, t *table, name int) error {
	if !o.quiet {
		width := terminalWidth(r.out)
		if o.noTrunc {
			width = 0
		}
		return t.write(r.out, width)
	}
	for _, row := range t.rows {
		if _, err := fmt.Fprintln(r.out, row[name]); err != nil {
			return err
		}
	}
	return nil
}

// timeText is a time for JSON; there is none before 1970.
func timeText(nanoseconds int64) *string {
	if nanoseconds <= 0 {
		return nil
	}
	text := time.Unix(0, nanoseconds).UTC().Format(time.RFC3339)
	return &text
}

// day is a time for people, to the minute.
func (r *reading) day(nanoseconds int64) string {
	if nanoseconds <= 0 {
		return "-"
	}
	return time.Unix(0, nanoseconds).UTC().Format("2006-01-02 15:04")
}
