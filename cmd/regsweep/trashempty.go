package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/trash"
)

func (p *program) trashEmptyCommand() *cobra.Command {
	o := &trashOptions{}
	cmd := &cobra.Command{
		Use:   "empty [RUN ...]",
		Short: "remove for good what is in the trash",
		Long: `empty removes runs from the trash for good: all of them, or those that you name,
or those that are older than --older-than. First it marks again what the
manifests of the store reach, and puts back items of the trash that are
referenced. If anything in the store cannot be read, nothing is removed.` + exitStatusHelp,
		Example: `  regsweep trash empty --dry-run
  regsweep trash empty --older-than 14d --yes      from cron
  regsweep trash empty 20261121T151002Z-gc --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.trashEmpty(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().Var(&o.olderThan, "older-than", "remove only runs that are older than this `AGE`, or a date")
	return cmd
}

func (p *program) trashEmpty(ctx context.Context, o *trashOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	o.runs = args
	j, bins, err := p.openRuns(ctx, "trash empty", o)
	if err != nil {
		return err
	}
	defer j.close()
	if !o.olderThan.isZero() {
		border := o.olderThan.from(j.started)
		bins = slices.DeleteFunc(bins, func(b *trash.Bin) bool { return b.Started.After(border) })
	}
	return j.empty(ctx, trash.NewEmptying(bins, j.rules, o.jobs, sweep.GiveBack))
}

func (j *trashJob) empty(ctx context.Context, e *trash.Emptying) error {
	free, err := j.store.Free()
	if err != nil {
		return err
	}
	if len(e.Bins) == 0 {
		return j.tellEmptied(e, free)
	}
	if err := e.Plan(ctx, j.store); err != nil {
		return &layout.HintError{
			Err:  fmt.Errorf("%w; nothing has been removed", err),
			Hint: "run as a user who can read the store, or repair the filesystem first",
		}
	}
	if j.consent.dryRun {
		return j.tellEmptied(e, free)
	}
	yes, err := j.ask(ctx, j.consent.yes, func() { fmt.Fprint(j.asking(), j.emptiedText(e, true, "")) }, "remove this for good?", "nothing has been removed")
	if err != nil || !yes {
		return err
	}
	failures, err := e.Execute(ctx, j.lock)
	j.sayFailures(failures)
	switch {
	case err == nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && len(failures) > 0:
		err = &layout.HintError{
			Err:  fmt.Errorf("%s not be removed; the others were removed", english.Plural(len(failures), "item could", "items could")),
			Hint: "once the cause is fixed, run it again",
		}
	}
	if terr := j.tellEmptied(e, free); terr != nil {
		return terr
	}
	return err
}

// tellEmptied writes what was done, or would be, to stdout.
func (j *trashJob) tellEmptied(e *trash.Emptying, free int64) error {
	after := free
	if !j.consent.dryRun {
		if now, err := j.store.Free(); err == nil {
			after = now
		}
	}
	out := struct {
		DryRun     bool             `json:"dryRun"`
		Runs       []string         `json:"runs"`
		Restored   []string         `json:"restored"`
		Removed    goneForGood      `json:"removed"`
		Filesystem sweep.Filesystem `json:"filesystem"`
	}{j.consent.dryRun, []string{}, []string{}, goneForGood{e.Items, e.Bytes}, sweep.Filesystem{FreeBefore: free, FreeAfter: after}}
	for _, b := range e.Bins {
		out.Runs = append(out.Runs, b.Name)
	}
	for _, path := range e.Back {
		out.Restored = append(out.Restored, term.Valid(path))
	}
	j.fileResult(out)
	switch {
	case j.output == "json":
		return j.writeJSON(out)
	case j.quiet:
		return nil
	}
	space := ""
	if !j.consent.dryRun {
		space = fmt.Sprintf("free space: %s before, %s after\n", term.Size(free), term.Size(after))
	}
	_, err := j.out.Write([]byte(j.emptiedText(e, j.consent.dryRun, space)))
	return err
}

// goneForGood is what left the trash for good.
type goneForGood struct {
	Items int   `json:"items"`
	Bytes int64 `json:"bytes"`
}

// emptiedText says what is removed, with a line about space before the last one, which
// is the outcome.
func (j *trashJob) emptiedText(e *trash.Emptying, would bool, space string) string {
	if len(e.Bins) == 0 {
		return "no run in the trash is to be removed\n"
	}
	var text strings.Builder
	for _, b := range e.Bins {
		fmt.Fprintf(&text, "run %s\n", b.Name)
	}
	removed, back := "removed for good", "put back, since it is referenced"
	if would {
		removed, back = "would be "+removed, "would be "+back
	}
	paths := e.Back
	if !j.verbose {
		paths = paths[:min(report.Shown, len(paths))]
	}
	for _, path := range paths {
		fmt.Fprintln(&text, term.Harmless(back+": "+path))
	}
	if more := len(e.Back) - len(paths); more > 0 {
		fmt.Fprintf(&text, "and %s more, which -v lists\n", term.Comma(more))
	}
	fmt.Fprintf(&text, "%s%s: %s (%s)\n", space, removed, english.Plural(e.Items, "item", ""), term.Size(e.Bytes))
	return text.String()
}
