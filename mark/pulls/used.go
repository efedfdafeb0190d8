package pulls

import (
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Used answers when images were last pulled. It may be used concurrently.
type Used struct {
	begin        time.Time
	repositories map[string]*used
}

// used are the last pulls of one repository.
type used struct {
	tags    map[string]time.Time
	digests map[layout.Digest]time.Time
	// unclear are pulls by a tag of which it is not known what that named then.
	unclear map[string]time.Time
}

// NewUsed looks things up in a table; what ignore names has pulled nothing.
func NewUsed(t *Table, ignore *Agents, now time.Time) *Used {
	u := &Used{begin: begin(t.spans, now), repositories: map[string]*used{}}
	for k, r := range t.rows {
		if ignore.Match(k.agent) {
			continue
		}
		in := u.repositories[k.repository]
		if in == nil {
			in = &used{tags: map[string]time.Time{}, digests: map[layout.Digest]time.Time{}, unclear: map[string]time.Time{}}
			u.repositories[k.repository] = in
		}
		if k.tag != "" {
			later(in.tags, k.tag, r.last)
			if k.digest.IsZero() {
				later(in.unclear, k.tag, r.last)
			}
		}
		if !k.digest.IsZero() {
			later(in.digests, k.digest, r.last)
		}
	}
	return u
}

func later[K comparable](in map[K]time.Time, k K, at time.Time) {
	if at.After(in[k]) {
		in[k] = at
	}
}

// Begin is when what is known begins: what has not been pulled since may have
// been pulled before. It is zero if nothing is known.
func (u *Used) Begin() time.Time { return u.begin }

// Tag is the last pull of a tag; zero if there is none.
func (u *Used) Tag(repository, tag string) time.Time {
	if in := u.repositories[repository]; in != nil {
		return in.tags[tag]
	}
	return time.Time{}
}

// Digest is the last pull of a manifest by its digest, or by a tag that named it
// then; zero if there is none.
func (u *Used) Digest(repository string, d layout.Digest) time.Time {
	if in := u.repositories[repository]; in != nil {
		return in.digests[d]
	}
	return time.Time{}
}

// Unclear is the last pull by a tag of which it is not known what that named:
// it may have been anything that the tag has named.
func (u *Used) Unclear(repository, tag string) time.Time {
	if in := u.repositories[repository]; in != nil {
		return in.unclear[tag]
	}
	return time.Time{}
}

// Named is what a tag named, by its history: each manifest, and when the tag was
// last set to it.
type Named struct {
	Digest layout.Digest
	Set    time.Time
}

// NamedAt is what a tag named at a time: of what it was set to before, the last.
// It is zero if it was set to all of them later, maybe again, and if it was set
// within the second that the time is of: logs have no parts of seconds.
func NamedAt(history []Named, at time.Time) layout.Digest {
	var last, within Named
	several := false
	for _, n := range history {
		switch {
		case !n.Set.After(at):
			if last.Digest.IsZero() || n.Set.After(last.Set) {
				last = n
			}
		case !n.Set.Truncate(time.Second).After(at):
			several = several || !within.Digest.IsZero()
			within = n
		}
	}
	switch {
	case within.Digest.IsZero():
		return last.Digest
	case several || !last.Digest.IsZero():
		return layout.Digest{}
	}
	return within.Digest
}
