package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/trash"
)

func (p *program) trashRestoreCommand() *cobra.Command {
	o := &trashOptions{}
	cmd := &cobra.Command{
		Use:   "restore RUN ...",
		Short: "put back what runs have moved into the trash",
		Long: `restore puts everything back where it was, byte for byte. It puts back blobs
first. When these are on the disk, it puts back the links to them, then
manifests, and tags last. It overwrites nothing. If an item has been pushed again
and is the same, it is left as it is. If it differs, that is a conflict: restore
lists it, leaves it in the trash, and ends with status 1. A manifest without one
of its blobs and a tag without its manifest are conflicts, too. You can stop
restore and run it again at any time.` + exitStatusHelp,
		Example: `  regsweep trash ls                                     which runs there are
  regsweep trash restore 20261121T151002Z-gc --dry-run  what would go back
  regsweep trash restore 20261121T151002Z-gc --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.trashRestore(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (p *program) trashRestore(ctx context.Context, o *trashOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	if o.runs = args; len(args) == 0 {
		return usage(&layout.HintError{Err: errors.New("trash restore needs to know which run"), Hint: "the runs in the trash", Command: []string{"trash", "ls"}})
	}
	j, bins, err := p.openRuns(ctx, "trash restore", o)
	if err != nil {
		return err
	}
	defer j.close()
	return j.restore(ctx, bins)
}

// openRuns verifies that there is consent, opens the trash for changes, and returns
// the runs that the options name. The caller closes the job.
func (p *program) openRuns(ctx context.Context, command string, o *trashOptions) (*trashJob, []*trash.Bin, error) {
	if err := p.verifyConsent(&o.consent, command); err != nil {
		return nil, nil, usage(err)
	}
	j, err := p.openTrash(command, o, true)
	if err != nil {
		return nil, nil, err
	}
	p.useProcessors(ctx, j.store, j.width)
	bins, err := j.bins()
	if err != nil {
		j.close()
		return nil, nil, trashHint(err)
	}
	return j, bins, nil
}

// restoredRun is what a restore did with a run, or would do.
type restoredRun struct {
	Run       string           `json:"run"`
	Items     int              `json:"items"`
	Bytes     int64            `json:"bytes"`
	Tags      []string         `json:"tags"`
	Conflicts []trash.Conflict `json:"conflicts"`
}

func restoredBy(run string, r *trash.Restore) restoredRun {
	out := restoredRun{Run: run, Tags: []string{}, Conflicts: r.Conflicts()}
	out.Items, out.Bytes = r.Size()
	r.EachTag(func(repository, tag string) { out.Tags = append(out.Tags, term.Valid(repository+":"+tag)) })
	for i := range out.Conflicts {
		c := &out.Conflicts[i]
		c.Path, c.Detail = term.Valid(c.Path), term.Valid(c.Detail)
	}
	return out
}

func (j *trashJob) restore(ctx context.Context, bins []*trash.Bin) error {
	var done []restoredRun
	var failed error
	conflicts := 0
	for _, bin := range bins {
		r, err := planRestore(ctx, j.store, bin, j.rules, j.jobs)
		if err != nil {
			failed = fmt.Errorf("%w; nothing of %s has been put back", err, bin.Name)
			break
		}
		if !j.consent.dryRun {
			yes, err := j.ask(ctx, j.consent.yes, func() { j.say(restoredBy(bin.Name, r), true) }, "put this back?", "nothing has been put back")
			if err != nil || !yes {
				failed = err
				break
			}
			failed = j.carryOut(ctx, bin, r)
		}
		run := restoredBy(bin.Name, r)
		conflicts += len(run.Conflicts)
		done = append(done, run)
		if failed != nil {
			break
		}
	}
	if len(done) == 0 {
		return failed
	}
	if err := j.tell(done); err != nil {
		return err
	}
	if failed == nil && conflicts > 0 {
		failed = &layout.HintError{
			Err:  fmt.Errorf("%s with what is in the store; nothing has been overwritten", english.Plural(conflicts, "thing conflicts", "things conflict")),
			Hint: "they stay in the trash; everything else is back, or would be",
		}
	}
	return failed
}

// carryOut executes a restore, and says what failed.
func (j *trashJob) carryOut(ctx context.Context, bin *trash.Bin, r *trash.Restore) error {
	failures, err := r.Execute(ctx, j.lock, j.jobs)
	j.sayFailures(failures)
	switch {
	case err != nil:
		return &layout.HintError{Err: err, Hint: "run it again", Command: []string{"trash", "restore", bin.Name}}
	case len(failures) > 0:
		return &layout.HintError{
			Err:  fmt.Errorf("%s not be put back", english.Plural(len(failures), "item could", "items could")),
			Hint: "once the cause is fixed", Command: []string{"trash", "restore", bin.Name},
		}
	case ctx.Err() != nil:
		j.voice.Say("to put the rest back: %s", j.where.Command("trash", "restore", bin.Name))
		return context.Cause(ctx)
	}
	return nil
}

// tell writes what was done to stdout.
func (j *trashJob) tell(done []restoredRun) error {
	result := struct {
		DryRun bool          `json:"dryRun"`
		Runs   []restoredRun `json:"runs"`
	}{j.consent.dryRun, done}
	j.fileResult(result)
	switch {
	case j.output == "json":
		return j.writeJSON(result)
	case j.quiet:
		return nil
	}
	for _, run := range done {
		if _, err := j.out.Write([]byte(j.restoredText(run, j.consent.dryRun))); err != nil {
			return err
		}
	}
	return nil
}

// say writes what a restore would do to stderr, before the question.
func (j *trashJob) say(run restoredRun, would bool) {
	fmt.Fprint(j.asking(), j.restoredText(run, would))
}

func (j *trashJob) restoredText(run restoredRun, would bool) string {
	var text strings.Builder
	verb := "put back"
	if would {
		verb = "would be put back"
	}
	fmt.Fprintf(&text, "run %s\n", run.Run)
	tags := run.Tags
	if !j.verbose {
		tags = tags[:min(report.Shown, len(tags))]
	}
	for _, tag := range tags {
		fmt.Fprintf(&text, "  tag %s\n", term.Harmless(tag))
	}
	if more := len(run.Tags) - len(tags); more > 0 {
		fmt.Fprintf(&text, "  and %s more tags, which -v lists\n", term.Comma(more))
	}
	for _, c := range run.Conflicts {
		fmt.Fprintf(&text, "conflict: %s\n", term.Harmless(c.Path+": "+c.Detail))
	}
	// The outcome is last.
	fmt.Fprintf(&text, "%s: %s (%s)\n", verb, english.Plural(run.Items, "item", ""), term.Size(run.Bytes))
	return text.String()
}
