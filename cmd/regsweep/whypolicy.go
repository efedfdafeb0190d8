package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/retention"
)

// judgeByPolicy adds what prune would do. It is the last look at a store, since a
// policy leaves marks.
func (r *reading) judgeByPolicy(ctx context.Context, o *whyOptions, things []asked, list []explained) error {
	p := &pruning{policy: o.policy, all: true}
	rules := r.rules
	if err := p.begin(ctx, &rules); err != nil {
		return err
	}
	if p.policy.AboutPulls() {
		used, err := r.usedBy(ctx, r.dir, r.jobs, &r.rules, r.store.Oldest(), &logSource{globs: o.policy.Pulls, ignore: o.policy.IgnoreAgents})
		if err != nil {
			return err
		}
		p.know(used)
	}
	answers, look, err := r.inquire(ctx, things, func(to *mark.Rules) { to.Selected, to.Protect = rules.Selected, rules.Protect })
	if err != nil {
		return err
	}
	refusals := rules.Selected.Refusals(look)
	if r.locksErr != nil {
		refusals = append(refusals, locksUnknown(r.locksErr))
	}
	p.finish(look)
	for i := range list {
		out := p.outcome(r, &list[i], &answers[i].Fate)
		if len(refusals) > 0 {
			out.refuse("prune refuses this policy: " + firstLine(errors.Join(refusals...)))
		}
		list[i].policy = &out
	}
	return nil
}

// outcome is what the policy does with a thing.
func (p *pruning) outcome(r *reading, e *explained, fate *mark.Fate) outcome {
	out := outcome{removed: fate.Removed}
	own := p.decisionsAbout(e)
	switch {
	case len(own) > 0 && (e.Tag != "" || fate.Removed):
		out.reason = decisionsText(own)
	case fate.Removed:
		out.reason = "only what the policy removes needs it"
	case len(fate.Keepers) == 0:
		out.reason = "nothing needs it, and the policy does not name it: gc removes it, not prune"
	default:
		k := &fate.Keepers[0]
		out.reason = r.keeperText(k, e)
		if d := p.decision(k.Repository, k.Tag); k.Tag != "" && d != nil {
			out.reason += "; the policy keeps that tag: " + decisionsText([]retention.Decision{*d})
		}
		more := len(fate.Keepers) - 1
		if lock := lockText(fate.Keepers[1:]); lock != "" {
			out.reason += "; " + lock
			more--
		}
		out.reason += andMore(more)
		out.at = fate.At
	}
	return out
}

// decisionsAbout are the policy's decisions about a tag, or about an image: its
// own, or those about its tags.
func (p *pruning) decisionsAbout(e *explained) (list []retention.Decision) {
	for i := range p.decisions {
		d := &p.decisions[i]
		switch {
		case e.Repository == "" || d.Repository != e.Repository:
		case e.Tag != "" && d.Tag == e.Tag, e.Tag == "" && d.Digest == e.Digest:
			list = append(list, *d)
		}
	}
	return list
}

func (p *pruning) decision(repository, tag string) *retention.Decision {
	at := slices.IndexFunc(p.decisions, func(d retention.Decision) bool { return d.Repository == repository && d.Tag == tag })
	if at < 0 {
		return nil
	}
	return &p.decisions[at]
}

// decisionsText says what was decided and by which rule.
func decisionsText(list []retention.Decision) string {
	var parts []string
	for i := range list {
		d := &list[i]
		text := strings.Join(d.Reasons, "; ")
		if d.Rule != "" {
			text = fmt.Sprintf("rule %s: %s", d.Rule, text)
		}
		if len(list) > 1 && d.Tag != "" {
			text = d.Tag + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
