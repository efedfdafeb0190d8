package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// repositoryCase is one repository that is being decided about.
type repositoryCase struct {
	*Decider
	guard protect.Guard
	whole []string // why all of it is protected
	rule  *rule    // nil if none matches

	decisions []Decision
	things    []thing // in their order
}

// newCase puts what there is in the order of the decisions.
func (d *Decider) newCase(r Repository) *repositoryCase {
	c := &repositoryCase{Decider: d, guard: d.protect.Guard(r.Name), rule: d.takeRule(r.Name)}
	c.whole = protect.Patterns(c.guard.Repository())
	age := Pushed
	if c.rule != nil {
		age = c.rule.Age
	}
	timeOf := func(pushed, created time.Time) time.Time {
		if age == Created {
			return created
		}
		return pushed
	}
	c.decisions = make([]Decision, len(r.Tags)+len(r.Untagged))
	c.things = make([]thing, 0, len(c.decisions))
	add := func(one Decision, t thing) {
		t.Decision = &c.decisions[len(c.things)]
		*t.Decision = one
		c.things = append(c.things, t)
	}
	for _, t := range sorted(r.Tags, func(a, b *Tag) int { return cmp.Compare(a.Name, b.Name) }) {
		one := Decision{Repository: r.Name, Tag: t.Name, Digest: t.Digest, Time: timeOf(t.Pushed, t.Created), Created: age == Created}
		referrer := false
		if strings.HasPrefix(t.Name, "sha") { // hardly any tag does, and the rest is an expression
			_, referrer = layout.ReferrerTag(t.Name)
		}
		if referrer {
			one.Time, one.Created = t.Pushed, false
		}
		add(one, thing{pushed: t.Pushed, pulled: t.Pulled, undecidable: t.Undecidable, referrer: referrer, orphan: t.Orphan, labels: &t.Labels, history: t.History, configs: t.Configs})
	}
	for _, m := range sorted(r.Untagged, func(a, b *Manifest) int { return a.Digest.Compare(b.Digest) }) {
		add(Decision{Repository: r.Name, Digest: m.Digest, Time: timeOf(m.Pushed, m.Created), Created: age == Created},
			thing{pushed: m.Pushed, pulled: m.Pulled, undecidable: m.Undecidable, untagged: true, labels: &m.Labels, configs: m.Configs})
	}
	return c
}

func sorted[T any](list []T, compare func(a, b *T) int) []*T {
	order := make([]*T, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortFunc(order, compare)
	return order
}

// look finds what keeps a thing whatever the rule says.
func (c *repositoryCase) look(t *thing) {
	t.protect(c.whole)
	if !t.untagged {
		t.protect(protect.Patterns(c.guard.Tag(t.Tag)))
		if name := c.twin[t.Digest]; name != "" && name != t.Repository+":"+t.Tag {
			t.protect([]string{"its twin " + name})
		}
	}
	t.protect(protect.Patterns(c.guard.Digest(t.Digest)))
	for _, config := range t.configs {
		t.protect(protect.Patterns(c.guard.Digest(config)))
	}
	if t.undecidable != "" {
		t.Undecidable = true
		t.keep(t.undecidable)
	}
	if c.rule == nil {
		t.keep("no rule matches")
		return
	}
	t.Rule = c.rule.name
	if reason := c.timeless(t); reason != "" {
		t.timeless, t.Timeless = true, t.undecidable == ""
		t.keep(reason)
	}
}

// timeless says why a thing's time cannot be used. Nothing was pushed or built
// for a registry before 1981; reproducible builds and archives say 1970 and 1980.
func (c *repositoryCase) timeless(t *thing) string {
	what := c.rule.Age.String()
	if t.referrer {
		what = Pushed.String()
	}
	if reason := c.unusable(t.Time); reason != "" {
		return what + " time " + reason
	}
	return ""
}

// unusable says what is wrong with a time, or "".
func (c *repositoryCase) unusable(at time.Time) string {
	switch {
	case at.IsZero():
		return "is missing"
	case at.Before(time.Date(1981, 1, 1, 0, 0, 0, 0, time.UTC)):
		return "is absurd: " + at.UTC().Format(time.DateOnly)
	case at.After(c.now):
		return "is in the future: " + at.UTC().Format(time.RFC3339)
	}
	return ""
}

// apply gives every thing to what decides about it: an entry, or the rule's
// word about untagged manifests or referrers. It reports whether it was not stopped.
func (c *repositoryCase) apply() bool {
	pools := make([][]*thing, len(c.rule.entries))
	var untagged []*thing
	for i := range c.things {
		if c.stops(i) {
			return false
		}
		t := &c.things[i]
		switch {
		case t.untagged:
			untagged = append(untagged, t)
		case t.referrer:
			c.applyReferrer(t)
		default:
			at := slices.IndexFunc(c.rule.entries, func(e entry) bool { return e.matches(t.Repository, t.Tag) })
			switch {
			case at < 0:
				t.keep("no entry matches")
			default:
				t.Entry = at + 1
				c.rule.entries[at].hit.Store(true)
				if t.undecidable == "" {
					pools[at] = append(pools[at], t)
				}
			}
		}
	}
	for at, pool := range pools {
		c.judge(c.rule.entries[at].keep, pool)
		c.warnVersions(at, pool)
	}
	c.applyUntagged(untagged)
	return true
}

func (c *repositoryCase) applyReferrer(t *thing) {
	subject, _ := layout.ReferrerTag(t.Tag)
	switch {
	case !t.orphan:
		t.keep("follows its subject " + subject.String())
	case !c.rule.RemoveOrphanedReferrers:
		t.keep("orphaned referrers are kept")
	case c.isRecent(t):
		t.keep(c.recentReason())
	default:
		t.drop("orphaned: " + subject.String() + " is not in the repository")
	}
}

func (c *repositoryCase) applyUntagged(all []*thing) {
	if c.rule.Untagged == nil {
		for _, t := range all {
			t.keep("untagged manifests are kept")
		}
		return
	}
	pool := all[:0]
	for _, t := range all {
		if c.isRecent(t) {
			t.keep(c.recentReason())
		}
		if t.undecidable == "" {
			pool = append(pool, t)
		}
	}
	c.judge(c.rule.Untagged, pool)
	c.judgeRevisions(c.rule.Untagged.Revisions, pool)
}

func (c *repositoryCase) isRecent(t *thing) bool { return c.now.Sub(t.pushed) < c.grace }

func (c *repositoryCase) recentReason() string {
	return "younger than the grace of " + LengthText(c.grace)
}

// shared says of the removed tags which tag keeps their manifest: of several
// the one whose name is first.
func (c *repositoryCase) shared() {
	if !slices.ContainsFunc(c.things, func(t thing) bool { return !t.Keep }) {
		return
	}
	by := map[layout.Digest]string{}
	for i := range c.things {
		if t := &c.things[i]; t.Keep && !t.untagged {
			if first, ok := by[t.Digest]; !ok || t.Tag < first {
				by[t.Digest] = t.Tag
			}
		}
	}
	for i := range c.things {
		t := &c.things[i]
		if name, ok := by[t.Digest]; ok && !t.Keep && !t.Digest.IsZero() {
			t.Reasons = append(t.Reasons, "shares its manifest with "+name)
		}
	}
}

// empty is the error if the rule leaves no tag where there were any. Tags that
// count for nothing are none.
func (c *repositoryCase) empty() error {
	gone := 0
	for i := range c.things {
		switch t := &c.things[i]; {
		case t.untagged || t.undecidable != "" || t.referrer:
		case t.Keep:
			return nil
		default:
			gone++
		}
	}
	if gone == 0 || c.rule.AllowEmpty {
		return nil
	}
	return &EmptyError{Rule: c.rule.name, Repository: c.things[0].Repository, Tags: gone}
}
