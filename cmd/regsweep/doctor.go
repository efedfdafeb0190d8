package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/sweep"
)

func (p *program) doctorCommand() *cobra.Command {
	o := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [CONFIG or DIR]",
		Short: "check the set-up: the root, rights, space, locks, the registry",
		Long: `doctor checks everything except the images: what names the root directory, its
mount, its filesystem and what that can do, rights, free space and inodes, the
clock, the lock, the registry's configuration and its cache, a running registry,
a run that was stopped, the trash, and a database elsewhere. Each finding that is
not ok comes with the command that cures it.

To try what the filesystem can do, doctor makes a directory of its own in the
store, and removes it again. It changes nothing else.` + doctorStatusHelp,
		Example: `  regsweep doctor
  regsweep doctor -q || mail -s 'look at the registry' root < /dev/null
  regsweep doctor -o json | jq -r '.findings[] | select(.level!="ok").command'`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.MaximumNArgs(1)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error { return p.doctor(cmd.Context(), o, cmd.Flags(), args) },
	}
	o.add(cmd.Flags())
	return cmd
}

const doctorStatusHelp = `

EXIT STATUS
  0    no error; there may be warnings
  1    failed; stderr says why
  2    wrong usage
  3    there are errors, which are listed
  130  stopped by SIGINT, 143 by SIGTERM, 129 by SIGHUP, 141 by SIGPIPE`

func (o *doctorOptions) verify(f *pflag.FlagSet, args []string) error {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if len(args) == 1 {
		if o.arg = args[0]; o.arg == "" {
			return errors.New("the argument is empty: it is a configuration or a directory")
		}
	}
	return nil
}

func (p *program) doctor(ctx context.Context, o *doctorOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	p.voice.Quiet = o.quiet
	p.fileList("doctor", &o.common)
	e := &examination{program: p, doctorOptions: o}
	if err := e.examine(ctx); err != nil {
		return err
	}
	result := doctorResult{Schema: doctorSchema, Root: term.Valid(e.place.Root), Findings: e.findings}
	if p.fileResult(result); o.output == "json" {
		if err := p.writeJSON(result); err != nil {
			return err
		}
	} else if err := e.write(); err != nil {
		return err
	}
	if e.count(levelError) > 0 {
		p.status = statusProblems
	}
	return nil
}

// examine looks at everything, as far as there is something.
func (e *examination) examine(ctx context.Context) (err error) {
	e.place, err = e.locate(&e.common, e.arg)
	if err != nil {
		if errors.Is(err, locate.ErrAmbiguous) {
			return err
		}
		e.withoutPlace(err)
		return nil
	}
	if err := e.filing.verifyPlace(&e.place); err != nil {
		return err
	}
	if e.dir, err = e.files.OpenStore(e.place.Store); err != nil {
		e.closedStore(err)
		return nil
	}
	defer e.dir.Close()
	if e.mounts, err = e.dir.Mounts(); err != nil {
		return err
	}
	for _, look := range []func(context.Context) error{
		e.lookAtRoot, e.lookAtMount, e.lookAtRights, e.lookAtSpace, e.lookAtRuns, e.lookAtFilesystem,
		e.lookAtConfiguration, e.lookAtRegistries, e.lookAtTrash, e.lookAtLocks, e.lookAtDatabase,
	} {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// write prints the findings for people; the last line is the outcome.
func (e *examination) write() error {
	if e.quiet {
		return nil
	}
	const indent = "         "
	ink, width := e.ink(&e.common, e.out), term.Width(e.out)
	var text strings.Builder
	for i := range e.findings {
		f := &e.findings[i]
		level := fmt.Sprintf("%-9s", f.Level)
		switch f.Level {
		case levelOK:
			level = ink.Green(level)
		case levelWarning:
			level = ink.Yellow(level)
		case levelError:
			level = ink.Red(level)
		}
		for _, line := range term.Wrap(level+f.Kind+": "+term.Harmless(f.Detail), width, indent) {
			fmt.Fprintln(&text, line)
		}
		if f.Command != "" {
			fmt.Fprintln(&text, indent+"  "+term.Harmless(f.Command))
		}
	}
	outcome := "no errors"
	if n := e.count(levelError); n > 0 {
		outcome = english.Plural(n, "error", "")
	}
	fmt.Fprintf(&text, "\n%s\n", ink.Bold(outcome+", "+english.Plural(e.count(levelWarning), "warning", "")))
	_, err := term.Unfolded(e.out).Write([]byte(text.String()))
	return err
}

// lookAtDatabase looks whether the truth about the store is elsewhere.
func (e *examination) lookAtDatabase(context.Context) error {
	reason, err := foreign(&e.place)
	switch {
	case err != nil:
		return err
	case reason != "":
		e.find("database", levelError, e.where.Command("gc", "--dry-run"), "%s: nothing is removed here, and regsweep does not see everything; use its own garbage collection", reason)
	default:
		e.find("database", levelOK, "", "there is no sign that a database has the tags: the links of this store count")
	}
	return nil
}

// lookAtLocks looks at the store's own list of what must be kept.
func (e *examination) lookAtLocks(context.Context) error {
	locks, err := sweep.ReadLocks(e.dir)
	switch {
	case err != nil:
		e.find("protect", levelError, "${EDITOR:-vi} "+term.ShellWord(e.place.Store+"/"+sweep.LocksPath), "every removal is refused, since the store's list of locks cannot be understood: %s", told(err))
	case locks.List == nil:
		e.find("protect", levelOK, "", "the store has no list of locks")
	default:
		e.find("protect", levelOK, e.where.Command("protect", "ls"), "%s in the store's list of locks", english.Plural(len(locks.Lines()), "line is", "lines are"))
	}
	return nil
}
