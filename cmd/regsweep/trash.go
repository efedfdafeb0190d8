package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/sweep/tree"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

func (p *program) trashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trash",
		Short: "list, bring back or remove for good what was removed with --trash",
		Long: `gc, rm, untag and prune with --trash move what they remove to the trash,
docker/registry/v2/.regsweep/trash, which registries ignore. The space is freed
when the trash is emptied.`,
		Example: `  regsweep gc -m --trash
  regsweep trash ls                                which runs there are
  regsweep trash restore 20261121T151002Z-gc       bring one back
  regsweep trash empty --older-than 14d --yes      from cron`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command trash %s", args[0]), Hint: "regsweep trash --help lists them"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.trashListCommand(), p.trashRestoreCommand(), p.trashEmptyCommand())
	return cmd
}

// trashOptions are what the commands that change the trash share.
type trashOptions struct {
	common
	consent   removal // dryRun and yes
	olderThan ago
	runs      []string
}

func (o *trashOptions) add(f *pflag.FlagSet) {
	o.common.add(f)
	f.BoolVarP(&o.consent.dryRun, "dry-run", "d", false, "say what would be done, and do nothing")
	f.BoolVarP(&o.consent.yes, "yes", "y", false, "do not ask")
}

func (o *trashOptions) verify(f *pflag.FlagSet) error {
	return errors.Join(o.common.verify(f), o.verifyReport(endJSON))
}

// trashJob is one run of a command about the trash.
type trashJob struct {
	*program
	*trashOptions
	command string
	place   locate.Place
	store   *disk.Dir
	lock    *disk.Lock // nil in a dry run, and of ls
	rules   mark.Rules
	started time.Time
}

// openTrash finds the registry and, unless nothing is to be changed, takes the
// lock. The caller closes it.
func (p *program) openTrash(command string, o *trashOptions, changes bool) (*trashJob, error) {
	p.voice.Quiet = o.quiet
	p.fileList(command, &o.common)
	place, err := p.locate(&o.common, "")
	if err != nil {
		return nil, err
	}
	if err := p.filing.verifyPlace(&place); err != nil {
		return nil, err
	}
	j := &trashJob{program: p, trashOptions: o, command: command, place: place, started: time.Now()}
	if j.store, err = p.files.OpenStore(place.Store); err != nil {
		return nil, fmt.Errorf("open the store %q: %w", place.Store, err)
	}
	if changes {
		err = j.begin()
	}
	if err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// begin takes the lock by way of the job of a sweep, which refuses and warns
// where that does.
func (j *trashJob) begin() error {
	as := &job{program: j.program, common: &j.common, removal: &j.consent, command: j.command, place: j.place, store: j.store, moves: true}
	if err := as.refuseForeign(); err != nil {
		return err
	}
	err := as.start()
	j.lock, j.rules = as.lock, as.rules
	ages := defaultAges()
	j.rules.Grace, j.rules.UploadsOlderThan = time.Duration(ages.grace), time.Duration(ages.uploadsOlderThan)
	return err
}

func (j *trashJob) close() {
	if j.lock != nil {
		j.lock.Release()
	}
	j.store.Close()
}

// bins are the runs in the trash, or those that were named.
func (j *trashJob) bins() ([]*trash.Bin, error) {
	all, err := trash.Bins(j.store)
	if err != nil || len(j.runs) == 0 {
		return all, err
	}
	var found []*trash.Bin
	var unknown []error
	for _, run := range j.runs {
		bin, names := (*trash.Bin)(nil), []string{}
		for _, b := range all {
			names = append(names, b.Name)
			if b.Name == run {
				bin = b
			}
		}
		if bin == nil {
			unknown = append(unknown, noRun(run, names))
			continue
		}
		if !slices.Contains(found, bin) {
			found = append(found, bin)
		}
	}
	return found, errors.Join(unknown...)
}

func noRun(run string, among []string) error {
	err := &layout.HintError{Err: term.Quoted("there is no run %s in the trash", run), Hint: "the runs in it", Command: []string{"trash", "ls"}}
	if near := mark.Nearest(run, among); near != "" {
		err.Hint, err.Command = "did you mean "+near+"?", nil
	}
	return err
}

// planRestore plans to put a run back, after a look at the store: names in it may
// lead into the trash. Where a run was stopped, names that it has set aside in the
// store go back, too.
func planRestore(ctx context.Context, store *disk.Dir, bin *trash.Bin, rules mark.Rules, jobs int) (*trash.Restore, error) {
	w := walker.New(store, walker.Options{Jobs: jobs, Resumed: rules.Resumed})
	defer w.Close()
	look := mark.Read(ctx, w, plainRules(rules)).Look(ctx, w, nil)
	return trash.PlanRestore(ctx, w, look, bin, rules.Resumed)
}

// finishRestores completes restores that were stopped, and what emptying the
// trash was putting back: what is back without its manifests would be garbage
// to a sweep.
func (j *job) finishRestores(ctx context.Context) error {
	bins, err := trash.Bins(j.store)
	if errors.Is(err, tree.ErrLinked) && !j.trash {
		return nil // what is there is not looked at
	}
	if err != nil {
		return trashHint(fmt.Errorf("%w; nothing has been removed", err))
	}
	for _, bin := range bins {
		if !bin.Restoring() && !bin.Emptying() {
			continue
		}
		if j.dryRun {
			j.voice.Warn("the restore of %s was stopped: what it has put back so far looks like garbage; the next run completes it first", bin.Name)
			continue
		}
		j.voice.Warn("the restore of %s was stopped: it is completed first", bin.Name)
		if err := j.fitJobs(j.common, j.store, true); err != nil {
			return err
		}
		failures, err := j.finishRestore(ctx, bin)
		j.sayFailures(failures)
		if err == nil && len(failures) > 0 {
			err = errors.New("it could not be completed")
		}
		if err != nil {
			return &layout.HintError{Err: fmt.Errorf("%w: nothing has been removed", err), Hint: "what is in the way", Command: []string{"trash", "restore", "--dry-run", bin.Name}}
		}
	}
	return nil
}

func (j *job) finishRestore(ctx context.Context, bin *trash.Bin) ([]tree.Failure, error) {
	if bin.Emptying() {
		e := trash.NewEmptying([]*trash.Bin{bin}, plainRules(j.rules), j.jobs, sweep.GiveBack)
		return e.PutBack(ctx, j.lock)
	}
	r, err := planRestore(ctx, j.store, bin, j.rules, j.jobs)
	if err != nil {
		return nil, err
	}
	return r.Execute(ctx, j.lock, j.jobs)
}

// plainRules are those of a look that is not the command's own. What that takes
// away, or a plan lists, is found by the first Look that is told of it, and
// numbered by that look's Store: it must not be another one.
func plainRules(r mark.Rules) mark.Rules {
	return mark.Rules{Now: r.Now, Grace: r.Grace, UploadsOlderThan: r.UploadsOlderThan, Resumed: r.Resumed}
}

// trashHint says what can be done about a trash that cannot be used.
func trashHint(err error) error {
	var hint string
	switch {
	case errors.Is(err, trash.ErrSpace):
		hint = "without --trash nothing needs space"
	case errors.Is(err, trash.ErrFilesystem) || errors.Is(err, trash.ErrMount):
		hint = "what is there can only be removed for good, without --trash"
	case errors.Is(err, sweep.ErrRights):
		hint = "run as a user who may write there, or mount it writable"
	case errors.Is(err, tree.ErrLinked):
		hint = "move it out of the way: the trash is a directory that regsweep makes"
	default:
		return err
	}
	return &layout.HintError{Err: err, Hint: hint}
}

// trashRun is a run in the list of the trash.
type trashRun struct {
	Run     string    `json:"run"`
	Command string    `json:"command"`
	Started time.Time `json:"started"`
	Items   int       `json:"items"`
	Bytes   int64     `json:"bytes"`
}

func (p *program) trashListCommand() *cobra.Command {
	o := &trashOptions{}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "list the runs in the trash, the oldest first",
		Long: `ls lists the runs whose items are in the trash, and how much they hold. It
changes nothing and takes no lock.` + exitStatusHelp,
		Example: `  regsweep trash ls
  regsweep trash ls -q | head -1    the oldest run`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return p.trashList(o, cmd.Flags()) },
	}
	o.common.add(cmd.Flags())
	return cmd
}

func (p *program) trashList(o *trashOptions, f *pflag.FlagSet) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	j, err := p.openTrash("trash ls", o, false)
	if err != nil {
		return err
	}
	defer j.close()
	bins, err := j.bins()
	if err != nil {
		return trashHint(err)
	}
	list := []trashRun{}
	for _, b := range bins {
		items, bytes, err := b.Size(j.store)
		if err != nil {
			return err
		}
		list = append(list, trashRun{b.Name, term.Valid(b.Command), b.Started.UTC(), items, bytes})
	}
	result := struct {
		Runs []trashRun `json:"runs"`
	}{list}
	if p.fileResult(result); o.output == "json" {
		return p.writeJSON(result)
	}
	return j.writeRuns(list)
}

func (j *trashJob) writeRuns(list []trashRun) error {
	var text strings.Builder
	t := term.Table{Columns: []term.Column{{Title: "RUN"}, {Title: "COMMAND", Drop: 2}, {Title: "STARTED", Drop: 1}, {Title: "ITEMS", Right: true}, {Title: "SIZE", Right: true}}}
	for _, l := range list {
		if j.quiet {
			fmt.Fprintln(&text, l.Run)
			continue
		}
		t.Add(l.Run, term.Harmless(l.Command), l.Started.Format("2006-01-02 15:04"), term.Comma(l.Items), term.Size(l.Bytes))
	}
	switch {
	case !j.quiet && len(list) == 0:
		text.WriteString("the trash is empty\n")
	case !j.quiet:
		return t.Show(j.out)
	}
	_, err := j.out.Write([]byte(text.String()))
	return err
}

// nextTrash says what the reader of a report may want to do with the trash.
func (j *job) nextTrash(rep *sweep.Report, say func(format string, args ...any)) {
	switch {
	case rep.Trashed != "":
		say("to take back what was removed: %s", j.where.Command("trash", "restore", rep.Trashed))
		say("to free its space for good: %s", j.where.Command("trash", "empty", rep.Trashed))
	case j.trash && rep.DryRun && !j.plan.Empty():
		say("no space is free until the trash is emptied: %s", j.where.Command("trash", "empty"))
	}
	bins, err := trash.Bins(j.store)
	if others := len(bins); err == nil && others > 0 && (rep.Trashed == "" || others > 1) {
		say("the trash holds %s, whose space is not free: %s", english.Plural(others, "run", ""), j.where.Command("trash", "ls"))
	}
}
