package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// View is what an Observer sees of a repository: what it links, which of that is
// live, and what is removed. It is read-only, and valid until Observe returns.
// Manifests have numbers from 0 on.
type View struct{ *garbage }

// Linked is a manifest that a repository links.
type Linked struct {
	Digest  layout.Digest // by which it is linked
	Set     int64         // when its link was written, in nanoseconds since 1970
	Here    bool          // it can be pulled: its link is not set aside, and is not being written
	AsLayer bool          // it is a layer link only, as registry 2.1.0 made it
	Role    Role          // why a selection has it; 0 if none does
}

// Repository returns the name of the repository.
func (p *View) Repository() string { return p.r.Name }

// AllNames returns the names by which a registry serves the repository, its own
// last.
func (p *View) AllNames() []string {
	return append(p.w.Shares().OtherNames(p.r.Name), p.r.Name)
}

// Bytes returns the size of all blobs that the repository's manifests reference.
func (p *View) Bytes() int64 { return p.repo.Bytes }

// Tags returns the tags that are in their places. They are valid as long as the View.
func (p *View) Tags() (tags []*walker.Tag) {
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" {
			tags = append(tags, t.Tag)
		}
	}
	return tags
}

// TagsOf returns the names of the tags of each manifest, sorted.
func (p *View) TagsOf() map[int32][]string { return p.tagsOf() }

// Manifests returns how many manifests the repository links.
func (p *View) Manifests() int { return len(p.nodes) }

// Manifest returns a manifest by its number.
func (p *View) Manifest(at int32) Linked {
	n := &p.nodes[at]
	return Linked{Digest: p.s.Table.Digest(n.path), Set: n.mtime, Here: n.isHere(), AsLayer: n.link.has(linkAsLayer), Role: n.role}
}

// Find returns the number of the manifest that is linked by a digest.
func (p *View) Find(id ID) (at int32, ok bool) { return p.linked(id) }

// ID returns the ID of a digest, or 0 if nothing names it.
func (p *View) ID(d layout.Digest) ID { return p.s.Table.Lookup(d) }

// EachName calls fn with every digest that a manifest names, its own first.
func (p *View) EachName(at int32, fn func(ID)) { p.eachName(at, fn) }

// EachConfig calls fn with the digest of every configuration that a manifest names.
func (p *View) EachConfig(at int32, fn func(layout.Digest)) {
	m := p.manifest(p.nodes[at].linkedManifest)
	m.EachConfig(func(id ID) { fn(p.s.Table.Digest(id)) })
}

// Referrers returns the manifests that refer to others, by the manifest that they
// refer to. Tags that refer to a manifest do not count.
func (p *View) Referrers() map[int32][]int32 {
	referrers := map[int32][]int32{}
	for at, list := range p.whatIsAbout() {
		for _, e := range list {
			if e.role != Signature {
				referrers[at] = append(referrers[at], e.to)
			}
		}
	}
	return referrers
}

// Size returns the size of a blob. stored is false if it is not in the store.
func (p *View) Size(id ID) (bytes int64, stored bool) {
	r := p.s.Table.At(id)
	return r.size, r.has(hasBlob)
}

// EachLayer calls fn with digests that layer links name and that maybe no live
// manifest names.
func (p *View) EachLayer(fn func(ID)) {
	for _, i := range p.deadLayers {
		fn(i.ID)
		fn(ID(i.Extra))
	}
	for _, l := range p.noted {
		fn(l.id)
		fn(l.target)
	}
}

// EachRemoved calls fn with each item that is removed, and its name.
func (p *View) EachRemoved(fn func(i *Item, name string)) {
	for k := range p.items {
		i, name := &p.items[k], ""
		if i.named() {
			name = p.names[i.Extra].Text
		}
		fn(i, name)
	}
}

// EachHistory reads the histories of tags, and calls fn with parts of each and
// the tag's place in the list. It is called concurrently for several tags.
func (p *View) EachHistory(tags []*walker.Tag, fn func(at int, entries []walker.Revision)) {
	p.w.Each(p.ctx, len(tags), func(at int) {
		p.r.ReadHistory(p.ctx, tags[at], func(entries []walker.Revision) { fn(at, entries) })
	})
}

// Has reports whether a blob is in the store.
func (s *Store) Has(id ID) bool { return s.Table.At(id).has(hasBlob) }
