package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// whyOptions are what why was asked about.
type whyOptions struct {
	common
	target mark.Target // without a repository: any blob
}

func (p *program) whyCommand() *cobra.Command {
	o := &whyOptions{}
	cmd := &cobra.Command{
		Use:   "why DIGEST, NAME:TAG or NAME@DIGEST",
		Short: "say what keeps a blob or manifest alive",
		Long: `why shows, for every repository that keeps a blob or manifest, the shortest way to it:
from a tag down, or from a manifest without a tag. If nothing keeps it, the next gc
removes it, unless it is too young. A digest may be cut to its first 8 digits or more.

It changes nothing and takes no lock.` + exitStatusHelp,
		Example: `  regsweep why sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945
  regsweep why 4f53cda18c2b                       the beginning is enough
  regsweep why team/app:v1                        what else keeps the manifest that the tag names`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.ExactArgs(1)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.why(cmd.Context(), o, cmd.Flags(), args[0])
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (o *whyOptions) verify(f *pflag.FlagSet, arg string) (err error) {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if o.target.Digest, o.target.Prefix, err = parseDigest(arg); err == nil {
		return nil
	}
	image, imageErr := parseTarget(arg)
	switch {
	case imageErr == nil:
		o.target = image
		return nil
	case errors.Is(imageErr, errNoImage) && strings.Trim(arg, "0123456789abcdef") != "":
		return &layout.HintError{Err: quoted("%s is neither a digest nor an image", arg), Hint: "give DIGEST, NAME:TAG or NAME@DIGEST"}
	case strings.Contains(arg, "@"):
		return imageErr
	}
	return err
}

func (p *program) why(ctx context.Context, o *whyOptions, f *pflag.FlagSet, arg string) error {
	if err := o.verify(f, arg); err != nil {
		return usage(err)
	}
	r, err := p.open(ctx, "why", &o.common)
	if err != nil {
		return err
	}
	defer r.close()
	digest, err := r.resolve(o.target)
	if err != nil {
		return err
	}
	question := mark.NewQuestion(digest)
	look, err := r.look(ctx, question)
	if err != nil {
		return err
	}
	answer := question.Answer(ctx, look)
	if err := r.readable(); err != nil {
		return err
	}
	if !answer.Known {
		return &layout.HintError{Err: fmt.Errorf("%s is not in the store, and nothing names it", digest), Hint: "regsweep ls lists what there is"}
	}
	p.status = r.verdict()
	result := r.answerJSON(digest, &answer)
	if r.fileResult(result); o.output == "json" {
		return r.writeJSON(result)
	}
	return r.answer(digest, &answer)
}

// resolve finds the digest that was meant.
func (r *reading) resolve(t mark.Target) (layout.Digest, error) {
	switch {
	case t.Tag != "":
		return r.readTag(t)
	case t.Prefix == "" && t.Repository == "":
		return t.Digest, nil
	}
	found := []layout.Digest{t.Digest}
	if t.Prefix != "" {
		found = r.store.Match(t.Prefix)
	}
	if t.Repository != "" {
		var linked []layout.Digest
		for _, d := range found {
			if _, err := r.dir.Stat(layout.RevisionDir(t.Repository, d) + "/" + layout.Link); err == nil {
				linked = append(linked, d)
			} else if !disk.Gone(err) {
				return layout.Digest{}, err
			}
		}
		found = linked
	}
	name := t.String()
	if t.Repository == "" {
		name = t.Prefix
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		hint := "regsweep ls lists what there is"
		if t.Repository != "" {
			hint = "regsweep ls " + t.Repository + " lists its manifests; give a layer's digest alone"
		}
		return layout.Digest{}, &layout.HintError{Err: fmt.Errorf("there is no %s", name), Hint: hint}
	}
	return layout.Digest{}, &layout.HintError{Err: fmt.Errorf("%s is the beginning of %d digests", name, len(found)), Hint: "give more of it"}
}

// readTag reads what a tag names.
func (r *reading) readTag(t mark.Target) (layout.Digest, error) {
	var buf [layout.MaxLink + 1]byte
	n, _, err := r.dir.ReadFile(layout.TagDir(t.Repository, t.Tag)+"/"+layout.Current+"/"+layout.Link, buf[:])
	if disk.Gone(err) {
		return layout.Digest{}, &layout.HintError{Err: fmt.Errorf("there is no tag %s", t), Hint: "regsweep ls " + t.Repository + " lists the tags"}
	}
	if err != nil {
		return layout.Digest{}, err
	}
	d, err := layout.ParseLink(buf[:n])
	if err != nil {
		err = fmt.Errorf("the tag %s: %w", t, err)
	}
	return d, err
}

// answerJSON is the answer as in docs/formats.md.
func (r *reading) answerJSON(digest layout.Digest, a *mark.Answer) any {
	out := struct {
		Digest     string     `json:"digest"`
		Live       bool       `json:"live"`
		Paths      [][]string `json:"paths"`
		FreshUntil *string    `json:"freshUntil,omitempty"`
		Broken     []string   `json:"brokenRepositories,omitempty"`
	}{Digest: digest.String(), Live: a.Live, Paths: [][]string{}}
	for _, path := range a.Paths {
		escaped := slices.Clone(path)
		for i := range escaped {
			escaped[i] = valid(escaped[i])
		}
		out.Paths = append(out.Paths, escaped)
	}
	for _, name := range a.Broken {
		out.Broken = append(out.Broken, valid(name))
	}
	if a.Until.After(r.rules.Now) {
		out.FreshUntil = timeText(a.Until.UnixNano())
	}
	return out
}

// answer writes the answer for people.
func (r *reading) answer(digest layout.Digest, a *mark.Answer) error {
	var text strings.Builder
	say := func(format string, args ...any) { fmt.Fprintln(&text, harmless(fmt.Sprintf(format, args...))) }
	for i, path := range a.Paths {
		if i > 0 {
			say("")
		}
		for depth, step := range path {
			say("%s%s", strings.Repeat("  ", depth), step)
		}
	}
	for _, name := range a.Broken {
		say("%s is kept since the repository %q cannot be read in full and links it", digest, name)
	}
	switch until := a.Until.Format(time.RFC3339); {
	case len(a.Paths) > 0 || len(a.Broken) > 0:
	case a.Until.After(r.rules.Now):
		say("nothing keeps %s but its age: gc spares it until %s, and removes it after that", digest, until)
	case a.Live:
		say("%s is kept, though no manifest reaches it", digest)
	case !a.Here:
		say("nothing keeps %s, and its blob is not in the store: the next gc removes the links to it", digest)
	default:
		say("nothing keeps %s: the next gc removes it", digest)
	}
	if len(a.Paths) > 0 && !a.Here {
		say("")
		say("its blob is not in the store: who pulls it gets an error")
	}
	_, err := r.out.Write([]byte(text.String()))
	return err
}
