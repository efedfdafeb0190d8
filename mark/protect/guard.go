package protect

import (
	"github.com/regsweep/regsweep/layout"
)

// Guard is what is protected in one repository, and by which lines. Each answer
// lists those in their order; a line that is in one has protected something.
// The zero value protects nothing.
type Guard struct {
	whole   []*protected
	globs   []*protected // of tags
	tags    map[string][]*protected
	digests map[layout.Digest][]*protected
}

// Guard returns what p protects in a repository, which may have several names, so
// arranged that a list of thousands of digests costs a lookup for each tag.
func (p *List) Guard(names ...string) Guard {
	g := Guard{}
	here := p.within(names...)
	if len(here) == 0 {
		return g
	}
	g.tags = map[string][]*protected{}
	g.digests = map[layout.Digest][]*protected{}
	for i := range here {
		e := here[i].protected
		if !e.digest.IsZero() {
			g.digests[e.digest] = append(g.digests[e.digest], e)
		}
		tag, literal := e.tag.Literal()
		switch {
		case e.tagged && literal:
			g.tags[tag] = append(g.tags[tag], e)
		case e.tagged:
			g.globs = append(g.globs, e)
		case e.digest.IsZero():
			g.whole = append(g.whole, e)
		}
	}
	return g
}

// Repository returns the lines that protect all of the repository.
func (g *Guard) Repository() []*Line { return hits(nil, g.whole) }

// Tag returns the lines that protect a tag by its name.
func (g *Guard) Tag(tag string) []*Line {
	lines := hits(nil, g.tags[tag])
	for i, e := range g.globs {
		if e.tag.Match(tag) {
			lines = hits(lines, g.globs[i:i+1])
		}
	}
	return lines
}

// HasTags reports whether any tag is protected by its name.
func (g *Guard) HasTags() bool { return len(g.tags)+len(g.globs) > 0 }

// HasDigests reports whether anything is protected by a digest.
func (g *Guard) HasDigests() bool { return len(g.digests) > 0 }

// Digest returns the lines that protect an image that is there by a digest: its
// own, or its configuration's.
func (g *Guard) Digest(d layout.Digest) []*Line { return hits(nil, g.digests[d]) }

// EachDigest calls fn for every digest that is protected; fn reports whether a
// blob with that digest is there. It is a blob and nothing more unless Digest is
// asked about it, too.
func (g *Guard) EachDigest(fn func(layout.Digest) bool) {
	for d, entries := range g.digests {
		if fn(d) {
			for _, e := range entries {
				e.hit.Store(true)
			}
		}
	}
}

func hits(lines []*Line, entries []*protected) []*Line {
	for _, e := range entries {
		e.hit.Store(true)
		e.image.Store(true)
		lines = append(lines, &e.Line)
	}
	return lines
}

// Patterns are the patterns of lines.
func Patterns(lines []*Line) []string {
	var list []string
	for _, l := range lines {
		list = append(list, l.Pattern)
	}
	return list
}

// Matches is what a store was found to have of what a list names. It is complete
// when all repositories have been asked about.
type Matches struct {
	Lines     int     // of the list
	Unmatched []*Line // that name nothing
	Blobs     []*Line // that name a blob which is no image: it is kept, and no image with it
	Expired   []*Line // that protect nothing any more
}

// Matches returns what has been found of the list.
func (p *List) Matches() (m Matches) {
	if p == nil {
		return m
	}
	m.Lines = len(p.entries)
	for _, e := range p.entries {
		switch {
		case e.expired:
			m.Expired = append(m.Expired, &e.Line)
		case !e.hit.Load():
			m.Unmatched = append(m.Unmatched, &e.Line)
		case !e.image.Load():
			m.Blobs = append(m.Blobs, &e.Line)
		}
	}
	return m
}

// None reports whether no line names anything, though one should.
func (m *Matches) None() bool {
	return len(m.Unmatched) > 0 && len(m.Unmatched)+len(m.Expired) == m.Lines
}
