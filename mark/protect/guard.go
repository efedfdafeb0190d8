package protect

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/regsweep/regsweep/layout"
)

// Add adds what one line of a protection names; see Read. It must not
// be called once p is in use.
func (p *List) Add(line int, text string) error {
	e, err := parseProtected(text)
	if err != nil {
		return err
	}
	e.line, e.text = line, text
	p.entries = append(p.entries, e)
	return nil
}

// Join protects what any of several does; each of them still knows
// which of its own lines protected nothing.
func Join(several ...*List) *List {
	joined := &List{}
	for _, p := range several {
		if p != nil {
			joined.entries = append(joined.entries, p.entries...)
		}
	}
	return joined
}

// Guard is what is protected in one repository, and by which lines. Each answer
// lists those in their order; a line that is in one has protected something.
// The zero value protects nothing.
type Guard struct {
	whole   []*protected
	globs   []*protected // of tags
	tags    map[string][]*protected
	digests map[layout.Digest][]*protected
}

// Guard returns what p protects in a repository, so arranged that a list of
// thousands of digests costs a lookup for each tag.
func (p *List) Guard(repository string) Guard {
	g := Guard{}
	here := p.Within(repository)
	if here == nil {
		return g
	}
	g.tags = map[string][]*protected{}
	g.digests = map[layout.Digest][]*protected{}
	for _, e := range here.entries {
		switch {
		case e.tag == "" && e.digest.IsZero():
			g.whole = append(g.whole, e)
		case strings.ContainsAny(e.tag, `*?[{\`):
			g.globs = append(g.globs, e)
		case e.tag != "":
			g.tags[e.tag] = append(g.tags[e.tag], e)
		}
		if !e.digest.IsZero() {
			g.digests[e.digest] = append(g.digests[e.digest], e)
		}
	}
	return g
}

// Repository names the lines that protect all of the repository.
func (g *Guard) Repository() []string { return hits(nil, g.whole) }

// Tag names the lines that protect a tag by its name.
func (g *Guard) Tag(tag string) []string {
	names := hits(nil, g.tags[tag])
	for _, e := range g.globs {
		if doublestar.MatchUnvalidated(e.tag, tag) {
			names = hits(names, []*protected{e})
		}
	}
	return names
}

// Digest names the lines that protect a manifest by its digest.
func (g *Guard) Digest(d layout.Digest) []string { return hits(nil, g.digests[d]) }

func hits(names []string, entries []*protected) []string {
	for _, e := range entries {
		e.hit.Store(true)
		names = append(names, e.text)
	}
	return names
}
