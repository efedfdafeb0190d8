package retention

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
)

// Empties is the *EmptyError if a repository's decisions, which somebody has
// changed since Decide returned them, leave it without a tag, though its rule
// does not allow that; else nil.
func (d *Decider) Empties(decisions []Decision) error {
	if len(decisions) == 0 {
		return nil
	}
	repository := decisions[0].Repository
	rule := d.rule(repository)
	if rule == nil || rule.AllowEmpty {
		return nil
	}
	counted := slices.DeleteFunc(slices.Clone(decisions), func(one Decision) bool {
		_, referrer := layout.ReferrerTag(one.Tag)
		return one.Tag == "" || one.Undecidable || referrer
	})
	if len(counted) == 0 || slices.ContainsFunc(counted, func(one Decision) bool { return one.Keep }) {
		return nil
	}
	return &EmptyError{Rule: rule.name, Repository: repository, Tags: len(counted)}
}

// Again forgets what has been found out about the policy, for all repositories
// that are about to be decided about once more.
func (d *Decider) Again() { d.found = newFound() }
