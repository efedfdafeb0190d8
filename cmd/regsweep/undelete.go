package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker/disk"
)

func (p *program) undeleteCommand() *cobra.Command {
	o := &undeleteOptions{}
	cmd := &cobra.Command{
		Use:   "undelete [REPOSITORY], undelete NAME@DIGEST ..., undelete --all REPOSITORY",
		Short: "list deleted images that are still stored, and bring them back",
		Long: `undelete without a digest lists the images that were deleted and are still
stored. These are images that were deleted through the registry's API, images
that only the history of a tag names, and stored manifests that no repository
links, in each repository that links everything that they need. What gc or rm has
removed is gone for good.

With NAME@DIGEST it writes the links of the image again: layers, the children of
an index, the manifest, and last the tag that --tag gives it. With --all it
brings back everything that was deleted through the API. It overwrites nothing.
Before it links a blob, it compares the data with the digest.

An image with a missing blob is left alone, unless you give --partial. The next
gc -m removes an image without a tag once it is old enough.` + exitStatusHelp,
		Example: `  regsweep undelete                        what could be brought back
  regsweep undelete team/app
  regsweep undelete team/app@sha256:4f53cda18c2b --tag v1
  regsweep undelete --all team/app --since 2h --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.undelete(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	o.add(f)
	f.BoolVarP(&o.consent.dryRun, "dry-run", "d", false, "report what would be done, and do nothing")
	f.BoolVarP(&o.consent.yes, "yes", "y", false, "do not ask")
	f.StringVar(&o.tag, "tag", "", "also give the image this `TAG`, which must not exist yet")
	f.BoolVar(&o.scope.all, "all", false, "bring back all images of the repository that were deleted through the API")
	f.Var(&o.since, "since", "with --all: only images that were deleted in the last `AGE`, or since a date")
	f.BoolVar(&o.scope.overwritten, "overwritten", false, "with --all: also images that only the history of a tag names")
	f.BoolVar(&o.scope.partial, "partial", false, "also bring back images with missing blobs, as far as they exist")
	return cmd
}

func (o *undeleteOptions) verify(f *pflag.FlagSet, args []string) error {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	for _, arg := range args {
		p, err := parseLost(arg)
		if err != nil {
			return err
		}
		o.patterns = append(o.patterns, p)
	}
	byDigest := 0
	for i := range o.patterns {
		if o.patterns[i].ByDigest() {
			byDigest++
		}
	}
	switch {
	case o.scope.all && len(args) == 0:
		return &layout.HintError{Err: errors.New("--all needs to know which repository"), Hint: "give a REPOSITORY, or '**' for all of them"}
	case o.scope.all && byDigest > 0:
		return errors.New("--all takes repositories, and no digests")
	case byDigest > 0 && byDigest < len(args):
		return errors.New("some names have a digest and some do not: list a repository, or name images")
	case !o.scope.all && (o.scope.overwritten || f.Changed("since")):
		return errors.New("--since and --overwritten need --all")
	case f.Changed("tag") && byDigest != 1:
		return errors.New("--tag needs exactly one NAME@DIGEST")
	case f.Changed("tag"):
		return verifyNewTag(o.tag)
	case o.scope.partial && !o.writes():
		return errors.New("--partial needs images to bring back")
	}
	return nil
}

// parseLost reads a REPOSITORY or a NAME@DIGEST.
func parseLost(arg string) (name.Pattern, error) {
	if arg == "" {
		return name.Pattern{}, errors.New("an argument is empty: it is a REPOSITORY or NAME@DIGEST")
	}
	if name.IsDigest(arg) {
		return name.Pattern{}, &layout.HintError{Err: term.Quoted("%s does not name a repository", arg), Hint: "give NAME@DIGEST"}
	}
	p, err := name.Parse(arg)
	switch {
	case err != nil:
		return p, err
	case p.Tag != "" && !p.ByDigest():
		return p, &layout.HintError{Err: term.Quoted("%s is a tag, and a deleted image has none", arg), Hint: "its digest is in the list", Command: []string{"undelete", p.Repository}}
	case p.ByDigest() && p.Globs():
		return p, term.Quoted("%s is a glob: name the repository of an image", arg)
	}
	return p, nil
}

// verifyNewTag refuses what no registry accepts as a tag, and the tags that
// clients keep for what is about an image.
func verifyNewTag(tag string) error {
	alg, _, ok := strings.Cut(tag, "-")
	switch _, known := layout.ParseAlgorithm(alg); {
	case !layout.IsTag(tag):
		return term.Quoted("%s is not a tag that a registry accepts", tag)
	case ok && known:
		return term.Quoted("%s is a tag that clients keep for signatures and referrers of an image", tag)
	}
	return nil
}

func (p *program) undelete(ctx context.Context, o *undeleteOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	if o.writes() {
		if err := p.verifyConsent(&o.consent, "undelete"); err != nil {
			return usage(err)
		}
	}
	j, err := p.openBack(ctx, "undelete", &o.common, "", o.writes(), o.consent.dryRun)
	if err != nil {
		return err
	}
	defer j.close()
	if !o.writes() {
		list, err := j.deleted(ctx, o.patterns)
		if err != nil {
			return err
		}
		return j.writeDeleted(list)
	}
	plan, err := j.planBack(ctx, o)
	if err != nil {
		return err
	}
	return j.bringBack(ctx, o, plan)
}

// planBack plans to bring back what was named, or all that was chosen.
func (j *backJob) planBack(ctx context.Context, o *undeleteOptions) (*back.Plan, error) {
	if o.scope.all {
		wants, err := j.wants(ctx, o.patterns)
		if err != nil {
			return nil, err
		}
		list, err := back.Find(ctx, j.w, wants, false)
		if err != nil {
			return nil, err
		}
		since := disk.Nanoseconds(o.since.from(time.Now()))
		list = slices.DeleteFunc(list, func(l back.Lost) bool {
			return l.How == back.Overwritten && !o.scope.overwritten || !o.since.isZero() && l.Went < since
		})
		return back.New(ctx, j.store, list)
	}
	var list []back.Lost
	var failed []error
	for i := range o.patterns {
		l, err := j.named(ctx, &o.patterns[i])
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !slices.ContainsFunc(list, func(o back.Lost) bool { return o.Repository == l.Repository && o.Digest == l.Digest }) {
			list = append(list, l)
		}
	}
	if len(failed) > 0 {
		return nil, errors.Join(append(failed, errors.New("nothing has been changed"))...)
	}
	plan, err := back.New(ctx, j.store, list)
	if err == nil && o.tag != "" {
		i := plan.Images[0]
		if err = plan.Give(i, o.tag); errors.Is(err, back.ErrTagExists) {
			err = &layout.HintError{
				Err:  fmt.Errorf("%s:%s exists, and is not overwritten: nothing has been changed", i.Repository, o.tag),
				Hint: "choose another tag; once the image is back, this moves the tag", Command: []string{"tag", i.Repository + "@" + i.Digest.String(), o.tag, "--force"},
			}
		}
	}
	return plan, err
}

// named finds the image that a pattern names.
func (j *backJob) named(ctx context.Context, p *name.Pattern) (back.Lost, error) {
	here, repository, err := j.one(ctx, p)
	if err != nil {
		return back.Lost{}, err
	}
	l, err := back.Named(ctx, j.store, repository, here.HasDigest, here.Digest, func() ([]string, error) { return j.repositories(ctx) })
	switch {
	case errors.Is(err, back.ErrNotDeleted):
		return l, nil
	case errors.Is(err, back.ErrNoTrace):
		return l, &layout.HintError{Err: fmt.Errorf("%s: %w", here.String(), err), Hint: "what can be brought back", Command: []string{"undelete", repository}}
	case err != nil:
		return l, fmt.Errorf("%s: %w", here.String(), err)
	}
	return l, nil
}

// bringBack asks, if there is somebody to ask, writes the links, and reports.
func (j *backJob) bringBack(ctx context.Context, o *undeleteOptions, plan *back.Plan) error {
	var failed error
	executed := false
	if n := plan.Restorable(o.scope.partial); n > 0 && !o.consent.dryRun {
		show := func() { fmt.Fprint(j.asking(), j.backText(o, plan, false)) }
		yes, err := j.ask(ctx, o.consent.yes, show, "bring "+term.OneOr(n, "this image", "these images")+" back?", "nothing has been changed")
		if err != nil || !yes {
			return err
		}
		executed = true
		failed = plan.Execute(ctx, j.lock, o.scope.partial)
	}
	if err := j.tellBack(o, plan, executed); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, j.leftError(o, plan))
}

// leftError says which images were not brought back, and why.
func (j *backJob) leftError(o *undeleteOptions, plan *back.Plan) error {
	var errs []error
	for _, i := range plan.Images {
		at := i.Repository + "@" + i.Digest.String()
		switch {
		case i.Restored:
		case i.Err != nil && !errors.Is(i.Err, back.ErrIncomplete):
			errs = append(errs, fmt.Errorf("%s: %w", at, i.Err))
		case !i.Complete() && !o.scope.partial:
			errs = append(errs, &layout.HintError{
				Err:  fmt.Errorf("%s is not complete: %s missing, the first is %s", at, term.OneOr(len(i.Missing), "1 blob is", fmt.Sprintf("%d blobs are", len(i.Missing))), i.Missing[0]),
				Hint: "push the image again; or bring back what is there", Command: []string{"undelete", at, "--partial"},
			})
		}
	}
	return errors.Join(errs...)
}
