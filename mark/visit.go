package mark

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
)

// A Look makes five values of each repository, each from the one before:
//
//	facts      what the repository links, as it was read
//	selection  what of that a command, a policy or a plan selects
//	live       what the roots reach, and why
//	garbage    what is not live
//	View       all of that, for those who only ask
//
// Each has in it the one before, and the functions of a step are those of its value:
// what decides cannot see what follows from the decision. What a manifest reaches is
// decided per repository: an index may be sparse in one and whole in another.

// visit is what all steps in one repository have in common: where they work, what
// they count, and what they meet that is removed whatever is live.
type visit struct {
	ctx context.Context
	l   *Look
	s   *Store
	w   *walker.Walker
	r   *walker.Repository
	// selected is what a selection has of the repository, or nil.
	selected *selectedIn
	// keep, if not Dead, is why all that the repository links is live.
	keep   Reason
	repo   Repo
	totals Totals
	steps  int // how often a manifest's names were gone through
	leftovers
	memory *memory
}

// leftovers are what is removed from a repository, what gets its name back, and the
// names of both. hasKept says that something there is kept.
type leftovers struct {
	items   []Item
	restore []Item
	names   []Name
	hasKept bool
}

// memory is what the work on a repository leaves for that on the next one.
type memory struct {
	found     []walker.Tag
	manifests []linkedManifest
	nodes     []node
	here      heres
	ids       []ID
	names     []layout.Digest // of at most namesAtATime
}

func (l *Look) freeMemory() *memory {
	if m, ok := l.free.Get().(*memory); ok {
		return m
	}
	return new(memory)
}

// internAll returns the numbers of n digests, which are valid until it is called again.
func (p *visit) internAll(n int, digest func(i int) *layout.Digest) []ID {
	p.memory.ids = p.s.Table.InternAll(p.memory.ids[:0], n, digest)
	return p.memory.ids
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

// recent reports whether a time is within the grace.
func (p *visit) recent(mtime int64) bool { return p.l.rules.recent(mtime) }

// twice plans to remove a link that a stopped run set aside and a push has replaced.
func (p *visit) twice(dir string, id ID) {
	p.items = append(p.items, Item{Kind: Temporary, ID: id, Extra: p.name(dir+"/"+layout.AsideLink, 0)})
}

func (p *visit) linkPath(n *linkedManifest) string {
	digest := p.s.Table.Digest(n.path)
	if n.link.has(linkAsLayer) {
		return layout.LayerDir(p.r.Name, digest) + "/" + layout.Link
	}
	return layout.RevisionDir(p.r.Name, digest) + "/" + layout.Link
}

// manifest is what is kept of a manifest.
func (p *visit) manifest(n *linkedManifest) manifest.Summary { return p.s.manifests.At(n.place) }

// refsOf returns what a manifest references.
func (p *visit) refsOf(n *linkedManifest) []ID {
	m := p.manifest(n)
	return slices.Concat(m.Required, m.Optional)
}

// uploadsOlderThan is the age above which an upload is removed: in a repository that
// is removed as a whole, every one that is not under way.
func (p *visit) uploadsOlderThan() time.Duration {
	if p.selectsAll() {
		return p.l.rules.Grace
	}
	return p.l.rules.UploadsOlderThan
}

// addBare records a directory that lacks its link.
func (p *visit) addBare(kind Kind, id ID) {
	b := bareDir(id)
	if kind == LayerDir {
		b |= bareLayer
	}
	p.repo.bare = append(p.repo.bare, b)
}

func (p *visit) mismatch(path string, target layout.Digest) {
	p.problem(walker.LinkMismatch, path, mismatchDetail(target))
}

func mismatchDetail(target layout.Digest) string {
	return fmt.Sprintf("it holds %s: both are kept", target)
}

// leftover decides about a directory whose link is missing.
func (p *visit) leftover(kind Kind, id ID, v *walker.Revision) {
	if v.Left.MTime == 0 {
		return // it has vanished
	}
	p.addBare(kind, id)
	removed := v.Left.Empty && !v.Linked && (p.selectsAll() || !p.l.rules.recent(v.Left.MTime))
	for _, t := range v.Left.Temporaries {
		if p.l.rules.recent(t.MTime) {
			removed = false
			continue
		}
		p.items = append(p.items, Item{Kind: Temporary, ID: id, Extra: p.name(t.Path, t.Size)})
	}
	if removed {
		p.items = append(p.items, Item{Kind: kind, ID: id})
		return
	}
	p.hasKept = true
}

func (p *visit) isRevisionShared(id ID) bool {
	return p.w.Shares().Any() && p.w.Shares().IsShared(layout.RevisionDir(p.r.Name, p.s.Table.Digest(id)))
}

func (p *visit) isTagShared(name string) bool {
	return p.w.Shares().Any() && p.w.Shares().IsShared(layout.TagDir(p.r.Name, name))
}

func (p *visit) isLayerShared(d layout.Digest) bool {
	return p.w.Shares().Any() && p.w.Shares().IsShared(layout.LayerDir(p.r.Name, d))
}

// asks reports whether this Look finds what a selection has. Later ones select nothing
// else, and with a plan that was written down no Look does.
func (p *visit) asks() bool { return p.l.first && !p.l.rules.Selected.isListed() }

// selectsAll reports whether the whole repository is removed.
func (p *visit) selectsAll() bool { return p.selected != nil && p.selected.whole }
