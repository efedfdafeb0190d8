package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// rmOptions are what rm was asked to do.
type rmOptions struct {
	byName
	repositories []string
	force        bool
}

func (p *program) rmCommand() *cobra.Command {
	o := &rmOptions{}
	cmd := &cobra.Command{
		Use:   "rm NAME:TAG or NAME@DIGEST ..., rm --repository NAME ...",
		Short: "delete images and repositories, and what only they used",
		Long: `rm deletes images, each with all of its tags, or whole repositories, and sweeps
the blobs that nothing else needs. Before it asks, it lists every tag that it
will remove, including tags of the same image that you did not name. Several
names make one plan and one sweep.

With an index, rm removes its children, unless another index or a tag names
them. Without --force, it refuses to remove a child of an index that is kept.
Untagged referrers and the tags of signatures are removed with their image. You
can shorten a digest to its first 8 digits or more. Older garbage is left to gc.

If a manifest cannot be read, NAME@DIGEST removes its link and sweeps nothing.` + exitStatusHelp,
		Example: `  regsweep rm team/app:v1 --dry-run          what is removed, what that frees
  regsweep rm team/app:v1 team/app:v2 --yes  two images, one sweep
  regsweep rm team/app@sha256:4f53cda18c2b   by digest, or its beginning
  regsweep rm --repository team/old          a repository, not those below it`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.rm(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.add(cmd.Flags())
	o.addKeepDeleted(cmd.Flags())
	o.addArchive(cmd.Flags())
	cmd.Flags().StringArrayVar(&o.repositories, "repository", nil, "delete the repository `NAME` with everything in it; more NAMEs can follow")
	cmd.Flags().BoolVar(&o.force, "force", false, "delete a child of an index that is kept, and leave the index incomplete")
	return cmd
}

func (o *rmOptions) verify(f *pflag.FlagSet, args []string) error {
	if err := errors.Join(o.byName.verify(f), o.verifyArchive(f)); err != nil {
		return err
	}
	names, images := o.repositories, args
	if len(names) > 0 {
		images = nil
		for _, arg := range args {
			if _, err := parseTarget(arg); errors.Is(err, errNoImage) {
				names = append(names, arg)
				continue
			}
			images = append(images, arg)
		}
	}
	for _, name := range names {
		if p, ok := asPattern(name); ok && p.Whole() {
			o.patterns = append(o.patterns, p)
			continue
		}
		if !layout.IsRepository(name) {
			return &layout.HintError{Err: term.Quoted("--repository %s is not the name of a repository", name), Hint: "it is a NAME without tag and digest"}
		}
		o.targets = append(o.targets, mark.Target{Repository: name})
	}
	chosen, err := parseSelection(images, func(name string) string {
		return fmt.Sprintf("give %s:TAG or %s@DIGEST for an image, or --repository %s for all of it", name, name, name)
	})
	if err != nil {
		return err
	}
	o.targets, o.patterns = append(o.targets, chosen.targets...), append(o.patterns, chosen.patterns...)
	if len(o.targets)+len(o.patterns) == 0 {
		return &layout.HintError{Err: errors.New("rm needs to know what"), Hint: "give NAME:TAG or NAME@DIGEST for an image, or --repository NAME for all of a repository"}
	}
	return nil
}

func (p *program) rm(ctx context.Context, o *rmOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	selected := mark.Select(o.targets)
	selected.Force = o.force
	return p.removeByName(ctx, "rm", &o.byName, selected, f)
}
