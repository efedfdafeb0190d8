package mark

import (
	"context"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// A Look makes five values of each repository, each from the one before:
//
//	facts      what the repository links, as it was read
//	selection  what of that a command, a policy or a plan takes away
//	live       what the roots reach, and why
//	garbage    what is not live
//	view       all of that, for those who only ask
//
// Each has in it the one before, and the functions of a step are those of its value:
// what decides cannot see what follows from the decision. What a manifest reaches is
// decided per repository: an index may be sparse in one and whole in another.

// visit is what all steps in one repository have in common: where they work, what
// they count, and what they meet that goes whatever is live.
type visit struct {
	ctx context.Context
	l   *Look
	s   *Store
	w   *walker.Walker
	r   *walker.Repository
	// away is what a Removal takes from the repository, or nil.
	away *removalIn
	// keep, if not Dead, is why all that the repository links is live.
	keep   Reason
	repo   Repo
	totals Totals
	steps  int // how often a manifest's names were gone through
	litter
	memory *memory
}

// litter is what goes from a repository, what gets its name back, and the names of
// both. stays says that something is left there.
type litter struct {
	items   []Item
	restore []Item
	names   []Name
	stays   bool
}

// memory is what the work on a repository leaves for that on the next one.
type memory struct {
	found     []walker.Tag
	manifests []linkedManifest
	nodes     []node
	here      heres
}

// visit reads a repository and decides about it. It returns nil if it was stopped.
func (l *Look) visit(ctx context.Context, r *walker.Repository) *garbage {
	f := l.read(ctx, r)
	if ctx.Err() != nil {
		return nil // nobody uses what was found so far
	}
	return f.choose().markLive().collect()
}

// release leaves the memory for the next repository. Nothing of p is valid any more.
func (p *garbage) release() {
	clear(p.found)
	clear(p.manifests)
	clear(p.nodes)
	p.here.reset()
	*p.memory = memory{p.found[:0], p.manifests[:0], p.nodes[:0], p.here}
	p.l.spare.Put(p.memory)
}

func (l *Look) spareMemory() *memory {
	if m, ok := l.spare.Get().(*memory); ok {
		return m
	}
	return new(memory)
}

// problem records what is wrong with a path of the repository.
func (p *visit) problem(kind, path, detail string) {
	p.w.Findings.Add(walker.Problem{Kind: kind, Path: path, Detail: detail})
}

// keepAll is what happens when the repository cannot be understood in full.
func (p *visit) keepAll() {
	if p.keep == Dead {
		p.keep = Broken
	}
}

// breakLink records a link that holds no digest.
func (p *visit) breakLink(path string, l walker.Link) {
	p.problem(walker.BrokenLink, path, l.Detail)
	p.keepAll()
}

func (p *visit) name(text string, bytes int64) uint32 {
	p.names = append(p.names, Name{text, bytes})
	return uint32(len(p.names) - 1)
}

func (p *visit) listLayers(alg layout.Algorithm, fn func(layout.Digest)) {
	p.r.Layers(alg, func(d layout.Digest, linked bool) {
		if linked {
			p.r.Linked = true
		}
		fn(d)
	})
}

// old reports whether a time is beyond the grace.
func (p *visit) old(mtime int64) bool { return !p.l.rules.fresh(mtime) }
