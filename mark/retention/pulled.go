package retention

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/regsweep/regsweep/mark/pulls"
)

// aboutPulls reports whether a Keep has a rule about pulls.
func (k *Keep) aboutPulls() bool { return k.Pulled > 0 || !k.PulledWithin.IsZero() }

// AboutPulls reports whether the policy has a rule about pulls, which needs logs.
func (p *Policy) AboutPulls() bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.aboutPulls() })
}

func (r *Rule) aboutPulls() bool {
	return r.Untagged != nil && r.Untagged.aboutPulls() || slices.ContainsFunc(r.Tags, func(e Entry) bool { return e.Keep.aboutPulls() })
}

// AboutPulls reports whether a rule about pulls decides in a repository: the last
// pulls need be known only there.
func (d *Decider) AboutPulls(repository string) bool {
	r := d.rule(repository)
	return r != nil && r.aboutPulls()
}

// Pulls says when what is known of pulls begins. Before it is called, and if
// that is zero, nothing is known, and rules about pulls keep everything. It must
// not be called once the Decider decides.
func (d *Decider) Pulls(since time.Time) { d.pullsSince = since }

// Short says of which rules about pulls the logs cover less than they need, so
// that they keep everything. It is known when all repositories have been decided about.
func (d *Decider) Short() []string {
	d.found.mu.Lock()
	defer d.found.mu.Unlock()
	return slices.Sorted(maps.Keys(d.found.short))
}

func (c *repositoryCase) short(text string) {
	c.found.mu.Lock()
	defer c.found.mu.Unlock()
	c.found.short[fmt.Sprintf("rule %q: %s", c.rule.name, text)] = true
}

// used is when a thing was last pulled, as far as that is known: what no log has
// seen pulled was pulled when the logs begin or when it was pushed, whichever is later.
func (c *repositoryCase) used(t *thing) time.Time {
	at := c.pullsSince
	for _, other := range [...]time.Time{t.pulled, t.pushed} {
		if other.After(at) {
			at = other
		}
	}
	return at
}

// usedText says how that is known.
func (c *repositoryCase) usedText(t *thing) string {
	at := c.used(t)
	day := at.UTC().Format(time.DateOnly)
	switch {
	case at.Equal(t.pulled):
		return "last pulled " + day
	case at.Equal(t.pushed):
		return "not pulled since its push " + day
	}
	return "not pulled since the logs begin " + day
}

// judgePulls keeps what has been pulled lately. What cannot be told is kept, and
// takes nobody's place.
func (c *repositoryCase) judgePulls(k *Keep, pool []*thing) {
	if !k.aboutPulls() || len(pool) == 0 {
		return
	}
	var told []*thing
	for _, t := range pool {
		unusable := c.unusable(t.pushed)
		switch {
		case c.pullsSince.IsZero():
			t.keep("no log covers the pulls of the last days")
		case unusable != "":
			t.keep("pulls: the pushed time " + unusable)
		default:
			told = append(told, t)
		}
	}
	if c.pullsSince.IsZero() {
		c.short("no log covers the pulls of the last days, so it keeps everything")
		return
	}
	if !k.PulledWithin.IsZero() {
		c.judgePulledWithin(k.PulledWithin, told)
	}
	if k.Pulled > 0 {
		c.judgePulled(k.Pulled, told)
	}
}

func (c *repositoryCase) judgePulledWithin(within Ago, told []*thing) {
	border := within.From(c.now)
	if c.pullsSince.After(border) {
		c.short(fmt.Sprintf("pulled-within %s: the logs begin only %s, so it keeps everything", within, c.pullsSince.UTC().Format(time.DateOnly)))
	}
	for _, t := range told {
		text := fmt.Sprintf("pulled-within %s: %s", within, c.usedText(t))
		if c.used(t).Before(border) {
			t.drop(text)
		} else {
			t.keep(text)
		}
	}
}

func (c *repositoryCase) judgePulled(n int, told []*thing) {
	slices.SortStableFunc(told, func(a, b *thing) int { return c.used(b).Compare(c.used(a)) })
	for i, t := range told {
		text := c.usedText(t)
		switch {
		case i < n:
			t.keep(fmt.Sprintf("pulled %d: the %s, %s", n, ordinal(i+1), text))
		case c.used(t).Equal(c.used(told[n-1])):
			t.keep(fmt.Sprintf("pulled %d: as lately as the %s, %s", n, ordinal(n), text))
		default:
			t.drop(fmt.Sprintf("not among the last %d pulled: %s", n, text))
		}
	}
}

func checkLog(text string) error {
	if text == "" {
		return errors.New("a log has an empty name")
	}
	_, err := filepath.Match(text, "")
	return err
}

func checkAgent(text string) error {
	agents, err := pulls.NewAgents([]string{text})
	if err == nil && agents.Match("") && agents.Match("docker/29.1") && agents.Match("a") {
		err = errors.New("it ignores all clients, so everything would look unused")
	}
	return err
}
