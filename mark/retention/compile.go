package retention

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	_ "time/tzdata" // registries' containers have no time zones of their own

	"github.com/regsweep/regsweep/mark/protect"
)

// rule is a Rule that can match.
type rule struct {
	*Rule
	name         string
	repositories patterns
	entries      []entry
	zone         *time.Location
	hit          *atomic.Bool // it has decided about a repository
	shadowed     *atomic.Bool // its repositories match some that an earlier rule decides about
}

type entry struct {
	match, exclude patterns
	filter         []filter
	keep           *Keep
	hit            *atomic.Bool // it has decided about something
}

// matches is asked in a repository that the entry's rule matches.
func (e *entry) matches(repository, tag string) bool {
	for i := range e.filter {
		if f := &e.filter[i]; f.tagRE.MatchString(tag) && f.repositoryRE.MatchString(repository) {
			return !e.exclude.match(tag)
		}
	}
	return e.match.match(tag) && !e.exclude.match(tag)
}

func (p *Policy) compile() ([]rule, error) {
	if len(p.Rules) == 0 {
		return nil, errors.New("the policy has no rules")
	}
	names := map[string]bool{}
	rules := make([]rule, len(p.Rules))
	for i := range p.Rules {
		r, err := p.Rules[i].compile(p.Timezone)
		r.name = p.Rules[i].name(i)
		if err == nil && names[r.name] {
			err = errors.New("another rule has its name")
		}
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.name, err)
		}
		names[r.name] = true
		rules[i] = r
	}
	return rules, nil
}

func (r *Rule) compile(zone string) (c rule, err error) {
	c.Rule, c.hit, c.shadowed = r, new(atomic.Bool), new(atomic.Bool)
	if r.Timezone != "" {
		zone = r.Timezone
	}
	if c.zone, err = parseZone(zone); err != nil {
		return c, err
	}
	if c.repositories, err = parsePatterns(r.Repositories); err != nil {
		return c, err
	}
	switch {
	case len(r.Repositories) == 0:
		return c, errors.New("it names no repositories")
	case len(r.Tags) == 0 && r.Untagged == nil && !r.RemoveOrphanedReferrers:
		return c, errNothing
	case r.Untagged != nil:
		if err := r.Untagged.check(); err != nil {
			return c, fmt.Errorf("untagged: %w", err)
		}
		if err := r.Untagged.checkUntagged(); err != nil {
			return c, err
		}
	}
	for i := range r.Tags {
		e, err := r.Tags[i].compile()
		if err != nil {
			return c, fmt.Errorf("entry %d of tags: %w", i+1, err)
		}
		c.entries = append(c.entries, e)
	}
	return c, nil
}

func (e *Entry) compile() (c entry, err error) {
	if c.match, err = parsePatterns(e.Match); err != nil {
		return c, err
	}
	if c.exclude, err = parsePatterns(e.Exclude); err != nil {
		return c, err
	}
	for _, text := range e.Filter {
		f, err := parseFilter(text)
		if err != nil {
			return c, fmt.Errorf("%q: %w", text, err)
		}
		c.filter = append(c.filter, f)
	}
	if len(c.match)+len(c.filter) == 0 {
		return c, errors.New("it matches nothing")
	}
	c.keep, c.hit = &e.Keep, new(atomic.Bool)
	return c, cmp.Or(e.Keep.check(), e.Keep.checkTags())
}

var (
	errNothing        = errors.New("it decides nothing; to keep everything, say tags: [{match: [\"*\"], keep: {all: true}}]")
	errKeepNothing    = errors.New("it says neither what to keep nor none: true")
	errNone           = errors.New("none cannot be combined with other rules")
	errUntaggedSemver = errors.New("untagged manifests have no versions")
	errUntaggedImages = errors.New("images counts tags' images: for untagged manifests use last")
	errTagsRevisions  = errors.New("revisions applies to untagged manifests: put it under untagged")
)

// counts lists the rules of a Keep that have a number, by their keys.
func (k *Keep) counts() []count {
	return []count{
		{"last", &k.Last},
		{"images", &k.Images},
		{"pulled", &k.Pulled},
		{"hourly", &k.Hourly},
		{"daily", &k.Daily},
		{"weekly", &k.Weekly},
		{"monthly", &k.Monthly},
		{"yearly", &k.Yearly},
		{"revisions", &k.Revisions},
	}
}

// checkUntagged holds what must be true of a Keep of untagged manifests.
func (k *Keep) checkUntagged() error {
	switch {
	case k.Semver != Semver{}:
		return errUntaggedSemver
	case k.Images > 0:
		return errUntaggedImages
	}
	return nil
}

// checkTags holds what must be true of a Keep of tags.
func (k *Keep) checkTags() error {
	if k.Revisions > 0 {
		return errTagsRevisions
	}
	return nil
}

func (s *Semver) counts() []count {
	return []count{{"major", &s.Major}, {"minor", &s.Minor}, {"patch", &s.Patch}, {"prerelease", &s.Prerelease}}
}

type count struct {
	key string
	n   *int
}

// check holds what must be true of every Keep, wherever it is from.
func (k *Keep) check() error {
	for _, c := range append(k.counts(), k.Semver.counts()...) {
		if *c.n < 0 {
			return fmt.Errorf("%s: %d is negative", c.key, *c.n)
		}
	}
	if k.Within.Months < 0 || k.Within.Length < 0 {
		return fmt.Errorf("within: %w", errNegative)
	}
	if k.PulledWithin.Months < 0 || k.PulledWithin.Length < 0 {
		return fmt.Errorf("pulled-within: %w", errNegative)
	}
	switch {
	case *k == Keep{}:
		return errKeepNothing
	case k.None && *k != Keep{None: true}:
		return errNone
	}
	return nil
}

func parseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		// Of all machines' own time zones one policy would make different decisions.
		return nil, fmt.Errorf("not a time zone such as Europe/Berlin: %q", name)
	}
	return zone, nil
}

// addProtected refuses what a list of protected names would take for a name
// that there cannot be: it would protect nothing, and say so too late.
func addProtected(list *protect.List, line int, text string) error {
	switch {
	case strings.TrimSpace(text) == "" || strings.HasPrefix(strings.TrimSpace(text), "#"):
		return errors.New("it names nothing")
	case strings.HasPrefix(text, isExpression):
		return errors.New("protect has globs only")
	case strings.HasPrefix(text, "!"):
		return errors.New("what is protected cannot be negated")
	}
	return list.Add(line, text)
}
