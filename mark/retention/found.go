package retention

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// found is what a Decider finds out about its policy while it decides.
type found struct {
	mu       sync.Mutex
	warnings map[string]*examples // by what is said of them
	short    map[string]bool      // rules about pulls that logs cover too little for
	decided  bool                 // an entry, or a word about untagged manifests or referrers, has decided about something
}

// examples are things that a warning is about.
type examples struct {
	count int
	first string // of their names the one that sorts first
}

func newFound() *found { return &found{warnings: map[string]*examples{}, short: map[string]bool{}} }

// warn adds things to a warning.
func (f *found) warn(text, name string, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.warnings[text]
	if e == nil {
		e = &examples{first: name}
		f.warnings[text] = e
	}
	e.count += count
	e.first = min(e.first, name)
}

func (f *found) badLabel(name, value string, t *thing) {
	f.warn(fmt.Sprintf("label %s: %q is not a number with one of s, m, h, d and w, so the image is kept", name, value), t.reference(), 1)
}

// reference is NAME:TAG or NAME@DIGEST.
func (t *thing) reference() string {
	if t.untagged {
		return t.Repository + "@" + t.Digest.String()
	}
	return t.Repository + ":" + t.Tag
}

// Warnings are what the author of the policy may not have meant, sorted. They
// are known when all repositories have been decided about.
func (d *Decider) Warnings() (list []string) {
	d.found.mu.Lock()
	defer d.found.mu.Unlock()
	for text, e := range d.found.warnings {
		text += ": " + e.first
		if e.count > 1 {
			text += fmt.Sprintf(" and %d more", e.count-1)
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// warn notes whether anything was decided by a rule.
func (c *repositoryCase) warn() {
	if c.rule == nil {
		return
	}
	decided := slices.ContainsFunc(c.things, func(t thing) bool {
		return t.Entry > 0 || t.untagged && c.rule.Untagged != nil || t.referrer && t.orphan && c.rule.RemoveOrphanedReferrers
	})
	if decided {
		c.found.mu.Lock()
		c.found.decided = true
		c.found.mu.Unlock()
	}
}

// Decided reports whether any rule has had something to decide about.
func (d *Decider) Decided() bool {
	d.found.mu.Lock()
	defer d.found.mu.Unlock()
	return d.found.decided
}

// takeRule is the rule that decides for a repository, which is noted, or nil.
func (d *Decider) takeRule(repository string) (first *rule) {
	for i := range d.rules {
		r := &d.rules[i]
		switch {
		case first != nil && r.shadowed.Load(), !r.repositories.match(repository):
		case first == nil:
			first = r
			r.hit.Store(true)
		default:
			r.shadowed.Store(true)
		}
	}
	return first
}

// Unmatched is a part of a policy that has decided about nothing, or protected
// nothing.
type Unmatched struct {
	Kind     string // rule, entry or protect
	Rule     string // its name, of a rule or an entry
	Entry    int    // from 1, of an entry
	Patterns []string
	Reason   string
}

// String is for people.
func (u *Unmatched) String() string {
	patterns := strings.Join(u.Patterns, ", ")
	switch u.Kind {
	case "rule":
		return fmt.Sprintf("rule %q (%s): %s", u.Rule, patterns, u.Reason)
	case "entry":
		return fmt.Sprintf("rule %q, entry %d (%s): %s", u.Rule, u.Entry, patterns, u.Reason)
	}
	return fmt.Sprintf("protect %q: %s", patterns, u.Reason)
}

// Unmatched are the policy's parts that match nothing. They are known when all
// repositories have been decided about.
func (d *Decider) Unmatched() (list []Unmatched) {
	for i := range d.rules {
		r := &d.rules[i]
		switch {
		case !r.hit.Load() && r.shadowed.Load():
			list = append(list, Unmatched{Kind: "rule", Rule: r.name, Patterns: r.Repositories, Reason: "an earlier rule decides about every repository that matches"})
			continue
		case !r.hit.Load():
			list = append(list, Unmatched{Kind: "rule", Rule: r.name, Patterns: r.Repositories, Reason: "no repository matches"})
			continue
		}
		for j := range r.entries {
			if e := &r.Tags[j]; !r.entries[j].hit.Load() {
				list = append(list, Unmatched{Kind: "entry", Rule: r.name, Entry: j + 1, Patterns: slices.Concat(e.Match, e.Filter), Reason: "no tag matches that an earlier entry leaves"})
			}
		}
	}
	own := d.own.Matches()
	for _, line := range own.Unmatched {
		list = append(list, Unmatched{Kind: "protect", Patterns: []string{line.Pattern}, Reason: "nothing in the store matches"})
	}
	return list
}

// WantsTwins reports whether the Decider has to be told, by Twin, of all that is
// protected before it decides about anything.
func (d *Decider) WantsTwins() bool { return d.twin != nil }

// Protects returns those of a repository's tags that are protected, by their
// names or by what they name.
func (d *Decider) Protects(repository string, tags []Tag) (protected []Tag) {
	guard := d.protect.Guard(repository)
	whole := guard.Repository() != nil
	for _, t := range tags {
		config := slices.ContainsFunc(t.Configs, func(d layout.Digest) bool { return guard.Digest(d) != nil })
		if whole || config || guard.Tag(t.Name) != nil || guard.Digest(t.Digest) != nil {
			protected = append(protected, t)
		}
	}
	return protected
}

// Twin says that an image is protected by a name. It must not be called
// concurrently, nor once the Decider decides.
func (d *Decider) Twin(image layout.Digest, name string) {
	if known := d.twin[image]; !image.IsZero() && (known == "" || name < known) {
		d.twin[image] = name
	}
}

// prereleases are words that begin the names of versions which are not yet
// released; other endings, as in 1.27-alpine, are variants.
var prereleases = map[string]bool{
	"a": true, "alpha": true, "b": true, "beta": true, "c": true, "canary": true, "dev": true, "m": true, "next": true, "nightly": true,
	"pre": true, "preview": true, "rc": true, "snapshot": true,
}

// ending is what a version's name ends in, without numbers: alpine, rc.
func ending(v *version) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, strings.ToLower(v.Prerelease())), ".-")
}

// warnVersions warns where a semver rule takes every variant of versions, such
// as 1.27-alpine, which semver knows as pre-releases only.
func (c *repositoryCase) warnVersions(entry int, pool []*thing) {
	keep := c.rule.entries[entry].keep
	if keep.Semver == (Semver{}) {
		return
	}
	gone, kept := map[string][]string{}, map[string]bool{}
	for _, t := range pool {
		v, ok := parseVersion(t)
		if !ok || v.Prerelease() == "" {
			continue
		}
		word := ending(&v)
		if prereleases[word] && keep.Semver.Prerelease > 0 {
			continue // that is what the rule says
		}
		if kept[word] = kept[word] || t.Keep; !t.Keep {
			gone[word] = append(gone[word], t.reference())
		}
	}
	for word, names := range gone {
		if kept[word] {
			continue
		}
		what := "variant -" + word
		if word == "" || prereleases[word] {
			what = "pre-release"
		}
		text := fmt.Sprintf("rule %q, entry %d: semver removes every %s of a version, which is a pre-release to it: give these tags an entry of their own, or say prerelease: N", c.rule.name, entry+1, what)
		c.found.warn(text, slices.Min(names), len(names))
	}
}
