package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/retention"
)

func (p *program) pruneCommand() *cobra.Command {
	o := &pruneOptions{}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "remove tags that a policy does not keep, and their images",
		Long: `prune applies a retention policy. In each repository, it keeps the tags that the
policy keeps, removes the others, and sweeps what only they used. The policy is a
file, or is made from flags in the style of acr purge. An image is kept if
another tag, an index or a protected name keeps it. Before prune asks, it lists
every tag that it will remove, with the rule and the reason.

A tag that no rule applies to is kept, and so is a tag that cannot be judged. A
rule that would leave a repository without a tag refuses the whole run, unless
the rule or the flag --allow-empty allows that. Older garbage is left to gc.

With --target-free or --max-used, prune first removes what gc would remove. Then
it removes images that the policy does not keep, until the target is met. It
begins with the least recently used, by the last pull, or else by the push. If
the target is met already, nothing is removed. If it cannot be met, everything
that the policy does not keep is removed, the status is 1, and the report says
how much is missing.` + exitStatusHelp,
		Example: `  regsweep prune --policy policy.yml --dry-run -v   each tag, with the reason
  regsweep prune --policy policy.yml --yes --max-remove 30%      from cron
  regsweep prune --filter 'ci/.*:pr-.*' --ago 30d --keep 3
                                   keep the 3 newest, and the last 30 days
  regsweep prune --policy policy.yml --target-free 20% --yes
                                   only as much as it takes to have 20% free
  regsweep prune --untagged-only --ago 7d --yes
                                   untagged manifests, in every repository
  regsweep prune --filter 'app:.*' --ago 30d --print-policy
                                   the policy that the flags make`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if cmd.Flags().Changed("pulls") { // as where a shell has expanded a glob
				o.pulls = append(o.pulls, args...)
				return nil
			}
			return usage(&layout.HintError{Err: term.Quoted("prune takes no argument: %s", args[0]), Hint: "name repositories with --filter, or in the policy"})
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.prune(cmd.Context(), o, cmd.Flags()) },
	}
	o.add(cmd.Flags())
	return cmd
}

func (o *pruneOptions) add(f *pflag.FlagSet) {
	o.common.add(f)
	o.removal.add(f)
	o.addKeepDeleted(f)
	o.planning.add(f)
	o.addArchive(f)
	o.targets.add(f)
	f.StringVar(&o.policyFile, "policy", "", "the `FILE` of the policy; - is standard input")
	f.BoolVar(&o.printPolicy, "print-policy", false, "print the policy of the file or the flags, and do nothing else")
	f.StringArrayVar(&o.filters, "filter", nil, "remove only tags whose whole name matches `REPO_REGEX:TAG_REGEX`; can be repeated")
	f.StringArrayVar(&o.excludes, "exclude", nil, "keep tags whose whole name matches `REPO_REGEX:TAG_REGEX`, whatever --filter says; can be repeated")
	f.Var(&o.ago, "ago", "remove only tags and manifests that are older than this `AGE`, or a date")
	f.IntVar(&o.keep, "keep", 0, "keep the `N` newest of the tags that any filter matches in a repository")
	f.BoolVar(&o.untagged, "untagged", false, "also remove untagged manifests, if they are older than --ago")
	f.StringArrayVar(&o.pulls, "pulls", nil, "read from the access log `FILE` which images are used, for rules about pulls; more FILEs can follow")
	f.BoolVar(&o.untaggedOnly, "untagged-only", false, "remove untagged manifests and no tags; in every repository if there is no --filter")
}

var (
	errNoPolicy   = errors.New("prune needs to know what to keep")
	errTwoPolices = errors.New("--policy and the flags that make a policy cannot be combined")
	errOneStdin   = errors.New("--policy and --protect cannot both be standard input")
)

// verify checks the options before anything is read.
func (o *pruneOptions) verify(f *pflag.FlagSet) error {
	if err := errors.Join(o.common.verify(f), o.removal.verify(f), o.planning.verify(f, o.dryRun), o.verifyArchive(f), o.targets.verify(f, o)); err != nil {
		return err
	}
	made := false
	for _, name := range []string{"filter", "exclude", "ago", "keep", "untagged", "untagged-only"} {
		made = made || f.Changed(name)
	}
	if f.Changed("pulls") {
		if err := verifyLogs(o.pulls); err != nil {
			return err
		}
	}
	switch file := f.Changed("policy"); {
	case !file && !made:
		return &layout.HintError{Err: errNoPolicy, Hint: "give --policy FILE, or --filter 'REPO_REGEX:TAG_REGEX' with --ago or --keep"}
	case file && made:
		return &layout.HintError{Err: errTwoPolices, Hint: "--print-policy with only the flags prints rules that you can add to the file"}
	case o.policyFile == "-" && o.protect == "-":
		return errOneStdin
	case slices.Contains(o.pulls, "-") && (o.policyFile == "-" || o.protect == "-"):
		return errors.New("--pulls and --policy or --protect cannot both be standard input")
	case f.Changed("pulls") && !file && !o.given():
		return &layout.HintError{Err: errors.New("--pulls is for rules about pulls, which these flags do not make"), Hint: "give --policy FILE, with pulled-within or pulled in it"}
	}
	return nil
}

// policy reads the policy, or makes it of flags.
func (o *pruneOptions) policy(p *program, f *pflag.FlagSet) (*retention.Policy, error) {
	if f.Changed("policy") {
		return p.readPolicy(o.policyFile)
	}
	flags := retention.Flags{Filters: o.filters, Excludes: o.excludes, Untagged: o.untagged, UntaggedOnly: o.untaggedOnly, AllowEmpty: o.allowEmpty}
	if f.Changed("ago") {
		ago := retention.Ago(o.ago)
		flags.Ago = &ago
	}
	if f.Changed("keep") {
		flags.Keep = &o.keep
	}
	if o.given() && flags.Ago == nil && flags.Keep == nil {
		flags.Keep = new(int) // the target says what is kept
	}
	policy, err := retention.FromFlags(flags)
	return policy, usage(err)
}

func (p *program) prune(ctx context.Context, o *pruneOptions, f *pflag.FlagSet) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	policy, err := o.policy(p, f)
	if err != nil {
		return err
	}
	if o.printPolicy {
		text, err := policy.Marshal()
		if err != nil {
			return err
		}
		_, err = p.out.Write(text)
		return err
	}
	if err := p.verifyConsent(&o.removal, "prune"); err != nil {
		return usage(err)
	}
	job, err := p.newJob("prune", &o.common, &o.removal, f, "")
	if err != nil {
		return err
	}
	job.planning = o.planning
	if job.rules.PullThrough {
		p.voice.Warn("%s is a pull-through cache, whose untagged manifests are the cache itself", job.place.Root)
	}
	if f.Changed("pulls") && !policy.AboutPulls() && !o.given() {
		p.voice.Warn("--pulls is for rules about pulls, and the policy has none")
	}
	job.prune = &pruning{policy: policy, logs: o.pulls, fromFlags: !f.Changed("policy"), all: o.verbose}
	job.prune.watch, job.prune.excludes = retention.NewWatch(o.filters, o.untaggedOnly), retention.NewWatch(o.excludes, false)
	if o.given() {
		job.fit = &fit{targets: o.targets}
		job.prune.fit = job.fit
	}
	if p.filing.isPage() {
		job.prune.onPage = report.MostRemoved
	}
	return job.run(ctx)
}
