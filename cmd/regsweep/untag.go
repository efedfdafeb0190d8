package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// untagOptions are what untag was asked to do.
type untagOptions struct{ byName }

func (p *program) untagCommand() *cobra.Command {
	o := &untagOptions{}
	cmd := &cobra.Command{
		Use:   "untag NAME:TAG ...",
		Short: "remove tags; their images are kept",
		Long: `untag removes tags, each in one step. It keeps their manifests, which can still be
pulled by digest. It sweeps nothing and frees no space. "regsweep rm NAME@DIGEST"
deletes an image, and "regsweep gc -m" deletes all images without a tag.` + exitStatusHelp,
		Example: `  regsweep untag team/app:latest --yes
  regsweep untag team/app:pr-1 team/app:pr-2 --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.untag(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (o *untagOptions) verify(f *pflag.FlagSet, args []string) (err error) {
	if err := o.byName.verify(f); err != nil {
		return err
	}
	if len(args) == 0 {
		return &layout.HintError{Err: errors.New("untag needs to know what"), Hint: "give NAME:TAG"}
	}
	o.selection, err = parseSelection(args, func(name string) string { return "give " + name + ":TAG" })
	for _, t := range o.targets {
		if err == nil && t.Tag == "" {
			err = &layout.HintError{Err: fmt.Errorf("%q is no tag", t), Hint: "give " + t.Repository + ":TAG; to delete the image", Command: []string{"rm", t.String()}}
		}
	}
	for i := range o.patterns {
		if t := &o.patterns[i]; err == nil && t.Tag == "" {
			err = &layout.HintError{Err: fmt.Errorf("%q is no tag", t.Text), Hint: "give " + t.Repository + ":TAG; to delete the images", Command: []string{"rm", t.Text}}
		}
	}
	return err
}

func (p *program) untag(ctx context.Context, o *untagOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	selected := mark.Select(o.targets)
	selected.TagsOnly = true
	return p.removeByName(ctx, "untag", &o.byName, selected, f)
}
