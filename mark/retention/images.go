package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Revision is an entry of a tag's history: what the tag named, and when it was
// last set to that.
type Revision struct {
	Digest layout.Digest
	Set    time.Time
}

// judgeImages keeps all tags of the n images that have the newest ones. The
// pool is sorted, the newest first, so an image is met at its newest tag.
func judgeImages(n int, timed []*thing) {
	place := map[layout.Digest]int{}
	var border time.Time
	for _, t := range timed {
		if _, known := place[t.Digest]; known {
			continue
		}
		at := len(place) + 1
		if at <= n {
			border = t.Time
		}
		place[t.Digest] = at
		if at > n && t.Time.Equal(border) {
			place[t.Digest] = n // as new as the last that is kept
		}
	}
	beyond := "not of the newest " + plural(n, "image")
	for _, t := range timed {
		if at := place[t.Digest]; at <= n {
			t.keep(fmt.Sprintf("images %d: the %s", n, ordinal(at)))
		} else {
			t.drop(beyond)
		}
	}
}

// judgeRevisions keeps the untagged manifests that a kept tag named before: the n
// newest entries of the tag's history. What the tag names now is not counted. A
// removed tag keeps nothing of its history.
func (c *repositoryCase) judgeRevisions(n int, untagged []*thing) {
	if n == 0 {
		return
	}
	kept := map[layout.Digest]string{}
	for more := true; more; {
		more = false
		isKept := c.keptManifests(kept)
		for i := range c.things {
			t := &c.things[i]
			if t.untagged || t.isRemoved() || t.referrer && !t.Protected && !c.subjectIsKept(t, isKept) {
				continue
			}
			for _, d := range c.revisions(n, t) {
				if kept[d] == "" { // things are in the order of their names
					kept[d] = fmt.Sprintf("revisions %d: %s named it before", n, t.Tag)
					more = true // what was signed may be kept by that
				}
			}
		}
	}
	for _, t := range untagged {
		if reason := kept[t.Digest]; reason != "" {
			t.keep(reason)
		} else {
			t.drop(fmt.Sprintf("not of the last %s of any tag", plural(n, "revision")))
		}
	}
}

// isRemoved reports whether it has been decided that a tag is removed.
func (t *thing) isRemoved() bool { return !t.Keep && len(t.Reasons) > 0 }

// keptManifests says of the manifests that are decided about whether anything keeps them.
func (c *repositoryCase) keptManifests(kept map[layout.Digest]string) map[layout.Digest]bool {
	isKept := map[layout.Digest]bool{}
	for i := range c.things {
		t := &c.things[i]
		keep := t.Keep || kept[t.Digest] != "" || !t.untagged && !t.isRemoved()
		isKept[t.Digest] = isKept[t.Digest] || keep
	}
	return isKept
}

// subjectIsKept reports whether the subject of a referrer's tag is kept: the tag is
// kept or removed with it. A subject that is not decided about, such as the child of
// an index, counts as kept.
func (c *repositoryCase) subjectIsKept(t *thing, isKept map[layout.Digest]bool) bool {
	subject, _ := layout.ReferrerTag(t.Tag)
	keep, decided := isKept[subject]
	return keep || !decided
}

// revisions are the n newest of what a tag named before. Equals of the last one
// count too, and so does what has no usable time, in nobody's place.
func (c *repositoryCase) revisions(n int, t *thing) (newest []layout.Digest) {
	var timed []Revision
	for _, r := range t.history {
		switch {
		case r.Digest == t.Digest:
		case c.unusable(r.Set) != "":
			newest = append(newest, r.Digest)
		default:
			timed = append(timed, r)
		}
	}
	slices.SortFunc(timed, func(a, b Revision) int { return b.Set.Compare(a.Set) })
	for i, r := range timed {
		if i < n || r.Set.Equal(timed[n-1].Set) {
			newest = append(newest, r.Digest)
		}
	}
	return newest
}
