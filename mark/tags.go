package mark

import (
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

func (p *facts) addTags() {
	p.tagLinks = make([]linkedTag, 0, len(p.found))
	for i := range p.found {
		p.addTag(&p.found[i])
	}
}

// addTag finds what a tag names.
func (p *facts) addTag(t *walker.Tag) {
	if t.AsideName == "" {
		p.totals.Tags++
		p.repo.Tags++
	}
	switch {
	case t.Link.State == walker.LinkBroken && t.AsideName == "":
		p.tagProblem(walker.BrokenLink, p.tagPath(t)+"/"+layout.Current+"/"+layout.Link, t.Link.Detail, t)
		p.keepAll()
	case t.Half:
		p.tagProblem(walker.HalfTag, p.tagPath(t), halfTagDetail(t), t)
		for _, e := range t.Newest {
			p.addNewest(p.tagPath(t), e)
		}
	}
	added := linkedTag{Tag: t, node: -1}
	if t.Link.State == walker.LinkGood {
		added.target = p.s.Table.Intern(t.Link.Target)
		added.node, _ = p.linked(added.target)
		if added.node < 0 && (t.AsideName == "" || p.selected != nil) {
			added.node = p.findLayer(t.Link.Target)
		}
		if added.node < 0 && t.AsideName == "" {
			p.tagProblem(walker.DanglingTag, p.tagPath(t), fmt.Sprintf("it names %s, whose link is gone", t.Link.Target), t)
			p.lacking = true
			if p.s.stat(p.w, added.target) {
				p.totals.Dangling++
			}
		}
	}
	if added.node >= 0 && t.AsideName == "" {
		p.totals.Naming++
		if p.manifests[added.node].link.has(linkAsLayer) {
			p.totals.Layered++
		}
	}
	p.tagLinks = append(p.tagLinks, added)
}

func (p *visit) tagPath(t *walker.Tag) string { return layout.TagDir(p.r.Name, t.Name) }

// tagProblem records what is wrong with a tag, which is gone without it.
func (p *visit) tagProblem(kind, path, detail string, t *walker.Tag) {
	name := p.r.Name + ":" + t.Name
	problem := walker.Problem{Kind: kind, Path: path, Detail: detail, Breaks: []string{name}}
	switch kind {
	case walker.HalfTag:
		problem.Absent = []string{path + "/" + layout.Current + "/" + layout.Link, path + "/" + layout.Index}
	case walker.DanglingTag:
		problem.Absent = []string{
			layout.RevisionDir(p.r.Name, t.Link.Target) + "/" + layout.Link,
			layout.LayerDir(p.r.Name, t.Link.Target) + "/" + layout.Link,
		}
	}
	if kind == walker.DanglingTag && p.s.Table.At(p.s.Table.Intern(t.Link.Target)).has(hasBlob) {
		problem.Flags |= walker.Whole
	}
	if !p.r.Odd && !p.r.Linked && !t.Odd && !t.Linked {
		problem.Untag = name
	}
	p.w.Findings.Add(problem)
}

// addNewest makes a root of what a half tag's history names last.
func (p *facts) addNewest(tagPath string, e walker.HistoryEntry) {
	for _, d := range [2]layout.Digest{e.Digest, e.Target} {
		if at := p.find(d); at >= 0 {
			p.manifests[at].link.put(linkForced, true)
		}
	}
	if e.Digest != e.Target && e.Digest.Algorithm() == e.Target.Algorithm() {
		p.mismatch(tagPath+"/"+layout.Index+"/"+e.Digest.Algorithm().String()+"/"+e.Digest.Hex()+"/"+layout.Link, e.Target)
	}
}

func halfTagDetail(t *walker.Tag) string {
	if t.Link.State != walker.LinkGood {
		return "it has no current link, and its history names nothing"
	}
	return fmt.Sprintf("it has no current link: its newest history entry, %s, is kept", t.Link.Target)
}

// findLayer finds a manifest that is linked as a layer only, which registry
// 2.1.0 did and 2.x still reads.
// Source: distribution v2.8.3 registry/storage/linkedblobstore.go linkPathFns of manifests.
func (p *facts) findLayer(d layout.Digest) int32 {
	l := p.r.HasLayer(p.ctx, d)
	if l.State != walker.LinkGood {
		return -1
	}
	at := p.addManifest(linkedManifest{
		id: p.s.Table.Intern(l.Target), path: p.s.Table.Intern(d), mtime: l.MTime,
		link: linkAsLayer | linkPinned,
	})
	return at
}
