package mark

import (
	"context"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Inspection asks a Look about everything that gc need not know: it reads every
// layer link and every entry of the tags' histories, and compares what manifests
// say of sizes with the blobs. What is wrong goes to the walker's findings.
type Inspection struct {
	sizes sizeClaims

	mu sync.Mutex
	InspectionCount
}

// InspectionCount is what an Inspection has looked at.
type InspectionCount struct {
	LayerLinks, HistoryEntries int
	// UnknownTypes are manifests of types that are not known here: of these
	// only the digests that their text contains are known, not which they need.
	UnknownTypes int
	// Aside says that something has been set aside by a run that was stopped.
	Aside bool
}

// Inspect is Look for a check of the store: nothing is taken for granted. It is
// the first Look of a Store. The walker should be thorough.
func (s *Store) Inspect(ctx context.Context, w *walker.Walker) (*Look, InspectionCount) {
	i := &Inspection{sizes: sizeClaims{of: map[ID][]sizeClaim{}}}
	s.sizes = &i.sizes
	look := s.Observe(ctx, w, i)
	s.sizes = nil
	for _, r := range s.Table.all() {
		i.Aside = i.Aside || r.has(hasBlob|isAside)
	}
	return look, i.InspectionCount
}

func (i *Inspection) observe(p *pass) {
	v := &inspector{pass: p, sizes: &i.sizes}
	v.lookAtLayers()
	v.lookAtHistories()
	v.lookAtManifests()
	v.judgeLayers()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.LayerLinks += v.count.LayerLinks
	i.HistoryEntries += v.count.HistoryEntries
	i.UnknownTypes += v.count.UnknownTypes
	i.Aside = i.Aside || v.count.Aside
}

// inspector is the inspection of one repository.
type inspector struct {
	*pass
	sizes *sizeClaims
	count InspectionCount

	links Set // layer links
	// bad are layer links that lead astray, and those that lack, by the digest
	// by which manifests name them.
	bad map[ID]*walker.Problem
}

// lookAtLayers reads all layer links.
func (v *inspector) lookAtLayers() {
	v.bad = map[ID]*walker.Problem{}
	v.r.AllLayers(v.ctx, func(links []walker.Revision) {
		for i := range links {
			v.layerLink(&links[i])
		}
	})
}

func (v *inspector) layerLink(link *walker.Revision) {
	l := &link.Link
	if l.State != walker.LinkGood && l.State != walker.LinkBroken {
		return // a directory without a link is what a deletion leaves
	}
	v.count.LayerLinks++
	id := v.s.Table.Intern(link.Digest)
	v.links.Add(id)
	path := layout.LayerDir(v.r.Name, link.Digest) + "/" + layout.Link
	switch {
	case l.State == walker.LinkBroken:
		v.bad[id] = &walker.Problem{Kind: walker.BrokenLink, Path: path, Detail: brokenLayerLink(l)}
	case l.Target != link.Digest && l.Target.Algorithm() == link.Digest.Algorithm():
		v.bad[id] = &walker.Problem{Kind: walker.LinkMismatch, Path: path, Detail: mismatchDetail(l.Target)}
	case l.Aside:
		v.count.Aside = true
	case v.l.rules.PullThrough || v.s.stat(v.w, v.s.Table.Intern(l.Target)):
	default:
		v.bad[id] = &walker.Problem{Kind: walker.MissingBlob, Path: path, Absent: []string{layout.BlobDir(l.Target) + "/" + layout.Data}}
	}
}

// lookAtHistories reads all entries of the tags' histories. Nothing but a
// person reads them while a tag has its current link.
func (v *inspector) lookAtHistories() {
	var mu sync.Mutex
	v.w.Each(v.ctx, len(v.tags), func(i int) {
		t := &v.tags[i]
		if t.Taken != "" {
			mu.Lock()
			v.count.Aside = true
			mu.Unlock()
			return
		}
		v.r.AllHistory(v.ctx, &t.Tag, func(dir string, entries []walker.Revision) {
			read := 0
			for i := range entries {
				read += v.historyEntry(dir, &entries[i])
			}
			mu.Lock()
			defer mu.Unlock()
			v.count.HistoryEntries += read
		})
	})
}

func (v *inspector) historyEntry(dir string, e *walker.Revision) (read int) {
	path := dir + "/" + e.Digest.Hex() + "/" + layout.Link
	const harmless = "; no pull needs it, and it can be removed by hand"
	switch l := &e.Link; {
	case l.State == walker.LinkBroken:
		v.problem(walker.BrokenLink, path, l.Detail+harmless)
	case l.State != walker.LinkGood:
		return 0
	case l.Target != e.Digest && l.Target.Algorithm() == e.Digest.Algorithm():
		v.problem(walker.LinkMismatch, path, "it holds "+l.Target.String()+harmless)
	}
	return 1
}

// lookAtManifests compares sizes, and finds the layer links that lack.
func (v *inspector) lookAtManifests() {
	for i := range v.nodes {
		n := &v.nodes[i]
		v.count.Aside = v.count.Aside || n.aside
		if n.why == Dead || n.pending || n.place == 0 {
			continue
		}
		m := v.manifest(n)
		if m.kind == kindUnknown {
			v.count.UnknownTypes++
		}
		v.compareSizes(int32(i))
		if v.l.rules.PullThrough {
			continue
		}
		for _, id := range m.required {
			if !v.links.Has(id) && v.s.Table.record(id).has(hasBlob) {
				v.lacksLink(n, id)
			}
		}
	}
}

// lacksLink notes a blob that is in the store and that the repository does not
// link, so that the registry answers 404. A deletion may be going on: what is
// not there any more a moment later is no problem.
func (v *inspector) lacksLink(n *node, id ID) {
	digest := v.s.Table.Digest(id)
	if v.bad[id] != nil {
		return
	}
	if l := v.r.HasLayer(v.ctx, digest); l.State != walker.LinkMissing || !v.isStillLinked(n) {
		return
	}
	path := layout.LayerDir(v.r.Name, digest) + "/" + layout.Link
	v.bad[id] = &walker.Problem{
		Kind: walker.MissingLayerLink, Path: path, Absent: []string{path},
		Detail: "a manifest references the blob, which is in the store and is not linked in the repository: push again what it breaks, or remove that",
	}
}

func (v *inspector) isStillLinked(n *node) bool {
	_, err := v.w.Store().Stat(v.linkPath(n))
	return err == nil
}

// judgeLayers says what the bad layer links break.
func (v *inspector) judgeLayers() {
	if len(v.bad) == 0 {
		return
	}
	for i := range v.nodes {
		n := &v.nodes[i]
		if n.why == Dead || n.pending {
			continue
		}
		m := v.manifest(n)
		for _, id := range m.required {
			if problem := v.bad[id]; problem != nil {
				v.judgeLayer(problem, id, int32(i))
			}
			if to, ok := v.aliases[id]; ok && v.bad[to] != nil && v.bad[to].Kind == walker.MissingBlob {
				v.bad[to].Path = v.bad[to].Absent[0] // that has been said of the blob
			}
		}
		for _, id := range m.optional {
			// What an index calls a child may be a plain blob, and was pushed as one.
			problem := v.bad[id]
			_, child := v.linked(id)
			switch {
			case problem == nil || child || slices.Contains(m.subjects, id):
			case problem.Kind == walker.MissingBlob:
				v.lostBlob(problem, int32(i))
			default:
				problem.Breaks = append(problem.Breaks, v.broken(int32(i))...)
			}
		}
	}
	for _, problem := range v.bad {
		if problem.Kind == walker.MissingBlob {
			said := problem.Path == problem.Absent[0]
			switch {
			case said && problem.Breaks == nil:
				continue
			case said: // what else it breaks
				problem.Detail = missingBlobDetail
			case problem.Breaks == nil:
				problem.Detail, problem.Cure = lostLayerDetail, "regsweep gc"
			}
		}
		v.w.Findings.Add(*problem)
	}
}

// judgeLayer says that a manifest requires the blob of a bad layer link.
func (v *inspector) judgeLayer(problem *walker.Problem, id ID, at int32) {
	switch {
	case problem.Kind == walker.MissingBlob && !v.s.Table.record(id).has(hasBlob):
		problem.Path = problem.Absent[0] // that has been said of the blob
	case problem.Kind == walker.MissingBlob:
		v.lostBlob(problem, at)
	case problem.Kind == walker.MissingLayerLink:
		v.blame(problem, at)
	default: // no removal of an image takes such a link away
		problem.Breaks = append(problem.Breaks, v.broken(at)...)
	}
}

// lostBlob says that a layer link leads to nothing, and that a manifest names it.
func (v *inspector) lostBlob(problem *walker.Problem, at int32) {
	problem.Detail = "the layer's blob is absent, and a manifest names it: push again what it breaks"
	problem.Breaks = append(problem.Breaks, v.broken(at)...)
}

// compareSizes reports the blobs whose sizes are not those that a manifest says.
func (v *inspector) compareSizes(at int32) {
	n := &v.nodes[at]
	for _, claim := range v.sizes.by(n.id) {
		id := claim.blob
		if to, ok := v.aliases[id]; ok {
			id = to
		}
		if child, ok := v.linked(id); ok && v.failed[child] != nil {
			continue // that it cannot be read has been said
		}
		r := v.s.Table.record(id)
		if !r.has(hasBlob) || r.size == claim.size {
			continue
		}
		// It may have been in the middle of being written.
		b, ok := v.w.StatBlob(v.s.Table.Digest(id))
		if !ok || b.Size == claim.size {
			continue
		}
		v.problemOf(walker.WrongSize, layout.BlobDir(b.Digest)+"/"+layout.Data,
			wrongSizeDetail(b.Size, claim.size), at)
	}
}
