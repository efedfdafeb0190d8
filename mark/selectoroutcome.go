package mark

import (
	"cmp"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// ReadCreated reads the images' own times. For an index, it reads the time of its
// newest child.
func (j *Selectable) ReadCreated() {
	p := j.in
	wanted := j.wanted()
	times := make([]time.Time, len(p.nodes))
	p.w.Each(p.ctx, len(p.nodes), func(i int) {
		if wanted[i] {
			times[i], _ = p.created(int32(i), nesting)
		}
	})
	for i := range j.Tags {
		if t := &j.Tags[i]; t.Undecidable == "" {
			t.Created = times[p.tags[t.at].node]
		}
	}
	for i := range j.Untagged {
		j.Untagged[i].Created = times[j.Untagged[i].at]
	}
}

// created is an image's own time, or an index's newest child's. If any of what
// it depends on cannot be read, there is none: what could not be read may be newer.
func (p *selection) created(at int32, depth int) (newest time.Time, ok bool) {
	digest := p.s.Table.Digest(p.nodes[at].id)
	var m described
	if !p.s.document(p.w, digest, &m) || depth == 0 {
		return time.Time{}, false
	}
	switch {
	case m.Config != nil:
		if newest, ok = p.s.configTime(p.w, m.Config); !ok {
			return time.Time{}, false
		}
	case m.Manifests == nil:
		newest = p.s.Describe(p.w, digest).Created // schema 1 has its time in itself
	}
	for _, c := range m.Manifests {
		child, err := layout.ParseDigest(c.Digest)
		if err != nil {
			return time.Time{}, false
		}
		to := p.find(child)
		if to < 0 {
			continue // absent, as in a sparse index, or a plain blob
		}
		t, ok := p.created(to, depth-1)
		if !ok {
			return time.Time{}, false
		}
		if t.After(newest) {
			newest = t
		}
	}
	if newest.IsZero() {
		newest = m.annotatedTime()
	}
	return newest, true
}

// configTime is the time in a configuration, zero if it says none; ok is false
// if it cannot be read.
func (s *Store) configTime(w *walker.Walker, part *describedPart) (t time.Time, ok bool) {
	digest, err := layout.ParseDigest(part.Digest)
	if err != nil {
		return t, false
	}
	if !isImageConfig(part.MediaType) {
		return t, true // of an artifact, which says nothing that is known here
	}
	var c describedConfig
	if !s.document(w, digest, &c) {
		return t, false
	}
	var d Description
	c.describe(&d)
	return d.Created, true
}

// dropSelected leaves a repository alone of which it is known only now that it
// cannot be understood in full, or is behind a symbolic link.
func (p *garbage) dropSelected() {
	if !p.l.rules.Selected.prunes() || p.keep == Dead && !p.r.Linked {
		return
	}
	for i := range p.tags {
		p.tags[i].is.unset(tagSelected)
	}
}

// tellOutcome tells what becomes of what the Selector has decided about.
func (p *garbage) tellOutcome() {
	j := p.selectable
	if j == nil {
		return
	}
	p.addCandidates()
	for i := range j.Tags {
		p.tellTag(&j.Tags[i])
	}
	for i := range j.Untagged {
		m := &j.Untagged[i]
		if n := &p.nodes[m.at]; m.Remove && n.why != Dead {
			m.Remove, m.Note = false, p.whyIsKept(m.at)
		}
	}
	if p.done != nil {
		p.done()
	}
}

func (p *garbage) tellTag(one *SelectableTag) {
	t := &p.tags[one.at]
	switch {
	case t.is.has(tagSelected):
		if t.node >= 0 && p.nodes[t.node].root.has(rootAlong) && p.nodes[t.node].why != Dead {
			one.Note = "its image is kept: " + p.whyIsKept(t.node)
		}
	case t.is.has(tagAlong) && p.isTagRemoved(t) && !p.r.Linked:
		one.Remove, one.Note = true, "follows its subject "+p.s.Table.Digest(t.subject).String()
	case one.Remove:
		one.Remove, one.Note = false, cmp.Or(p.whyUndecidable(), "it is protected")
	}
}

// whyIsKept says what keeps a manifest that was to be removed.
func (p *garbage) whyIsKept(at int32) string {
	n := &p.nodes[at]
	if all := p.whyUndecidable(); all != "" {
		return all
	}
	if p.protectsNode(n) {
		return "it is protected"
	}
	if index := p.keeper(at); index >= 0 {
		return "the index " + p.s.Table.Digest(p.nodes[index].path).String() + " names it"
	}
	for _, subject := range p.manifest(n.linkedManifest).Subjects {
		if p.isLive(subject) {
			return "its subject " + p.s.Table.Digest(subject).String() + " is kept"
		}
	}
	return "something that is kept needs it"
}

// keeper is the manifest that is kept and names one, or -1: of several the one
// with the least digest, in whatever order directories are listed.
func (p *garbage) keeper(at int32) int32 {
	if p.keepers == nil {
		p.keepers = make([]int32, len(p.nodes))
		for i := range p.nodes {
			if p.nodes[i].why == Dead {
				continue
			}
			p.eachName(int32(i), func(id ID) {
				to, ok := p.linked(id)
				if !ok || to == int32(i) {
					return
				}
				if k := &p.keepers[to]; *k == 0 || p.s.Table.Compare(p.nodes[i].path, p.nodes[*k-1].path) < 0 {
					*k = int32(i) + 1
				}
			})
		}
	}
	return p.keepers[at] - 1
}

// recordSelected records what is removed, for the Looks after this one.
func (p *garbage) recordSelected() {
	a := p.selected
	for i := range p.tags {
		t := &p.tags[i]
		with := t.is.has(tagAlong) && p.isTagRemoved(t)
		if t.AsideName == "" && (t.is.has(tagSelected) || with) {
			a.tags[t.Name] = selectedTag{target: t.target, mtime: t.Link.MTime, with: !t.is.has(tagSelected)}
		}
	}
	for i := range p.nodes {
		if n := &p.nodes[i]; p.isRemoved(n) {
			a.manifests[n.path] = selectedNode{mtime: n.mtime}
		}
	}
}

// Guarded counts the blobs of everything that a Selector has called protected, each
// once.
func (l *Look) Guarded() (blobs, bytes int64) {
	for _, r := range l.Store.Table.All() {
		if r.has(hasBlob | isGuarded) {
			blobs++
			bytes += r.size
		}
	}
	return blobs, bytes
}
