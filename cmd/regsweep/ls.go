package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/retention"
)

func (p *program) lsCommand() *cobra.Command {
	o := &lsOptions{}
	cmd := &cobra.Command{
		Use:   "ls [DIR] [REPOSITORY, NAME:TAG or NAME@DIGEST ...]",
		Short: "list repositories, images, tags and layers, with their sizes",
		Long: `ls lists the repositories with their tags, manifests, size, unique size (what no
other repository references), what gc would free, what gc -m would free, and the
last push. One row counts what belongs to no repository. The last row counts the
whole store, each blob once.

With a REPOSITORY it lists the manifests: tags, digest, type, platforms, when
they were pushed and created, what a pull transfers, what removing this manifest
alone would free, and referrers. --tags prints a line for each tag. --history
prints what each tag named before. A single NAME:TAG or NAME@DIGEST shows the
layers, and which images share them. Names can be globs, and you can give
several. The first argument can be the registry's directory or configuration, if
it begins with / or a dot. ls changes nothing and takes no lock.` + readingStatusHelp,
		Example: `  regsweep ls --sort reclaimable    where gc would free the most
  regsweep ls team/app --sort unique
                                    what to delete to free the most
  regsweep ls team/app:v1           its layers, and which images share them
  regsweep ls 'team/*' --untagged --older-than 30d -q
  regsweep ls team/app --history    what each tag named before
  regsweep ls team/app -o tsv | cut -f 1,2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.ls(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	o.add(f)
	f.Lookup("output").Usage = "`FORMAT` of the list: table, json or tsv"
	f.StringVar(&o.sort, "sort", "name", "order by `KEY`: name, size, unique, reclaimable, pushed or created; the largest and the newest come first")
	f.BoolVar(&o.filter.reverse, "reverse", false, "reverse the order")
	f.Var(&o.olderThan, "older-than", "list only images that were pushed longer ago than this `AGE`")
	f.BoolVar(&o.filter.untagged, "untagged", false, "list only manifests without a tag, or repositories with such manifests")
	f.BoolVar(&o.form.tags, "tags", false, "print a line for each tag of the named repositories")
	f.BoolVar(&o.form.history, "history", false, "list what each tag named, and when it was last set to it")
	f.BoolVar(&o.form.deleted, "deleted", false, "list the images that were deleted and are still stored, as undelete does")
	f.BoolVar(&o.noTrunc, "no-trunc", false, "print whole digests and names, even on a terminal")
	return cmd
}

var sortKeys = []string{"name", "size", "unique", "reclaimable", "pushed", "created"}

func (o *lsOptions) verify(f *pflag.FlagSet, args []string) (err error) {
	tsv := o.output == "tsv"
	if tsv {
		o.output = "table" // for the check of what all commands know
	}
	err = errors.Join(o.common.verify(f), o.verifyReport(endJSON))
	if tsv {
		o.output = "tsv"
	}
	if err != nil {
		return err
	}
	if !slices.Contains(sortKeys, o.sort) {
		return &layout.HintError{Err: term.Quoted("--sort has no order %s", o.sort), Hint: "it is one of " + strings.Join(sortKeys, ", ")}
	}
	if o.registry, args, err = o.place(args); err != nil {
		return err
	}
	for _, arg := range args {
		if arg == "" {
			return errors.New("an argument is empty: it is the name of a repository or an image")
		}
		if _, _, err := name.ParseDigest(arg); err == nil && name.IsDigest(arg) {
			return &layout.HintError{Err: term.Quoted("%s is a digest alone", arg), Hint: "give NAME@DIGEST; which images need it", Command: []string{"why", arg}}
		}
		p, err := name.Parse(arg)
		if err != nil {
			return err
		}
		o.patterns = append(o.patterns, p)
	}
	return o.verifyForm()
}

func (o *lsOptions) verifyForm() error {
	form := "--tags"
	if o.form.history {
		form = "--history"
	}
	if o.form.deleted {
		return o.verifyDeleted()
	}
	switch {
	case o.form.tags && o.form.history:
		return errors.New("--tags and --history are two lists: give one of them")
	case (o.form.tags || o.form.history) && len(o.patterns) == 0:
		return &layout.HintError{Err: fmt.Errorf("%s needs to know which repositories", form), Hint: "give a NAME, or '**' for all of them"}
	case o.form.history && (o.filter.untagged || !retention.Ago(o.olderThan).IsZero() || o.sort != "name"):
		return errors.New("--history is sorted by tag and time, and takes no --sort, --older-than or --untagged")
	case o.form.tags && o.filter.untagged:
		return errors.New("--tags lists tags, and --untagged what has none: give one of them")
	}
	return nil
}

func (p *program) ls(ctx context.Context, o *lsOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	if o.form.deleted {
		return p.lsDeleted(ctx, o)
	}
	r, err := p.open(ctx, "ls", &o.common, o.registry)
	if err != nil {
		return err
	}
	defer r.close()
	switch {
	case len(o.patterns) == 0:
		err = r.listRepositories(ctx, o)
	case o.form.history:
		err = r.listHistories(ctx, o)
	default:
		err = r.listImages(ctx, o)
	}
	if err == nil {
		p.status = r.readingVerdict(o.unread)
	}
	return err
}
