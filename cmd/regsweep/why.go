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

func (p *program) whyCommand() *cobra.Command {
	o := &whyOptions{}
	cmd := &cobra.Command{
		Use:   "why [DIR] DIGEST, NAME:TAG or NAME@DIGEST ...",
		Short: "say what keeps a blob, an image or a tag, or what removes it",
		Long: `why shows, for every repository that keeps a blob or an image, the shortest path
to it: from a tag down, or from a manifest without a tag. Then it says what gc
and gc -m would do with it, and why. If only its age keeps it, why says until
when. With --policy it says what prune would do with that policy.

NAME:TAG asks about the tag, NAME@DIGEST about the image in that repository, and
DIGEST about the blob, wherever it is needed. You can shorten a digest to its
first 8 digits or more. Names can be globs, and you can give several. The first
argument can be the registry's directory or configuration, if it begins with /
or a dot.

why changes nothing and takes no lock.` + readingStatusHelp,
		Example: `  regsweep why 4f53cda18c2b             a blob, by the beginning of its digest
  regsweep why team/app:v1 --all        everything that keeps the image
  regsweep why 'team/*:pr-*' --policy policy.yml
                                        what prune would do with these tags`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.MinimumNArgs(1)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.why(cmd.Context(), o, cmd.Flags(), args)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().StringVar(&o.policyFile, "policy", "", "say what prune would do with this policy `FILE`; - is standard input")
	cmd.Flags().BoolVar(&o.all, "all", false, "list everything that keeps it, not only the nearest")
	return cmd
}

func (o *whyOptions) verify(p *program, f *pflag.FlagSet, args []string) (err error) {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if o.registry, args, err = o.place(args); err != nil {
		return err
	}
	if len(args) == 0 {
		return &layout.HintError{Err: errors.New("why needs to know what"), Hint: "give DIGEST, NAME:TAG or NAME@DIGEST"}
	}
	if o.patterns, err = parseAsked(args); err != nil || !f.Changed("policy") {
		return err
	}
	o.policy, err = p.readPolicy(o.policyFile)
	return err
}

func (p *program) why(ctx context.Context, o *whyOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(p, f, args); err != nil {
		return usage(err)
	}
	r, err := p.open(ctx, "why", &o.common, o.registry)
	if err != nil {
		return err
	}
	defer r.close()
	things, err := r.resolve(ctx, o.patterns)
	if err != nil {
		return err
	}
	answers, err := r.judge(ctx, o, things)
	if err != nil {
		return err
	}
	p.status = r.readingVerdict(unreadAmong(answers))
	several := len(things) > 1 || len(o.patterns) > 1 || o.patterns[0].Globs()
	result := r.answersJSON(o, answers, several)
	if r.fileResult(result); o.output == "json" {
		return r.writeJSON(result)
	}
	return r.writeAnswers(o, answers, several)
}

// judge asks three looks: by the rules of gc, of gc -m, and of prune with the policy.
func (r *reading) judge(ctx context.Context, o *whyOptions, things []asked) ([]explained, error) {
	plain, look, err := r.inquire(ctx, things, nil)
	if err != nil {
		return nil, err
	}
	list := make([]explained, len(things))
	for i := range list {
		if list[i] = (explained{asked: things[i], Answer: plain[i]}); !plain[i].Known {
			return nil, &layout.HintError{Err: fmt.Errorf("%s is not in the store, and nothing names it", things[i].text), Hint: "what there is", Command: []string{"ls"}}
		}
	}
	refused := r.refusals(look)
	untagged, _, err := r.inquire(ctx, things, func(rules *mark.Rules) {
		rules.DeleteUntagged, rules.OlderThan = true, defaultOlderThan
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		e := &list[i]
		e.gc = r.outcome(e, &plain[i].Fate, nil)
		e.untagged = r.outcome(e, &untagged[i].Fate, plain[i].Fate.Keepers)
		for k := range plain[i].Fate.Keepers {
			if path := plain[i].Fate.Keepers[k].Path; path != nil {
				e.all = append(e.all, path)
			}
		}
		e.gc.refuse(refused.plain)
		e.untagged.refuse(refused.untagged)
	}
	if o.policy == nil {
		return list, nil
	}
	return list, r.judgeByPolicy(ctx, o, things, list)
}

func unreadAmong(list []explained) (n int) {
	for i := range list {
		if list[i].Unread {
			n++
		}
	}
	return n
}
