package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/sweep/planfile"
)

// applyOptions are what apply was asked to do.
type applyOptions struct {
	common
	removal
	file string
}

func (p *program) applyCommand() *cobra.Command {
	o := &applyOptions{}
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "carry out a plan that a dry run has written",
		Long: `apply carries out the plan that gc, rm, untag or prune wrote with --dry-run
--plan FILE, and nothing else. It removes a tag of the plan if it still names the
same digest, and a manifest if its link has not been written again. Then it marks
everything again, by the rules of the plan and at the present time, and removes
the items of the plan that are dead. It skips the other items, and lists them
with the reason. That is not a failure.

A plan that was cut short or edited, or that is for another root directory, is
refused. A flag such as --grace makes apply more careful than the plan, never
less.` + exitStatusHelp,
		Example: `  regsweep gc -m --dry-run --plan plan.txt   write down what would be removed
  less plan.txt                              review it
  regsweep apply plan.txt --dry-run          what it would remove now
  regsweep apply plan.txt --yes`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return usage(&layout.HintError{Err: errors.New("apply needs to know which plan, and takes one"), Hint: "give the FILE that --dry-run --plan FILE has written"})
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.apply(cmd.Context(), o, cmd.Flags(), args[0]) },
	}
	o.common.add(cmd.Flags())
	o.removal.add(cmd.Flags())
	o.addKeepDeleted(cmd.Flags())
	return cmd
}

func (o *applyOptions) verify(f *pflag.FlagSet, file string) error {
	if err := errors.Join(o.common.verify(f), o.removal.verify(f)); err != nil {
		return err
	}
	switch o.file = file; {
	case file == "":
		return errors.New("the argument is empty: it is a plan's file")
	case file == "-" && o.protect == "-":
		return errors.New("the plan and --protect cannot both be standard input")
	}
	return nil
}

func (p *program) apply(ctx context.Context, o *applyOptions, f *pflag.FlagSet, file string) error {
	if err := o.verify(f, file); err != nil {
		return usage(err)
	}
	if err := p.verifyConsent(&o.removal, "apply"); err != nil {
		return usage(err)
	}
	plan, err := p.readPlan(file)
	if err != nil {
		return err
	}
	job, err := p.newJob("apply", &o.common, &o.removal, f, "")
	if err != nil {
		return err
	}
	if err := sameStore(plan, &job.place); err != nil {
		return err
	}
	given := job.rules
	job.rules = plan.Rules()
	job.rules.PullThrough, job.rules.KeepDeleted = given.PullThrough, given.KeepDeleted
	if f.Changed("grace") {
		job.rules.Grace = max(job.rules.Grace, given.Grace)
	}
	if f.Changed("uploads-older-than") {
		job.rules.UploadsOlderThan = max(job.rules.UploadsOlderThan, given.UploadsOlderThan)
	}
	job.applied = plan
	return job.run(ctx)
}

// readPlan reads a written plan.
func (p *program) readPlan(file string) (*planfile.Plan, error) {
	in, name := p.in, "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, &layout.HintError{Err: fmt.Errorf("read the plan: %w", err), Hint: "give the FILE that --dry-run --plan FILE has written"}
		}
		defer f.Close()
		in, name = f, file
	}
	plan, err := readPlanFrom(in)
	if err != nil {
		return nil, &layout.HintError{
			Err:  fmt.Errorf("the plan %q is refused: %w; nothing has been removed", name, err),
			Hint: "make a new one with --dry-run --plan FILE: a plan is carried out as it was written, or not at all",
		}
	}
	return plan, nil
}

func readPlanFrom(in io.Reader) (*planfile.Plan, error) {
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, errors.New("it is a directory")
		}
	}
	return planfile.Read(in)
}

// sameStore refuses a plan that was made for another store.
func sameStore(plan *planfile.Plan, place *locate.Place) error {
	root, err := realPath(place.Root)
	if err != nil {
		return err
	}
	store, err := realPath(place.Store)
	if err != nil {
		return err
	}
	if root == plan.Root && store == plan.Store {
		return nil
	}
	wanted, got := plan.Root, root
	if root == plan.Root {
		wanted, got = plan.Store, store
	}
	return &layout.HintError{
		Err:  fmt.Errorf("the plan is for %q, and this is %q: nothing has been removed", wanted, got),
		Hint: "name with --root what it is for, by the same path, or make a new plan here with --dry-run --plan FILE",
	}
}
