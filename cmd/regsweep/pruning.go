package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
)

// begin makes the policy decide what a run removes.
func (p *pruning) begin(ctx context.Context, rules *mark.Rules) (err error) {
	p.decider, err = p.policy.Decider(retention.Options{
		Now: rules.Now, Grace: rules.Grace, Protect: rules.Protect, Stopped: func() bool { return ctx.Err() != nil },
	})
	if err != nil {
		return err
	}
	rules.Protect = p.decider.Protection()
	rules.Selected = mark.NewPruning(p.selectIn)
	rules.Selected.OnAgain(p.forget)
	p.room = p.onPage
	return nil
}

// again prepares for a look at all repositories once more.
func (p *pruning) again() { p.decider.Again() }

// forget makes room for decisions about all repositories, once more.
func (p *pruning) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repositories, p.decisions, p.count, p.room = nil, nil, sweep.Retention{}, p.onPage
}

// selectIn is the policy as a mark.Selector. It is called concurrently.
func (p *pruning) selectIn(r *mark.Selectable) (func(), error) {
	p.read(r)
	repository := asRepository(r)
	if p.used != nil && (p.fit != nil || p.decider.AboutPulls(r.Repository)) {
		p.used.into(r, &repository)
	}
	p.watch.See(&repository)
	p.excludes.See(&repository)
	decisions, err := p.decider.Decide(repository)
	if p.fit != nil {
		err = p.fit.restrict(r, &repository, decisions, p.decider, err)
	}
	if empty := new(retention.EmptyError); errors.As(err, &empty) {
		p.add(r, decisions) // what is refused is explained, too
		hint := "if you mean that, write allow-empty: true in the rule"
		if p.fromFlags {
			hint = "if you mean that, give --allow-empty"
		}
		return nil, &layout.HintError{Err: err, Hint: hint}
	}
	if err != nil {
		return nil, err
	}
	// The decisions are in the order of names, and so is what they are about.
	if err := sameOrder(r, decisions); err != nil {
		return nil, err
	}
	for i := range r.Tags {
		r.Tags[i].Remove, r.Tags[i].Protected = !decisions[i].Keep, decisions[i].Protected
	}
	untagged := decisions[len(r.Tags):]
	for i := range r.Untagged {
		r.Untagged[i].Remove, r.Untagged[i].Protected = !untagged[i].Keep, untagged[i].Protected
	}
	return func() {
		p.amend(r, decisions)
		p.add(r, decisions)
	}, nil
}

// read reads what the policy asks for in a repository.
func (p *pruning) read(r *mark.Selectable) {
	if p.decider.Age(r.Repository) == retention.Created {
		r.ReadCreated()
	}
	if names := p.decider.Labels(r.Repository); len(names) > 0 {
		r.ReadLabels(names)
	}
	if p.decider.Histories(r.Repository) {
		r.ReadHistories()
	}
}

func asRepository(r *mark.Selectable) retention.Repository {
	to := retention.Repository{Name: r.Repository, Tags: make([]retention.Tag, len(r.Tags)), Untagged: make([]retention.Manifest, len(r.Untagged))}
	for i := range r.Tags {
		t := &r.Tags[i]
		to.Tags[i] = retention.Tag{Name: t.Name, Digest: t.Digest, Pushed: t.Pushed, Created: t.Created, Undecidable: t.Undecidable, Orphan: t.Orphan, Labels: retention.Labels(t.Labels), Configs: t.Configs}
		for _, was := range t.History {
			to.Tags[i].History = append(to.Tags[i].History, retention.Revision(was))
		}
	}
	for i := range r.Untagged {
		m := &r.Untagged[i]
		to.Untagged[i] = retention.Manifest{Digest: m.Digest, Pushed: m.Pushed, Created: m.Created, Undecidable: m.Undecidable, Labels: retention.Labels(m.Labels), Configs: m.Configs}
	}
	return to
}

// amend makes a repository's decisions say what really becomes of it.
func (p *pruning) amend(r *mark.Selectable, decisions []retention.Decision) {
	for i := range decisions {
		if i < len(r.Tags) {
			amend(&decisions[i], r.Tags[i].Remove, r.Tags[i].Note)
		} else {
			amend(&decisions[i], r.Untagged[i-len(r.Tags)].Remove, r.Untagged[i-len(r.Tags)].Note)
		}
	}
}

// add takes over a repository's decisions.
func (p *pruning) add(r *mark.Selectable, decisions []retention.Decision) {
	one := report.PolicyRepository{Name: r.Repository}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range decisions {
		d := &decisions[i]
		countDecision(&p.count, d)
		if d.Protected {
			addProtected(&one, d)
		}
		if !d.Keep {
			p.remove(&one, d)
		}
	}
	if one.Protected+one.RemovedCount > 0 {
		p.repositories = append(p.repositories, one)
	}
	if p.all {
		p.decisions = append(p.decisions, decisions...)
	}
}

// amend makes a decision say what really happens.
func amend(d *retention.Decision, remove bool, note string) {
	switch {
	case slices.Contains(d.Reasons, note):
		d.Keep = !remove
	case remove != d.Keep && note != "":
		d.Reasons = append(d.Reasons, note)
	case remove == d.Keep:
		d.Keep, d.Reasons = !remove, []string{note}
	}
}

func countDecision(c *sweep.Retention, d *retention.Decision) {
	counts := [2]*int{&c.Removed.Tags, &c.Kept.Tags}
	protected := &c.Protected.Tags
	if d.Tag == "" {
		counts = [2]*int{&c.Removed.Untagged, &c.Kept.Untagged}
		protected = &c.Protected.Untagged
	}
	if d.Keep {
		*counts[1]++
	} else {
		*counts[0]++
	}
	if d.Protected {
		*protected++
	}
	if d.Undecidable {
		c.Undecidable++
	}
	if d.Timeless && d.Keep && !d.Protected {
		c.Timeless++
	}
}

// fewNames is how many protected things of a repository are named.
const fewNames = 3

// addProtected notes what is protected in a repository.
func addProtected(r *report.PolicyRepository, d *retention.Decision) {
	r.Protected++
	if len(r.First) < fewNames {
		r.First = append(r.First, report.DecisionName(d))
	}
	for _, reason := range d.Reasons {
		if by, ok := strings.CutPrefix(reason, "protected by "); ok && !slices.Contains(r.By, by) {
			r.By = append(r.By, by)
		}
	}
}

// finish puts everything in order when all repositories have been decided about.
func (p *pruning) finish(look *mark.Look) {
	slices.SortFunc(p.repositories, func(a, b report.PolicyRepository) int { return strings.Compare(a.Name, b.Name) })
	for i := range p.repositories {
		slices.Sort(p.repositories[i].By)
	}
	slices.SortStableFunc(p.decisions, func(a, b retention.Decision) int { return cmp.Compare(a.Repository, b.Repository) })
	p.count.Protected.Blobs, p.count.Protected.Bytes = look.Guarded()
}

// told is what was decided, for the report.
func (p *pruning) told() *report.Policy {
	t := &report.Policy{Repositories: p.repositories, Decisions: p.decisions, All: p.all}
	if p.fromFlags {
		return t // stderr has what selects nothing
	}
	list := p.decider.Unmatched()
	for i := range list {
		t.Unmatched = append(t.Unmatched, list[i].String())
	}
	return t
}

// into adds the decisions to a report.
func (p *pruning) into(rep *sweep.Report) {
	count := p.count
	p.selectors(&count)
	rep.Retention = &count
	if !p.all {
		return
	}
	rep.Decisions = make([]sweep.DecisionLine, len(p.decisions))
	for i := range p.decisions {
		rep.Decisions[i] = decisionLine(&p.decisions[i])
	}
}

func decisionLine(d *retention.Decision) sweep.DecisionLine {
	line := sweep.DecisionLine{Repository: term.Valid(d.Repository), Tag: term.Valid(d.Tag), Action: "remove", Rule: term.Valid(d.Rule), Entry: d.Entry}
	if d.Keep {
		line.Action = "keep"
	}
	if !d.Digest.IsZero() {
		line.Digest = d.Digest.String()
	}
	if !d.Time.IsZero() {
		at := d.Time.UTC()
		line.Time = &at
	}
	for _, reason := range d.Reasons {
		line.Reasons = append(line.Reasons, term.Valid(reason))
	}
	return line
}

// remove notes what is removed from a repository: some of it, as far as it is named,
// and more while there is room for it on the page.
func (p *pruning) remove(r *report.PolicyRepository, d *retention.Decision) {
	r.RemovedCount++
	if len(r.Removed) < report.FewRemoved || p.room > 0 {
		if len(r.Removed) >= report.FewRemoved {
			p.room--
		}
		one := *d
		one.Reasons = slices.Clone(d.Reasons)
		r.Removed = append(r.Removed, one)
	}
}

// isChosen reports whether the image of a tag, or of an untagged manifest, was chosen.
// One that was pushed after the choice is kept.
func (f *fit) isChosen(d *retention.Decision, pushed time.Time) bool {
	c := f.chosen[d.Repository][d.Digest]
	switch {
	case c == nil:
		return false
	case d.Tag == "":
		return len(c.Tags) == 0 && c.Pushed.Equal(pushed)
	}
	return slices.ContainsFunc(c.Tags, func(t mark.CandidateTag) bool { return t.Name == d.Tag && t.Pushed.Equal(pushed) })
}

// notNeeded is the reason for which an image is kept that the policy removes.
const notNeeded = "kept, since the target does not need it"

// restrict leaves of a repository's decisions only what is chosen, and refuses
// what would leave it without a tag. refusal is what the policy would refuse if all
// were removed that it removes without a target.
func (f *fit) restrict(r *mark.Selectable, to *retention.Repository, decisions []retention.Decision, decider *retention.Decider, refusal error) error {
	if empty := new(retention.EmptyError); refusal != nil && !errors.As(refusal, &empty) {
		return refusal
	}
	for i := range r.Tags {
		r.Tags[i].Used = latest(to.Tags[i].Pulled, r.Tags[i].Pushed)
	}
	for i := range r.Untagged {
		r.Untagged[i].Used = latest(to.Untagged[i].Pulled, r.Untagged[i].Pushed)
	}
	if f.collecting {
		return nil
	}
	for i := range decisions {
		d := &decisions[i]
		if d.Keep {
			continue
		}
		var pushed time.Time
		if i < len(r.Tags) {
			pushed = r.Tags[i].Pushed
		} else {
			pushed = r.Untagged[i-len(r.Tags)].Pushed
		}
		if !f.isChosen(d, pushed) {
			d.Keep = true
			d.Reasons = append(d.Reasons, notNeeded)
		}
	}
	return decider.Empties(decisions)
}

// sameOrder makes sure that no decision is taken for another one's.
func sameOrder(r *mark.Selectable, decisions []retention.Decision) error {
	same := len(decisions) == len(r.Tags)+len(r.Untagged)
	for i := 0; same && i < len(decisions); i++ {
		if d := &decisions[i]; i < len(r.Tags) {
			same = d.Tag == r.Tags[i].Name
		} else {
			same = d.Tag == "" && d.Digest == r.Untagged[i-len(r.Tags)].Digest
		}
	}
	if !same {
		return fmt.Errorf("the decisions about %q do not fit its contents: this is a bug in regsweep", r.Repository)
	}
	return nil
}
