package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/walker"
)

func (p *program) repairCommand() *cobra.Command {
	o := &repairOptions{}
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "repair what check finds, without losing an image",
		Long: `repair repairs what check --read-data finds. It writes links that are missing or
damaged, if the blob is there and intact. It moves damaged data to the trash. The
registry then reports that it does not have the blob, and pushing one image that
needs it heals all of them. With --from, repair copies blobs from the directory
of another registry or from an OCI image layout, and verifies them.

trash restore puts back what was replaced; trash empty removes it for good.
repair never undoes a deletion, and never sets a tag to an older image. If the
registry has a cache of blob descriptors, restart it before you push (with Redis,
flush the cache).` + repairStatusHelp,
		Example: `  regsweep repair --dry-run
  regsweep repair --from /backup/registry --yes
  regsweep repair --quick                        without reading all data`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return p.repair(cmd.Context(), o, cmd.Flags()) },
	}
	f := cmd.Flags()
	o.add(f)
	f.BoolVarP(&o.consent.dryRun, "dry-run", "d", false, "report what would be done, and do nothing")
	f.BoolVarP(&o.consent.yes, "yes", "y", false, "do not ask")
	f.StringArrayVar(&o.from, "from", nil, "copy blobs from `DIR`, a registry's root directory or an OCI image layout; can be repeated")
	f.BoolVar(&o.quick, "quick", false, "do not read the data of all blobs")
	return cmd
}

const repairStatusHelp = `

EXIT STATUS
  0    nothing is left
  1    something failed or cannot be read; stderr names it
  2    wrong usage
  3    something is left, or has to be pushed again
  130  stopped by SIGINT, 143 by SIGTERM, 129 by SIGHUP, 141 by SIGPIPE`

func (o *repairOptions) verify(f *pflag.FlagSet) error {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if slices.Contains(o.from, "") {
		return errors.New("--from is empty: it is a directory")
	}
	return nil
}

func (p *program) repair(ctx context.Context, o *repairOptions, f *pflag.FlagSet) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	if err := p.verifyConsent(&o.consent, "repair"); err != nil {
		return usage(err)
	}
	p.begin(&o.common)
	b, err := p.openBackBy(ctx, "repair", &o.common, "", o.consent.dryRun, (*backJob).warnForeign)
	if err != nil {
		return err
	}
	j := &repairJob{backJob: b, o: o, foreign: isForeign(&b.place)}
	defer j.close()
	if err := j.openSources(); err != nil {
		return usage(err)
	}
	if err := j.prepare(); err != nil {
		return err
	}
	return j.run(ctx)
}

// warnForeign says where links are not the truth. A repair writes none there.
func (j *backJob) warnForeign() error {
	for _, unread := range j.place.Unread {
		j.voice.Warn("%s", unread)
	}
	reason, err := foreign(&j.place)
	if err == nil && reason != "" {
		j.voice.Warn("%s: only the data of blobs are repaired here, and no links", reason)
	}
	return err
}

func (j *repairJob) openSources() error {
	for _, name := range j.o.from {
		s, err := back.OpenReplica(j.files, name, j.store)
		if err != nil {
			return &layout.HintError{Err: fmt.Errorf("--from %q: %w", name, err), Hint: "give the root directory of another registry, or an OCI image layout"}
		}
		j.sources = append(j.sources, s)
	}
	return nil
}

// prepare sets what the looks go by. The ages are those of check.
func (j *repairJob) prepare() (err error) {
	ages := defaultAges()
	now := time.Now()
	j.rules = mark.Rules{Now: now, Grace: time.Duration(ages.grace), UploadsOlderThan: time.Duration(ages.uploadsOlderThan)}
	j.rules.PullThrough, err = j.place.PullThrough()
	j.trash = trash.NewReplaced(j.place.Root, now)
	return err
}

func (j *repairJob) close() {
	for _, s := range j.sources {
		s.Close()
	}
	j.backJob.close()
}

// mostRounds is how often a repair looks again for what only shows when
// something else has been repaired. Indexes are not nested so deep.
const mostRounds = 32

// run repairs in rounds: what a manifest needs is known only when the manifest
// can be read.
func (j *repairJob) run(ctx context.Context) error {
	plan, err := j.round(ctx, !j.o.quick)
	if err != nil {
		return err
	}
	executed := false
	if plan.Doable() == 0 {
		j.dropRemnants()
	}
	if plan.Doable() > 0 && !j.o.consent.dryRun {
		j.would, j.left = split(plan.Steps)
		j.warnCache(plan.Steps)
		show := func() { fmt.Fprint(j.asking(), j.text(false)) }
		yes, err := j.ask(ctx, j.o.consent.yes, show, "repair this?", "nothing has been changed")
		if err != nil || !yes {
			return err
		}
		executed = true
		j.dropRemnants()
		if plan, err = j.rounds(ctx, plan); err != nil {
			return errors.Join(err, j.trash.Close(), j.tell(executed))
		}
		if err := j.trash.Close(); err != nil {
			j.voice.Warn("the trash: %s", err)
		}
	}
	j.would, j.left = split(plan.Steps)
	if j.o.consent.dryRun {
		j.warnCache(plan.Steps)
	}
	if err := j.tell(executed); err != nil {
		return err
	}
	return j.verdict()
}

// dropRemnants removes what repairs before this one were writing when they were
// stopped, and names what it leaves. Without the lock nothing is removed.
func (j *repairJob) dropRemnants() {
	if j.lock == nil {
		return
	}
	left, err := back.DropRemnants(j.lock, j.remnants)
	if err != nil {
		j.voice.Warn("what a stopped repair was writing is left: %s", err)
	}
	for _, r := range left {
		j.voice.Warn("%q is left: a repair was stopped there, and this link, to %s, may be one that was pushed in that moment. If the tag is right as it is, remove the file; if not, this moves the tag: %s",
			r.Path, r.Digest, j.where.Command("tag", r.Repository+"@"+r.Digest.String(), r.Tag, "--force"))
	}
}

// rounds carries out a plan, and what shows after it. It returns the plan that
// remains, which does nothing that could be done.
func (j *repairJob) rounds(ctx context.Context, plan *back.Repair) (*back.Repair, error) {
	for range mostRounds {
		err := plan.Execute(ctx, j.lock, j.trash)
		some := false
		for _, s := range plan.Steps {
			if s.Done {
				j.done = append(j.done, s)
				some = true
			}
		}
		if err != nil {
			j.would, j.left = nil, plan.Steps
			return plan, err
		}
		failed := plan.Steps
		if plan, err = j.round(ctx, j.blind && !j.o.quick); err != nil {
			return plan, err
		}
		keepErrors(plan, failed)
		if !some || plan.Doable() == 0 {
			break
		}
	}
	return plan, nil
}

// keepErrors says of what is left why it could not be done before.
func keepErrors(plan *back.Repair, before []*back.Step) {
	for _, s := range before {
		if s.Err == nil {
			continue
		}
		for _, now := range plan.Steps {
			if now.Finding.Kind == s.Finding.Kind && now.Finding.Path == s.Finding.Path && now.Err == nil {
				now.Do, now.Err, now.Reason = back.DoLeave, s.Err, s.Err.Error()
			}
		}
	}
}

// split tells what is done about from what is left.
func split(steps []*back.Step) (would, left []*back.Step) {
	for _, s := range steps {
		if s.Do == back.DoLeave {
			left = append(left, s)
		} else {
			would = append(would, s)
		}
	}
	return would, left
}

// verdict sets the status.
func (j *repairJob) verdict() error {
	var failed []error
	for _, s := range j.left {
		if s.Err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.Finding.Path, s.Err))
		}
	}
	for i := range j.problems {
		if p := &j.problems[i]; p.Kind == walker.IOError && !slices.ContainsFunc(j.would, func(s *back.Step) bool { return s.Finding.Path == p.Path }) {
			failed = append(failed, fmt.Errorf("%s: %s", p.Path, p.Detail))
		}
	}
	if j.blind && len(j.would) == 0 {
		failed = append(failed, errors.New("not all manifests could be read, so the rest was not examined: run repair again"))
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if j.blind {
		j.voice.Warn("some manifests cannot be read: other problems show up after these are replaced")
		j.status = statusProblems
	}
	if len(j.left) > 0 || len(j.needsPush()) > 0 {
		j.status = statusProblems
	}
	return nil
}
