package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
)

// gcOptions are what gc was asked to do.
type gcOptions struct {
	common
	removal
	planning
	deleteUntagged bool
	resume         bool
	olderThan      ago
	olderThanGiven bool
	arg            string
}

func (p *program) gcCommand() *cobra.Command {
	o := &gcOptions{}
	cmd := &cobra.Command{
		Use:     "gc [CONFIG or DIR]",
		Aliases: []string{"garbage-collect"},
		Short:   "remove what nothing references",
		Long: `gc marks every blob that the manifests of the store reach, and removes the rest:
blobs, the links to them, abandoned uploads, leftovers of deleted tags and
manifests, and empty repositories. It replaces "registry garbage-collect".

With -m it also removes manifests without a tag. It keeps those that are
younger than --older-than, which is an AGE or a date. With 0, no manifest is
kept for its age.

gc keeps everything that is younger than --grace, and everything in a repository
that cannot be read in full. If anything cannot be read at all, nothing is
removed.` + exitStatusHelp,
		Example: `  regsweep gc --dry-run                        what would be removed
  regsweep gc -m --older-than 7d               also old untagged manifests
  regsweep gc /etc/docker/registry/config.yml  the registry of this file
  regsweep gc -q -m --max-remove 30%           from cron
  kubectl get pods -A -o jsonpath='{..imageID}' | tr ' ' '\n' |
    regsweep gc -m --protect -                 what a cluster runs is kept`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.MaximumNArgs(1)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.gc(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.common.add(cmd.Flags())
	o.removal.add(cmd.Flags())
	o.addKeepDeleted(cmd.Flags())
	o.planning.add(cmd.Flags())
	o.olderThan = ago{Length: 24 * time.Hour}
	cmd.Flags().BoolVarP(&o.deleteUntagged, "delete-untagged", "m", false, "also remove manifests without a tag, unless something else keeps them")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "look at every link for items that a stopped run has set aside, even if there is no other sign of such a run")
	cmd.Flags().Var(&o.olderThan, "older-than", "-m keeps what is younger than `AGE`")
	return cmd
}

// verify checks the options before anything is read.
func (o *gcOptions) verify(f *pflag.FlagSet, args []string) error {
	if err := o.common.verify(f); err != nil {
		return err
	}
	if err := errors.Join(o.removal.verify(f), o.planning.verify(f, o.dryRun)); err != nil {
		return err
	}
	if len(args) == 1 {
		if o.arg = args[0]; o.arg == "" {
			return fmt.Errorf("the argument is empty: it is a configuration or a directory")
		}
	}
	o.olderThanGiven = f.Changed("older-than")
	if o.olderThanGiven && !o.deleteUntagged {
		return &layout.HintError{Err: fmt.Errorf("--older-than applies to untagged manifests"), Hint: "give -m with it, or leave it out"}
	}
	return nil
}

func (p *program) gc(ctx context.Context, o *gcOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	if err := p.verifyTerminal(&o.removal, "gc"); err != nil {
		return err
	}
	job, err := p.newJob("gc", &o.common, &o.removal, f, o.arg)
	if err != nil {
		return err
	}
	job.planning = o.planning
	job.rules.Resumed = o.resume
	job.rules.DeleteUntagged, job.olderThan = o.deleteUntagged, o.olderThan
	if job.rules.PullThrough && o.deleteUntagged && !o.olderThanGiven {
		return &layout.HintError{
			Err:  fmt.Errorf("%q is a pull-through cache, whose untagged manifests are the cache itself", job.place.Root),
			Hint: "give --older-than, to say what is too old to be kept",
		}
	}
	return job.run(ctx)
}
