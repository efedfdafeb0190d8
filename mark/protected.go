package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// findProtected finds the protected blobs, manifests and tags.
func (p *selection) findProtected() {
	p.lines = map[ID]*protect.Line{}
	if p.guard.HasDigests() {
		p.findProtectedDigests()
	}
	if !p.guard.HasTags() {
		return
	}
	for i := range p.tags {
		if i%1024 == 0 && p.ctx.Err() != nil {
			return // nobody uses what was found so far
		}
		t := &p.tags[i]
		lines := p.guard.Tag(t.Name)
		if len(lines) == 0 {
			continue
		}
		t.by = lines[0]
		if t.node >= 0 {
			p.protect(p.nodes[t.node].path, lines)
		}
	}
}

func (p *selection) protect(id ID, lines []*protect.Line) {
	if p.lines[id] == nil && len(lines) > 0 {
		p.lines[id] = lines[0]
	}
}

// findProtectedDigests finds what is protected by a digest: a manifest's own, or
// its configuration's, which clusters call the image's. Any other blob is kept
// alone.
func (p *selection) findProtectedDigests() {
	listed := map[ID]layout.Digest{}
	p.guard.EachDigest(func(d layout.Digest) bool {
		id := p.s.Table.Lookup(d)
		if id == 0 {
			return false
		}
		listed[id] = d
		stored := p.s.Table.At(id).has(hasBlob)
		if stored {
			p.blobs = append(p.blobs, id)
		}
		_, linked := p.linked(id)
		if linked {
			p.protect(id, p.guard.Digest(d))
		}
		return linked || stored
	})
	for i := range p.manifests {
		n := &p.manifests[i]
		m := p.manifest(n)
		m.EachConfig(func(id ID) {
			if d, ok := listed[id]; ok {
				p.protect(n.path, p.guard.Digest(d))
			}
		})
	}
}

// whole is the line that protects all of the repository, or nil.
func (p *facts) whole() *protect.Line {
	for _, line := range p.guard.Repository() {
		return line
	}
	return nil
}

// linesOf are the patterns of all lines that protect a manifest, or a tag on it,
// in the order of the lists.
func (p *garbage) linesOf(n *node, tags []string) (patterns []string) {
	lines := slices.Clone(p.guard.Repository())
	for _, tag := range tags {
		lines = append(lines, p.guard.Tag(tag)...)
	}
	if p.guard.HasDigests() {
		ids := []ID{n.path, n.id}
		m := p.manifest(n.linkedManifest)
		m.EachConfig(func(id ID) { ids = append(ids, id) })
		for _, id := range ids {
			lines = append(lines, p.guard.Digest(p.s.Table.Digest(id))...)
		}
	}
	for _, pattern := range protect.Patterns(lines) {
		if !slices.Contains(patterns, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// allLines are the patterns of all lines that protect something here.
func (p *garbage) allLines() (patterns []string) {
	if whole := p.guard.Repository(); !p.guard.HasTags() && !p.guard.HasDigests() {
		return protect.Patterns(whole)
	}
	tags := p.tagsOf()
	add := func(more []string) {
		for _, pattern := range more {
			if !slices.Contains(patterns, pattern) {
				patterns = append(patterns, pattern)
			}
		}
	}
	for i := range p.nodes {
		if p.nodes[i].isHere() {
			add(p.linesOf(&p.nodes[i], tags[int32(i)]))
		}
	}
	for i := range p.tags {
		if t := &p.tags[i]; t.AsideName == "" && t.by != nil {
			add([]string{t.by.Pattern})
		}
	}
	return patterns
}
