package retention

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// Tag is what retention has to know of a tag.
type Tag struct {
	Name    string
	Digest  layout.Digest // of the manifest that it names
	Pushed  time.Time     // its link's time
	Created time.Time     // the image's own time; zero if it does not say one
	Pulled  time.Time     // the last time, as far as logs tell; zero if they tell of none
	// Undecidable says why the policy cannot decide about the tag, such as a link that
	// cannot be read or names nothing. The tag is kept, and counts for nothing.
	Undecidable string
	Configs     []layout.Digest // of the image's configurations, for what is protected by them
	// Orphan says of a referrer's tag (see layout.ReferrerTag) that its subject
	// is not linked in the repository.
	Orphan bool
	// Labels are those of the image, and History is what the tag named before;
	// both need be known only where the Decider says so.
	Labels  Labels
	History []Revision
}

// Manifest is an untagged manifest. Those that are kept or removed with another, as
// children of an index and as referrers, need not be listed.
type Manifest struct {
	Digest      layout.Digest
	Pushed      time.Time // its link's time
	Created     time.Time // as a tag's
	Pulled      time.Time // as a tag's
	Undecidable string    // as a tag's
	Labels      Labels
	Configs     []layout.Digest
}

// Repository is what is there to be decided about, in any order.
type Repository struct {
	Name     string
	Tags     []Tag
	Untagged []Manifest
}

// Decision is about one tag or one untagged manifest.
type Decision struct {
	Repository  string
	Tag         string // empty for an untagged manifest
	Digest      layout.Digest
	Time        time.Time // by which it was decided; zero if no time was used
	Timeless    bool      // its time is missing or absurd
	Created     bool      // Time is the image's own; else it was pushed then
	Entry       int       // the rule's entry that matches, from 1; 0 if no entry matches
	Rule        string    // the one whose repositories match; empty if no rule matches
	Keep        bool
	Protected   bool
	Undecidable bool     // the policy cannot decide about it, as the caller has said
	Reasons     []string // for what was decided, never empty
}

// Options are what a policy is applied with.
type Options struct {
	Now time.Time // the run's clock, which says what is in the future
	// Grace keeps recent untagged manifests, which a push may be about to name, and
	// recent tags of orphaned referrers.
	Grace time.Duration
	// Protect is protected besides what the policy protects.
	Protect *protect.List
	// Stopped, if not nil, is asked now and then whether to go on: a repository
	// may have millions of tags.
	Stopped func() bool
}

// ErrStopped is what Decide returns when it has been stopped.
var ErrStopped = errors.New("the decisions have been stopped")

// EmptyError refuses a rule that would leave a repository without a tag. The
// whole run is refused for it.
type EmptyError struct {
	Rule, Repository string
	Tags             int // how many would be removed
}

func (e *EmptyError) Error() string {
	all := "its only tag would be removed"
	if e.Tags > 1 {
		all = fmt.Sprintf("all %d would be removed", e.Tags)
	}
	return fmt.Sprintf("rule %q would leave repository %q without a tag: %s", e.Rule, e.Repository, all)
}

// Decider applies a policy. It may be used concurrently.
type Decider struct {
	rules   []rule
	own     *protect.List
	twin    map[layout.Digest]string // what is protected elsewhere, by whose name
	found   *found
	protect *protect.List
	now     time.Time
	grace   time.Duration
	stopped func() bool
	// pullsSince is when what is known of pulls begins; zero if nothing is.
	pullsSince time.Time
}

// Decider prepares the policy. Its errors are about a policy that was made by
// hand: one that Parse or FromFlags returned has none.
func (p *Policy) Decider(o Options) (*Decider, error) {
	rules, err := p.compile()
	if err != nil {
		return nil, err
	}
	own, err := p.Protection()
	if err != nil {
		return nil, err
	}
	own.Expire(o.Now)
	d := &Decider{rules: rules, own: own, protect: protect.Join(own, o.Protect), found: newFound(), now: o.Now, grace: o.Grace, stopped: o.Stopped}
	if p.Twins {
		d.twin = map[layout.Digest]string{}
	}
	return d, nil
}

// Protection is what the policy protects. Mark has to know it too, since what
// is protected may be below what is removed.
func (p *Policy) Protection() (*protect.List, error) {
	list := &protect.List{}
	var errs []error
	for i, text := range p.Protect {
		if err := addProtected(list, i+1, text); err != nil {
			errs = append(errs, fmt.Errorf("protect %q: %w", text, err))
		}
	}
	return list, errors.Join(errs...)
}

// Protection is all that the decisions protect.
func (d *Decider) Protection() *protect.List { return d.protect }

// Age says which time counts in a repository. Created need be known only where
// it is that.
func (d *Decider) Age(repository string) Age {
	if r := d.rule(repository); r != nil {
		return r.Age
	}
	return Pushed
}

// rule is the one that decides for a repository, or nil.
func (d *Decider) rule(repository string) *rule {
	at := slices.IndexFunc(d.rules, func(one rule) bool { return one.repositories.match(repository) })
	if at < 0 {
		return nil
	}
	return &d.rules[at]
}

// Decide decides about every tag and every untagged manifest that is given, in
// the order of tags' names, then of digests. The error is ErrStopped or an
// *EmptyError; the decisions that the latter refuses come with it.
func (d *Decider) Decide(r Repository) ([]Decision, error) {
	c := d.newCase(r)
	for i := range c.things {
		if c.stops(i) {
			return nil, ErrStopped
		}
		c.look(&c.things[i])
	}
	if c.rule != nil && !c.apply() {
		return nil, ErrStopped
	}
	for i := range c.things {
		if t := &c.things[i]; len(t.Reasons) == 0 {
			t.keep("nothing decides about it")
		}
	}
	c.shared()
	c.warn()
	return c.decisions, c.empty()
}

// stops reports whether to go on no more; it asks at every 256th of many.
func (d *Decider) stops(i int) bool { return i%256 == 0 && d.stopped != nil && d.stopped() }

// Images lists the manifests of a repository's decisions that nothing is to
// keep for its own sake any more: those whose every tag is removed, and untagged ones
// that are removed. An index or a subject may keep them all the same.
func Images(decisions []Decision) []layout.Digest {
	isKept := map[layout.Digest]bool{}
	for i := range decisions {
		d := &decisions[i]
		isKept[d.Digest] = isKept[d.Digest] || d.Keep
	}
	var gone []layout.Digest
	for digest, keep := range isKept {
		if !keep && !digest.IsZero() {
			gone = append(gone, digest)
		}
	}
	slices.SortFunc(gone, layout.Digest.Compare)
	return gone
}
