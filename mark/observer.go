package mark

import (
	"context"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Observer is told about every repository of a Look when all that is linked
// there is known. It is called concurrently.
type Observer interface {
	observe(p *view)
}

// Observe is Look for somebody who only wants to know: the Observer is told
// about every repository.
func (s *Store) Observe(ctx context.Context, w *walker.Walker, o Observer) *Look {
	rules := s.rules
	rules.observer = o
	return s.lookBy(ctx, w, nil, rules)
}

// ObserveBy is Observe by rules that differ from those that the Store was read
// with, but not in Now and Grace. A Removal among them leaves marks: no other
// Look of the Store should follow.
func (s *Store) ObserveBy(ctx context.Context, w *walker.Walker, o Observer, change func(*Rules)) *Look {
	rules := s.rules
	if change != nil {
		change(&rules)
	}
	rules.observer = o
	return s.lookWith(ctx, w, nil, rules)
}

// Lacking returns the blobs that a manifest of this Look needs and that are not
// in the store, its own included.
func (l *Look) Lacking(i *Item) (absent []layout.Digest) {
	t := l.Store.Table
	m := l.Store.manifest(i.ID)
	for _, id := range append([]ID{i.ID}, m.Required...) {
		if !t.At(id).has(hasBlob) {
			absent = append(absent, t.Digest(id))
		}
	}
	return absent
}

// Required returns what a manifest of this Look cannot do without.
func (l *Look) Required(i *Item) (digests []layout.Digest) {
	for _, id := range l.Store.manifest(i.ID).Required {
		digests = append(digests, l.Digest(id))
	}
	return digests
}

// notedLink is a layer link that keeps its blob by itself, or a fresh tag whose
// manifest is not linked.
type notedLink struct {
	id, target ID
	mtime      int64 // of a fresh link; 0 if the repository cannot be understood in full
}

// note remembers a layer link for the Observer.
func (p *live) note(id, target ID, mtime int64) {
	if p.l.rules.observer != nil {
		p.noted = append(p.noted, notedLink{id, target, mtime})
	}
}

// isHere reports whether a manifest can be pulled: its link has not been set
// aside, and is not just being written.
func (n *linkedManifest) isHere() bool { return !n.link.has(linkAside | linkPending) }

// distinctNames returns what a node names, each digest once.
func (p *facts) distinctNames(i int32) (names []ID) {
	p.eachName(i, func(id ID) { names = append(names, id) })
	slices.Sort(names)
	return slices.Compact(names)
}

// tagsOf returns the names of the tags of every node, sorted.
func (p *facts) tagsOf() map[int32][]string {
	names := map[int32][]string{}
	for i := range p.tagLinks {
		if t := &p.tagLinks[i]; t.node >= 0 && t.Taken == "" {
			names[t.node] = append(names[t.node], t.Name)
		}
	}
	for _, list := range names {
		slices.SortFunc(list, strings.Compare)
	}
	return names
}

// refsOf returns what a manifest references.
func (p *visit) refsOf(n *linkedManifest) []ID {
	m := p.manifest(n)
	return slices.Concat(m.Required, m.Optional)
}
