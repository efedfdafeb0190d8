package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/back"
)

// tagSchema names the version of the JSON of tag.
const tagSchema = "regsweep/tag/v1"

// tagOptions are what tag was asked to do.
type tagOptions struct {
	common
	consent removal // dryRun and yes
	force   bool

	source name.Pattern
	tag    string
}

func (p *program) tagCommand() *cobra.Command {
	o := &tagOptions{}
	cmd := &cobra.Command{
		Use:   "tag NAME:TAG NEWTAG, tag NAME@DIGEST NEWTAG",
		Short: "give an image one more tag, or move a tag to it",
		Long: `tag makes NEWTAG name an image of the same repository, as a push of the tag would.
It moves a tag that names another image only with --force, and never moves a
protected tag. ls --history shows what a tag named before.` + exitStatusHelp,
		Example: `  regsweep tag team/app:v1.4.2 stable
  regsweep ls team/app:latest --history          what it named last week
  regsweep tag team/app@sha256:4f53cda18c2b latest --force`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.tag(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	o.add(f)
	f.BoolVarP(&o.consent.dryRun, "dry-run", "d", false, "report what would be done, and do nothing")
	f.BoolVarP(&o.consent.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.force, "force", false, "move the tag if it names another image; asks first")
	return cmd
}

func (o *tagOptions) verify(f *pflag.FlagSet, args []string) (err error) {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if len(args) != 2 {
		return &layout.HintError{Err: errors.New("tag needs an image and its new tag"), Hint: "give NAME:TAG or NAME@DIGEST, then NEWTAG"}
	}
	if o.source, err = name.Parse(args[0]); err != nil {
		return err
	}
	switch {
	case o.source.Globs():
		return term.Quoted("%s is a glob: name one image", args[0])
	case o.source.Whole():
		return &layout.HintError{Err: term.Quoted("%s is a repository", args[0]), Hint: "give NAME:TAG or NAME@DIGEST"}
	}
	o.tag = args[1]
	if !layout.IsTag(o.tag) {
		return &layout.HintError{Err: term.Quoted("%s is not a tag that a registry accepts", o.tag), Hint: "give the new tag alone: it is in the repository of the image"}
	}
	return verifyNewTag(o.tag)
}

func (p *program) tag(ctx context.Context, o *tagOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	if o.force {
		if err := p.verifyConsent(&o.consent, "tag --force"); err != nil {
			return usage(err)
		}
	}
	j, err := p.openBack(ctx, "tag", &o.common, "", true, o.consent.dryRun)
	if err != nil {
		return err
	}
	defer j.close()
	t, err := j.planTag(ctx, o)
	if err != nil {
		return err
	}
	if t.Same() {
		return j.tellTag(o, t, false)
	}
	if t.Exists {
		if err := j.refuseMove(o, t); err != nil {
			return err
		}
	}
	if o.consent.dryRun {
		return j.tellTag(o, t, false)
	}
	if t.Exists {
		show := func() { fmt.Fprintln(j.asking(), term.Harmless(tagText(t, "would name"))) }
		yes, err := j.ask(ctx, o.consent.yes, show, "move this tag?", "nothing has been changed")
		if err != nil || !yes {
			return err
		}
	}
	if err := t.Execute(ctx, j.lock); err != nil {
		return fmt.Errorf("%s:%s: %w", t.Repository, t.Tag, err)
	}
	return j.tellTag(o, t, true)
}

func (j *backJob) planTag(ctx context.Context, o *tagOptions) (*back.Tagging, error) {
	here, repository, err := j.one(ctx, &o.source)
	if err != nil {
		return nil, err
	}
	d, err := back.Source(j.store, repository, here.Tag, here.HasDigest)
	if err != nil {
		return nil, &layout.HintError{Err: fmt.Errorf("%s: %w", here.String(), err), Hint: "what the tags name and named", Command: []string{"ls", repository, "--history"}}
	}
	return back.NewTagging(j.store, repository, o.tag, d)
}

// refuseMove refuses to move a tag without --force, and one that is protected.
func (j *backJob) refuseMove(o *tagOptions, t *back.Tagging) error {
	at := t.Repository + ":" + t.Tag
	if err := j.refuseProtected(t, at); err != nil || o.force {
		return err
	}
	names := t.Previous.String()
	if t.Previous.IsZero() {
		names = "nothing that can be read"
	}
	return &layout.HintError{
		Err:  fmt.Errorf("%s is there and names %s: nothing has been changed", at, names),
		Hint: "to move it", Command: []string{"tag", o.source.String(), t.Tag, "--force"},
	}
}

// refuseProtected refuses to move a tag that is protected.
func (j *backJob) refuseProtected(t *back.Tagging, at string) error {
	locks, err := sweep.ReadLocks(j.store)
	if err != nil {
		return &layout.HintError{
			Err:  fmt.Errorf("%w: it is not known what is protected, and nothing has been changed", err),
			Hint: "repair " + j.place.Store + "/" + sweep.LocksPath + " by hand",
		}
	}
	locks.Expire(time.Now())
	guard := locks.Guard(t.Repository)
	lines := slices.Concat(guard.Repository(), guard.Tag(t.Tag), guard.Digest(t.Previous))
	if len(lines) > 0 {
		return &layout.HintError{
			Err:  fmt.Errorf("%s is protected by %s: nothing has been changed", at, protect.Patterns(lines)[0]),
			Hint: "to lift that", Command: []string{"protect", "rm", protect.Patterns(lines)[0]},
		}
	}
	return nil
}

// taggedResult is the JSON of tag.
type taggedResult struct {
	Schema     string  `json:"schema"`
	Root       string  `json:"root"`
	DryRun     bool    `json:"dryRun"`
	Repository string  `json:"repository"`
	Tag        string  `json:"tag"`
	Digest     string  `json:"digest"`
	Previous   *string `json:"previous"`
}

// tellTag writes to stdout what was done, or would be.
func (j *backJob) tellTag(o *tagOptions, t *back.Tagging, executed bool) error {
	result := taggedResult{tagSchema, term.Valid(j.place.Root), o.consent.dryRun, term.Valid(t.Repository), t.Tag, t.Digest.String(), nil}
	if !t.Previous.IsZero() {
		text := t.Previous.String()
		result.Previous = &text
	}
	j.fileResult(result)
	switch {
	case j.output == "json":
		return j.writeJSON(result)
	case j.quiet:
		return nil
	}
	verb := "would name"
	switch {
	case t.Same():
		verb = "names this already:"
	case executed:
		verb = "names"
	}
	_, err := fmt.Fprintln(j.out, term.Harmless(tagText(t, verb)))
	return err
}

func tagText(t *back.Tagging, verb string) string {
	text := fmt.Sprintf("%s:%s %s %s", t.Repository, t.Tag, verb, t.Digest)
	if !t.Previous.IsZero() && !t.Same() {
		text += fmt.Sprintf("; before: %s", t.Previous)
	}
	return text
}
