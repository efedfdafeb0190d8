// Package retention decides which tags and untagged manifests of a repository a
// policy keeps, and says why. It is pure: times and names in, decisions out; it
// reads no clock and no files.
//
// What nothing decides about is kept: a repository that no rule matches, a tag
// that no entry matches, untagged manifests without a word about them, whatever
// has no usable time, and whatever is protected. A keep rule only ever adds to
// what is kept, so more of them never remove more.
package retention

import "fmt"

// Policy is what a policy file says. It is plain data: Parse reads it, Marshal
// writes it, Decider makes something of it that decides.
type Policy struct {
	Protect  []string // see protect.Read for their form
	Timezone string   // of the calendar's buckets, such as "Europe/Berlin"; empty is UTC
	Rules    []Rule   // the first whose repositories match decides for a repository
	// Pulls are globs of the access logs that tell what is used, and IgnoreAgents
	// are globs of what pulls and does not count.
	Pulls        []string
	IgnoreAgents []string
	// Twins protects, in every repository, the tags of each image that is protected
	// in one.
	Twins bool
}

// Rule is what a policy says about some repositories.
type Rule struct {
	Name         string
	Repositories []string // globs, or "re:" and an expression for the whole name
	Tags         []Entry  // the first that matches decides for a tag
	Untagged     *Keep    // of the untagged manifests; nil keeps them all
	Age          Age
	Timezone     string // instead of the policy's
	AllowEmpty   bool   // the rule may leave a repository without a tag
	// RemoveOrphanedReferrers removes tags of the referrers' tag schema and of
	// cosign whose subject is no longer in their repository.
	RemoveOrphanedReferrers bool
}

// Entry is what a rule says about some tags.
type Entry struct {
	Match   []string // globs, or "re:" and an expression for the whole name
	Exclude []string // what match should not match
	// Filter has pairs REPO_REGEX:TAG_REGEX in place of Match, where different
	// repositories of one rule need different tags.
	Filter []string
	Keep   Keep
}

// Keep lists the keep rules; what any of them keeps is kept. A rule that is zero
// is absent.
type Keep struct {
	Last   int // the newest N
	Images int // all tags of the N images with the newest tags
	Within Ago // what is not older than this
	// What has been pulled in this time, and the N that were pulled last; see
	// Decider.Pulls.
	PulledWithin Ago
	Pulled       int
	Calendar
	Semver    Semver
	Label     Label
	Revisions int  // of untagged manifests: what each kept tag named before, the newest N
	All       bool // everything
	None      bool // nothing; stands alone
}

// Calendar keeps, of each of the newest N hours, days, ISO weeks, months and years that
// have any, the newest; while there are fewer than N of them, the oldest of all too.
type Calendar struct{ Hourly, Daily, Weekly, Monthly, Yearly int }

// Label keeps what has a label that says for how long, until it has been there
// for that long.
type Label struct {
	Expires string // the label's name; empty if there is no such rule
}

// Semver keeps versions by their precedence, whatever their age.
type Semver struct {
	Major      int // the highest version of each of the N highest majors
	Minor      int // the same of minors, such as 1.4
	Patch      int // the same of patches, such as 1.4.2
	Prerelease int // the N highest pre-releases, which the others pass over
}

// Age says which time of a tag or manifest counts.
type Age uint8

const (
	// Pushed is when the tag's link, or an untagged manifest's, was written.
	Pushed Age = iota
	// Created is the image's own time.
	Created
)

// String is the age's name in a policy.
func (a Age) String() string {
	if a == Created {
		return "created"
	}
	return "pushed"
}

// name is how errors and decisions call the rule at a place in a policy.
func (r *Rule) name(at int) string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprintf("rule %d", at+1)
}
