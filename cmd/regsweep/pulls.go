package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/pulls"
	"github.com/regsweep/regsweep/sweep"
)

// pullsSchema names the version of the JSON of pulls.
const pullsSchema = "regsweep/pulls/v1"

// pullsOptions are what a command about the table of pulls was asked to do.
type pullsOptions struct {
	common
	files []string
}

func (p *program) pullsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pulls",
		Short: "read from access logs which images are used",
		Long: `A registry does not record pulls in its store, but its access log shows them, and
so do the logs of proxies in front of it. pulls keeps a table of the last pulls
in docker/registry/v2/.regsweep/pulls. The rules pulled-within and pulled of a
retention policy read it.

A running container does not pull its image again: see regsweep prune --protect.`,
		Example: `  regsweep pulls read /var/log/registry/access.log
  regsweep pulls ls`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command pulls %s", args[0]), Hint: "regsweep pulls --help lists them"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.pullsReadCommand(), p.pullsListCommand())
	return cmd
}

func (p *program) pullsReadCommand() *cobra.Command {
	o := &pullsOptions{}
	cmd := &cobra.Command{
		Use:   "read FILE ...",
		Short: "add the pulls in access logs to the table",
		Long: `read adds the pulls in access logs to the table of the store. It reads the logs of
the registry itself, of nginx, Traefik and Caddy, and notifications that a
receiver has stored. Logs can be gzipped, and can have the form in which Docker,
containerd, syslog or journald keep them. - is standard input. Read each log
once, after it has been rotated. If you read it twice, the times are right, but
the counts are not.

A log covers the time between its lines. Lines with a time in the future, or
before the oldest file of the store, are ignored. If a file has no request, the
status is 1, but the others are still read.` + exitStatusHelp,
		Example: `  regsweep pulls read /var/log/registry/access.log.1
  docker logs registry | regsweep pulls read -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.files = args; len(args) == 0 {
				return usage(&layout.HintError{Err: errors.New("pulls read needs to know which logs"), Hint: "give FILEs, or - for standard input"})
			}
			if err := errors.Join(o.verify(cmd.Flags()), verifyLogs(args)); err != nil {
				return usage(err)
			}
			return p.pullsRead(cmd.Context(), o)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (p *program) pullsListCommand() *cobra.Command {
	o := &pullsOptions{}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "list the last pulls",
		Long: `ls lists what has been pulled, when it was last pulled, and how often, by the
logs that pulls read has read. It also shows which times these logs cover. With
-q it prints only names.` + exitStatusHelp,
		Example: `  regsweep pulls ls
  regsweep pulls ls -o tsv | sort -k 4`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.verify(cmd.Flags()); err != nil {
				return usage(err)
			}
			return p.pullsList(o)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (o *pullsOptions) add(f *pflag.FlagSet) {
	o.common.add(f)
	f.Lookup("output").Usage = "`FORMAT` of the list: table, json or tsv"
}

func (o *pullsOptions) verify(f *pflag.FlagSet) error {
	tsv := o.output == "tsv"
	if tsv {
		o.output = "table" // for the check of what all commands know
	}
	err := errors.Join(o.common.verify(f), o.verifyReport(endJSON))
	if tsv {
		o.output = "tsv"
	}
	return err
}

// verifyLogs refuses names of logs that cannot be meant.
func verifyLogs(files []string) error {
	stdin := 0
	for _, file := range files {
		switch file {
		case "":
			return errors.New("the name of a log is empty")
		case "-":
			if stdin++; stdin > 1 {
				return errors.New("standard input can be read once")
			}
		}
	}
	return nil
}

// pulledLine is a line of the table of pulls.
type pulledLine struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"`    // "" if it was pulled by its digest
	Digest     string `json:"digest"` // "" if it is not known
	Last       string `json:"last"`
	Count      int64  `json:"count"`
}

// coveredSpan is a time that logs tell of.
type coveredSpan struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// pullsResult is what pulls ls and pulls read print.
type pullsResult struct {
	Schema  string        `json:"schema"`
	Root    string        `json:"root"`
	Covered []coveredSpan `json:"covered"`
	Pulls   []pulledLine  `json:"pulls"`
	*readCounts
}

// readCounts are what pulls read says of the lines of logs.
type readCounts struct {
	Lines      int64 `json:"lines"`
	Used       int64 `json:"used"`
	Ignored    int64 `json:"ignored"`
	Unreadable int64 `json:"unreadable"`
}

func (p *program) pullsList(o *pullsOptions) error {
	p.voice.Quiet = o.quiet
	p.fileList("pulls ls", &o.common)
	place, err := p.locate(&o.common, "")
	if err != nil {
		return err
	}
	if err := p.filing.verifyPlace(&place); err != nil {
		return err
	}
	store, err := p.files.OpenStore(place.Store)
	if err != nil {
		return fmt.Errorf("open the store %q: %w", place.Store, err)
	}
	defer store.Close()
	table, err := sweep.ReadPulls(store)
	if err != nil {
		return pullsHint(err, place.Store)
	}
	if table == nil {
		table = pulls.NewTable()
	}
	return p.writePulls(o, resultOfPulls(place.Root, table))
}

func resultOfPulls(root string, table *pulls.Table) *pullsResult {
	r := &pullsResult{Schema: pullsSchema, Root: term.Valid(root), Covered: []coveredSpan{}, Pulls: []pulledLine{}}
	for _, s := range table.Spans() {
		r.Covered = append(r.Covered, coveredSpan{secondsText(s.From), secondsText(s.To)})
	}
	for _, one := range table.Pulls(nil) {
		line := pulledLine{Repository: one.Repository, Tag: one.Tag, Last: secondsText(one.Last), Count: one.Count}
		if !one.Digest.IsZero() {
			line.Digest = one.Digest.String()
		}
		r.Pulls = append(r.Pulls, line)
	}
	return r
}

func secondsText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// writePulls writes the table as it was asked for.
func (p *program) writePulls(o *pullsOptions, r *pullsResult) error {
	p.fileResult(r)
	switch o.output {
	case "json":
		return p.writeJSON(r)
	case "tsv":
		return term.WriteTSV(p.out, r.Pulls, !o.quiet)
	}
	var text strings.Builder
	if o.quiet {
		last := ""
		for i := range r.Pulls {
			if name := r.Pulls[i].name(); name != last {
				fmt.Fprintln(&text, name)
				last = name
			}
		}
		_, err := p.out.Write([]byte(text.String()))
		return err
	}
	for _, s := range r.Covered {
		fmt.Fprintf(&text, "logs cover %s to %s\n", minuteText(s.From), minuteText(s.To))
	}
	if len(r.Pulls) == 0 {
		fmt.Fprintf(&text, "no pulls are known; to read them from access logs: %s\n", p.where.Command("pulls", "read", "FILE"))
		_, err := p.out.Write([]byte(text.String()))
		return err
	}
	t := term.Table{Columns: []term.Column{{Title: "REPOSITORY", Least: 16}, {Title: "TAG", Least: 12}, {Title: "DIGEST", Least: 19}, {Title: "LAST PULL"}, {Title: "PULLS", Right: true}}}
	for i := range r.Pulls {
		l := &r.Pulls[i]
		t.Add(l.Repository, term.Dash(l.Tag), term.Dash(l.Digest), minuteText(l.Last), term.Comma(int(l.Count)))
	}
	if err := t.Write(&text, term.Width(p.out)); err != nil {
		return err
	}
	_, err := p.out.Write([]byte(text.String()))
	return err
}

func (l *pulledLine) name() string {
	if l.Tag != "" {
		return l.Repository + ":" + l.Tag
	}
	return l.Repository + "@" + l.Digest
}

// minuteText is a time of JSON for people, to the minute.
func minuteText(text string) string {
	return strings.Replace(text[:len("2006-01-02T15:04")], "T", " ", 1)
}

func (p *program) pullsRead(ctx context.Context, o *pullsOptions) error {
	r, err := p.open(ctx, "pulls read", &o.common, "")
	if err != nil {
		return err
	}
	defer r.close()
	tagged, err := readTagged(ctx, r.dir, o.jobs, r.rules.Resumed)
	if err != nil {
		return err
	}
	logs := p.logsOf(tagged.reach(r.store.Oldest(), r.rules.Now))
	err = logs.read(ctx, o.files)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if logs.readable == 0 {
		return errors.Join(err, errors.New("nothing has been changed"))
	}
	all, mergeErr := r.mergePulls(ctx, logs.table)
	if mergeErr != nil {
		return errors.Join(err, mergeErr)
	}
	result := resultOfPulls(r.place.Root, all)
	result.readCounts = &readCounts{logs.sum.Lines, logs.sum.Used, logs.sum.Ignored, logs.sum.Unreadable}
	if !o.quiet && o.output == "table" {
		fmt.Fprintf(p.out, "%s: %s used, %s ignored, %s unreadable\n", term.Plural(int(logs.sum.Lines), "line"), term.Comma(int(logs.sum.Used)), term.Comma(int(logs.sum.Ignored)), term.Comma(int(logs.sum.Unreadable)))
	}
	return errors.Join(p.writePulls(o, result), err)
}

// mergePulls adds a table to the store's own one, under the lock.
func (r *reading) mergePulls(ctx context.Context, added *pulls.Table) (*pulls.Table, error) {
	lock, err := sweep.WaitLock(ctx, r.dir, func() { r.voice.Say("regsweep: another run has the store's lock: waiting for its end") })
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w; nothing has been changed", r.place.Store, err)
	}
	defer lock.Release()
	all, err := sweep.ReadPulls(r.dir)
	if err != nil {
		return nil, pullsHint(err, r.place.Store)
	}
	if all == nil {
		all = pulls.NewTable()
	}
	if err := all.Merge(added); err != nil {
		return nil, err
	}
	if err := sweep.WritePulls(lock, all); err != nil {
		return nil, fmt.Errorf("write %q: %w; nothing has been changed", sweep.PullsPath, err)
	}
	return all, nil
}
