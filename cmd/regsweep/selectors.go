package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// readTwins finds the images that are protected anywhere, for a policy that
// protects their tags everywhere. It reads tags only.
func (j *job) readTwins(ctx context.Context) error {
	if j.prune == nil || !j.prune.decider.WantsTwins() {
		return nil
	}
	decider := j.prune.decider
	findings := new(walker.Findings)
	w := walker.New(j.store, walker.Options{Jobs: j.width.most, InOrder: j.width.inOrder, Findings: findings, Resumed: j.rules.Resumed, Progress: new(walker.Progress)})
	defer w.Close()
	var mu sync.Mutex
	w.Repositories(ctx, func(r *walker.Repository) {
		if r.Empty {
			return
		}
		var tags []retention.Tag
		for _, t := range r.Tags(ctx, nil) {
			if t.AsideName == "" && t.Link.State == walker.LinkGood {
				tags = append(tags, retention.Tag{Name: t.Name, Digest: t.Link.Target})
			}
		}
		protected := decider.Protects(r.Name, tags)
		mu.Lock()
		defer mu.Unlock()
		for _, t := range protected {
			decider.Twin(t.Digest, r.Name+":"+t.Name)
		}
	})
	if ctx.Err() != nil {
		return fmt.Errorf("%w; nothing has been removed", context.Cause(ctx))
	}
	if n := findings.Unreadable(); n > 0 {
		for _, p := range findings.Problems() {
			if p.Kind == walker.IOError {
				j.voice.Say("regsweep: %s: %s", p.Path, p.Detail)
			}
		}
		return &layout.HintError{
			Err:  fmt.Errorf("%s cannot be read, so it is not known what is protected: nothing has been removed", english.Plural(n, "path", "")),
			Hint: "run as a user who can read the store, or repair the filesystem first",
		}
	}
	return nil
}

// sayUnmatched names on stderr what selects nothing. A nightly run with -q may
// have matched nothing for months: it says so, too.
func (p *pruning) sayUnmatched(v *term.Voice) {
	for _, u := range p.watch.Unmatched() {
		v.Say("warning: --filter %q matches nothing: %s", u.Text, u.Reason)
	}
	for _, u := range p.excludes.Unmatched() {
		v.Say("warning: --exclude %q matches nothing: %s", u.Text, u.Reason)
	}
	if !p.fromFlags && !p.decider.Decided() {
		v.Say("warning: the policy matches nothing in the store:")
		for _, u := range p.decider.Unmatched() {
			if u.Kind != "protect" {
				v.Say("  %s", u.String())
			}
		}
	}
	for _, text := range p.decider.Warnings() {
		v.Warn("%s", text)
	}
	for _, text := range p.decider.Short() {
		v.Say("regsweep: %s", text)
	}
}

// selectors adds to a report what of the policy selects nothing, and what its
// author may not have meant.
func (p *pruning) selectors(to *sweep.Retention) {
	to.Unmatched, to.Warnings = []sweep.UnmatchedLine{}, []string{}
	watches := []struct {
		kind  string
		watch *retention.Watch
	}{{"filter", p.watch}, {"exclude", p.excludes}}
	for _, w := range watches {
		for _, u := range w.watch.Unmatched() {
			to.Unmatched = append(to.Unmatched, sweep.UnmatchedLine{Kind: w.kind, Patterns: []string{term.Valid(u.Text)}, Reason: u.Reason})
		}
	}
	for _, u := range p.decider.Unmatched() {
		if p.fromFlags && u.Kind != "protect" {
			continue // the rule is one of flags, which have been named
		}
		line := sweep.UnmatchedLine{Kind: u.Kind, Rule: term.Valid(u.Rule), Entry: u.Entry, Reason: u.Reason}
		for _, pattern := range u.Patterns {
			line.Patterns = append(line.Patterns, term.Valid(pattern))
		}
		to.Unmatched = append(to.Unmatched, line)
	}
	for _, text := range p.decider.Warnings() {
		to.Warnings = append(to.Warnings, term.Valid(text))
	}
	for _, text := range p.decider.Short() {
		to.Uncovered = append(to.Uncovered, term.Valid(text))
	}
}

// refusalTexts are the reasons for a refusal, one by one.
func refusalTexts(err error) (texts []string) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			texts = append(texts, refusalTexts(one)...)
		}
		return texts
	}
	var hint *layout.HintError
	if errors.As(err, &hint) {
		return []string{term.Valid(fmt.Sprintf("%s; %s", hint.Err, hint.Hint))}
	}
	return []string{term.Valid(err.Error())}
}
