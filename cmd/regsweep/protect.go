package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// protectSchema names the version of the JSON of protect.
const protectSchema = "regsweep/protect/v1"

// protectOptions are what a command about the store's own list was asked to do.
type protectOptions struct {
	common
	dryRun bool
	args   []string
}

func (p *program) protectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "protect",
		Short: "lock images, tags and repositories against removal",
		Long: `protect keeps the store's own list of what must be kept, in
docker/registry/v2/.regsweep/protect. gc, rm, untag, prune and apply honour it.
"trash empty" and "check" do not read it.

A pattern is a NAME, NAME:TAG, NAME@DIGEST, a glob of these or a digest. A lock
with until=YYYY-MM-DD includes that day, in UTC. Versions of regsweep without
this command do not know the list.`,
		Example: `  regsweep protect add team/app:v1.4.2
  regsweep protect ls`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command protect %s", args[0]), Hint: "regsweep protect --help lists them"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.protectAddCommand(), p.protectListCommand(), p.protectRemoveCommand())
	return cmd
}

func (p *program) protectAddCommand() *cobra.Command {
	return p.protectVerb("add PATTERN ...", "lock what patterns name",
		`add writes patterns into the store's own list. An until=YYYY-MM-DD and a # NOTE
can follow each pattern. If a pattern is in the list already, add replaces its
date and note.`,
		`  regsweep protect add team/app:v1.4.2
  regsweep protect add 'prod/**' until=2027-06-30 '# audit'`, p.protectAdd)
}

func (p *program) protectRemoveCommand() *cobra.Command {
	return p.protectVerb("rm PATTERN ...", "lift locks",
		`rm removes patterns from the store's own list. Give them as they were written. If
one of them is not there, nothing is changed.`,
		`  regsweep protect rm 'prod/**'`, p.protectRemove)
}

func (p *program) protectVerb(use, short, long, example string, run func(context.Context, *protectOptions) error) *cobra.Command {
	o := &protectOptions{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long + exitStatusHelp, Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			if err := o.verify(cmd.Flags()); err != nil {
				return usage(err)
			}
			if len(args) == 0 {
				return usage(&layout.HintError{Err: fmt.Errorf("protect %s needs to know what", cmd.Name()), Hint: "give a NAME, NAME:TAG, NAME@DIGEST, glob of these or digest"})
			}
			return run(cmd.Context(), o)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "d", false, "report what would be done, and do nothing")
	return cmd
}

func (p *program) protectListCommand() *cobra.Command {
	o := &protectOptions{}
	cmd := &cobra.Command{
		Use:   "ls [PATTERN ...]",
		Short: "list the locks, and how many images each matches",
		Long: `ls prints the store's own list of what must be kept, or only the lines with the
given patterns. It also prints how many repositories, tags or images in this
store each pattern matches. With -q it prints only the patterns.` + exitStatusHelp,
		Example: `  regsweep protect ls
  regsweep protect ls -q`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.verify(cmd.Flags()); err != nil {
				return usage(err)
			}
			o.args = args
			return p.protectList(cmd.Context(), o)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (o *protectOptions) verify(f *pflag.FlagSet) error {
	return errors.Join(o.common.verify(f), o.verifyReport(endJSON))
}

// parseLocks reads patterns, each with what follows it up to the next one.
func parseLocks(args []string) (lines []protect.Line, err error) {
	for i := 0; i < len(args); {
		text := args[i]
		for i++; i < len(args) && (strings.HasPrefix(args[i], "until=") || strings.HasPrefix(args[i], "#")); i++ {
			text += " " + args[i]
		}
		if strings.ContainsAny(text, "\n\r") {
			return nil, fmt.Errorf("%q has more than one line", text)
		}
		line, err := protect.ParseLine(text)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (p *program) protectAdd(ctx context.Context, o *protectOptions) error {
	lines, err := parseLocks(o.args)
	if err != nil {
		return usage(err)
	}
	done := lockVerbs{done: "locked", would: "would be locked", already: "locked already, and nothing has been changed"}
	for i := range lines {
		done.patterns = append(done.patterns, lines[i].Pattern)
	}
	return p.editLocks(ctx, o, done, func(text string) (string, error) {
		for i := range lines {
			if lines[i].Ended(time.Now()) {
				p.voice.Warn("%s: its last day is over, and it protects nothing", lines[i].Pattern)
			}
		}
		return protect.AddLines(text, lines), nil
	})
}

func (p *program) protectRemove(ctx context.Context, o *protectOptions) error {
	done := lockVerbs{o.args, "no longer locked", "would no longer be locked", "nothing has been changed"}
	return p.editLocks(ctx, o, done, func(text string) (string, error) {
		rest, unknown := protect.RemovePatterns(text, o.args)
		var errs []error
		for _, pattern := range unknown {
			errs = append(errs, &layout.HintError{
				Err:  term.Quoted("%s is not protected by the store's list: nothing has been changed", pattern),
				Hint: "the patterns as they were written", Command: []string{"protect", "ls"},
			})
		}
		return rest, errors.Join(errs...)
	})
}

// editLocks changes the text of the store's own list under the lock.
func (p *program) editLocks(ctx context.Context, o *protectOptions, done lockVerbs, edit func(string) (string, error)) error {
	p.voice.Quiet = o.quiet
	place, err := p.locate(&o.common, "")
	if err != nil {
		return err
	}
	store, err := p.files.OpenStore(place.Store)
	if err != nil {
		return fmt.Errorf("open the store %q: %w", place.Store, err)
	}
	defer store.Close()
	changed, err := p.editLocksIn(store, &place, o, edit)
	if err != nil {
		return err
	}
	if !o.quiet {
		p.voice.Say("%s", done.text(changed, o))
	}
	if o.output == "json" || o.reportFile != "" {
		return p.protectList(ctx, &protectOptions{common: o.common, dryRun: o.dryRun})
	}
	return nil
}

// lockVerbs say what becomes of patterns: as it is, as a dry run would have it,
// and as it was before.
type lockVerbs struct {
	patterns             []string
	done, would, already string
}

// text is the outcome, for people.
func (v lockVerbs) text(changed bool, o *protectOptions) string {
	verb := v.done
	switch {
	case !changed:
		verb = v.already
	case o.dryRun:
		verb = v.would
	}
	return verb + ": " + report.SomeOf(v.patterns)
}

// editLocksIn reports whether the list has changed, or would.
func (p *program) editLocksIn(store *disk.Dir, place *locate.Place, o *protectOptions, edit func(string) (string, error)) (changed bool, err error) {
	var lock *disk.Lock
	if !o.dryRun {
		j := &job{program: p, common: &o.common, removal: &removal{}, place: *place, store: store}
		if err := j.takeLock(); err != nil {
			return false, err
		}
		lock = j.lock
		defer lock.Release()
	}
	locks, err := sweep.ReadLocks(store)
	if err != nil {
		return false, &layout.HintError{Err: fmt.Errorf("%w: nothing has been changed", err), Hint: "repair " + place.Store + "/" + sweep.LocksPath + " by hand"}
	}
	text, err := edit(string(locks.Text))
	changed = text != string(locks.Text)
	if err != nil || o.dryRun || !changed {
		return changed, err
	}
	return true, sweep.WriteLocks(lock, []byte(text))
}

// protectedLine is a line in the list of locks.
type protectedLine struct {
	Pattern string  `json:"pattern"`
	Until   *string `json:"until"` // the last day, or null
	Note    string  `json:"note"`
	Matches int     `json:"matches"` // repositories, tags or images
	Expired bool    `json:"expired"`
}

// protectedList is what protect ls prints.
type protectedList struct {
	Schema    string          `json:"schema"`
	Root      string          `json:"root"`
	DryRun    bool            `json:"dryRun,omitempty"`
	Protected []protectedLine `json:"protected"`
}

func (p *program) protectList(ctx context.Context, o *protectOptions) error {
	r, err := p.open(ctx, "protect ls", &o.common, "")
	if err != nil {
		return err
	}
	defer r.close()
	locks, err := sweep.ReadLocks(r.dir) // with the lines that have ended, which are counted, too
	if err != nil {
		return &layout.HintError{Err: err, Hint: "repair " + r.place.Store + "/" + sweep.LocksPath + " by hand"}
	}
	lines, err := chosenLines(locks.Lines(), o.args)
	if err != nil {
		return err
	}
	census := inspect.NewCensus(locks.List)
	look, err := r.look(ctx, census)
	if err != nil {
		return err
	}
	result := protectedList{Schema: protectSchema, Root: term.Valid(r.place.Root), DryRun: o.dryRun, Protected: []protectedLine{}}
	for _, l := range lines {
		one := protectedLine{Pattern: term.Valid(l.Pattern), Note: term.Valid(l.Note), Matches: census.Of(look, l), Expired: l.Ended(r.rules.Now)}
		if !l.Until.IsZero() {
			day := l.Until.Format(time.DateOnly)
			one.Until = &day
		}
		result.Protected = append(result.Protected, one)
	}
	if p.fileResult(result); o.output == "json" {
		return p.writeJSON(result)
	}
	return p.writeLocks(o, result.Protected)
}

// chosenLines are the lines with the given patterns, or all if there are none.
func chosenLines(lines []*protect.Line, patterns []string) (list []*protect.Line, err error) {
	if len(patterns) == 0 {
		return lines, nil
	}
	for _, pattern := range patterns {
		found := false
		for _, l := range lines {
			if l.Pattern == pattern {
				list, found = append(list, l), true
			}
		}
		if !found {
			err = errors.Join(err, &layout.HintError{Err: term.Quoted("%s is not protected by the store's list", pattern), Hint: "the patterns as they were written", Command: []string{"protect", "ls"}})
		}
	}
	return list, err
}

func (p *program) writeLocks(o *protectOptions, lines []protectedLine) error {
	if o.quiet {
		for i := range lines {
			if _, err := fmt.Fprintln(p.out, term.Harmless(lines[i].Pattern)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(lines) == 0 {
		_, err := fmt.Fprintf(p.out, "nothing is locked; to lock what a pattern names: %s\n", p.where.Command("protect", "add", "PATTERN"))
		return err
	}
	t := term.Table{Columns: []term.Column{{Title: "PATTERN", Least: 20}, {Title: "UNTIL"}, {Title: "NAMES", Right: true}, {Title: "NOTE", Least: 10, Drop: 1}}}
	for i := range lines {
		l := &lines[i]
		until := "-"
		if l.Until != nil {
			until = *l.Until
		}
		if l.Expired {
			until += " (over)"
		}
		t.Add(term.Harmless(l.Pattern), until, term.Comma(l.Matches), term.Harmless(l.Note))
	}
	return t.Show(p.out)
}
