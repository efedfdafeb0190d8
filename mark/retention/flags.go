package retention

import (
	"errors"
	"fmt"
	"slices"
)

// Flags are what acr purge is told on its command line.
type Flags struct {
	// Filters are pairs REPO_REGEX:TAG_REGEX, each for whole names.
	Filters []string
	// Excludes are such pairs of what is kept, and counts for nothing.
	Excludes []string
	Ago      *Ago // only what is older is removed; nil if it was not given
	// Keep is how many of the newest are kept, of all tags of a repository that any
	// filter matches, whatever their age; nil if it was not given.
	Keep         *int
	Untagged     bool // untagged manifests are removed too, if they are older than Ago
	UntaggedOnly bool // and no tags
	AllowEmpty   bool
}

// The errors about flags that are wrong together.
var (
	ErrNoFilter     = errors.New("--filter is missing: it says which tags of which repositories may be removed")
	ErrNoLimit      = errors.New("neither --ago nor --keep says what to keep")
	ErrUntaggedBoth = errors.New("--untagged removes tags and untagged manifests, --untagged-only removes only untagged manifests")
	ErrExcludeTags  = errors.New("--exclude names tags, and --untagged-only removes none")
	ErrKeepTags     = errors.New("--keep counts tags, and --untagged-only removes none")
)

// FromFlags turns flags into a policy of one rule. UntaggedOnly needs no
// filter: without one it is about every repository, as with acr purge; of those
// that are given it uses the repositories' half.
func FromFlags(f Flags) (*Policy, error) {
	filters, err := f.filters()
	if err != nil {
		return nil, err
	}
	r := Rule{Name: "flags", AllowEmpty: f.AllowEmpty}
	for _, one := range filters {
		if text := isExpression + one.repository; !slices.Contains(r.Repositories, text) {
			r.Repositories = append(r.Repositories, text)
		}
	}
	if len(filters) == 0 {
		r.Repositories = []string{"**"}
	}
	if len(f.Excludes) > 0 {
		// The first entry that matches decides: what is excluded is left to this one.
		r.Tags = []Entry{{Filter: f.Excludes, Keep: Keep{All: true}}}
	}
	if !f.UntaggedOnly {
		r.Tags = append(r.Tags, f.entry(filters, len(r.Repositories) == 1))
	}
	if f.Untagged || f.UntaggedOnly {
		keep := f.keep(0)
		r.Untagged = &keep
	}
	p := &Policy{Rules: []Rule{r}}
	_, err = p.compile()
	return p, err
}

// filters checks the flags and returns the filters in two halves.
func (f *Flags) filters() (filters []filter, err error) {
	switch {
	case f.Untagged && f.UntaggedOnly:
		return nil, ErrUntaggedBoth
	case f.UntaggedOnly && f.Keep != nil:
		return nil, ErrKeepTags
	case f.UntaggedOnly && len(f.Excludes) > 0:
		return nil, ErrExcludeTags
	case len(f.Filters) == 0 && !f.UntaggedOnly:
		return nil, ErrNoFilter
	case f.Ago == nil && f.Keep == nil && !f.UntaggedOnly:
		return nil, ErrNoLimit
	case f.Keep != nil && *f.Keep < 0:
		return nil, fmt.Errorf("--keep %d is negative", *f.Keep)
	}
	for _, text := range f.Filters {
		one, err := parseFilter(text)
		if err != nil {
			return nil, fmt.Errorf("--filter %q: %w", text, err)
		}
		filters = append(filters, one)
	}
	for _, text := range f.Excludes {
		if _, err := parseFilter(text); err != nil {
			return nil, fmt.Errorf("--exclude %q: %w", text, err)
		}
	}
	return filters, nil
}

// entry is one for all filters, so that they count together.
func (f *Flags) entry(filters []filter, oneRepository bool) Entry {
	last := 0
	if f.Keep != nil {
		last = *f.Keep
	}
	e := Entry{Keep: f.keep(last)}
	for i, one := range filters {
		if oneRepository {
			e.Match = append(e.Match, isExpression+one.tag)
		} else {
			e.Filter = append(e.Filter, f.Filters[i])
		}
	}
	return e
}

func (f *Flags) keep(last int) Keep {
	k := Keep{Last: last}
	if f.Ago != nil {
		k.Within = *f.Ago
	}
	k.None = k == Keep{}
	return k
}
