package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

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
		v.bad[id] = &walker.Problem{Kind: walker.BrokenLink, Path: path, Detail: l.Detail}
	case l.Target != link.Digest && l.Target.Algorithm() == link.Digest.Algorithm():
		v.bad[id] = &walker.Problem{Kind: walker.LinkMismatch, Path: path, Detail: mismatchDetail(l.Target)}
	case l.Aside:
		v.count.Aside = true
		if v.isLive(id) {
			v.bad[id] = asideProblem(path)
		}
	case v.l.rules.PullThrough || v.s.stat(v.w, v.s.Table.Intern(l.Target)):
	default:
		v.bad[id] = &walker.Problem{Kind: walker.MissingBlob, Path: path, Remedy: walker.Remedy{Absent: []string{layout.BlobDir(l.Target) + "/" + layout.Data}}}
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
		Kind: walker.MissingLayerLink, Path: path,
		Detail: "a manifest references the blob, which is in the store and is not linked in the repository",
		Remedy: walker.Remedy{Flags: walker.Whole, Absent: []string{path}},
	}
}

// isStillLinked reports whether a manifest's link is there. One wrong answer of
// the filesystem is not believed, and an error is no absence.
func (v *inspector) isStillLinked(n *node) bool {
	path := v.linkPath(n.linkedManifest)
	_, err := v.w.Store().Stat(path)
	if disk.Gone(err) {
		_, err = v.w.Store().Stat(path)
	}
	if err != nil && !disk.Gone(err) {
		v.w.Unreadable(path, err)
	}
	return err == nil
}

// judgeLayers says what the bad layer links break.
func (v *inspector) judgeLayers() {
	if len(v.bad) == 0 {
		return
	}
	for i := range v.nodes {
		n := &v.nodes[i]
		if n.why == Dead || n.link.has(linkPending) {
			continue
		}
		m := v.manifest(n.linkedManifest)
		for _, id := range m.Required {
			if problem := v.bad[id]; problem != nil {
				v.judgeLayer(problem, id, int32(i))
			}
			if to, ok := v.aliases[id]; ok && v.bad[to] != nil && v.bad[to].Kind == walker.MissingBlob {
				v.bad[to].Path = v.bad[to].Absent[0] // that has been said of the blob
			}
		}
		for _, id := range m.Optional {
			// What an index calls a child may be a plain blob, and was pushed as one.
			problem := v.bad[id]
			_, child := v.linked(id)
			switch {
			case problem == nil || child || slices.Contains(m.Subjects, id):
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
				problem.Detail, problem.Flags = lostLayerDetail, problem.Flags|walker.Garbage
			}
		}
		if problem.Kind == walker.SetAside {
			v.aside = append(v.aside, *problem)
			continue
		}
		v.w.Findings.Add(*problem)
	}
}

// judgeLayer says that a manifest requires the blob of a bad layer link.
func (v *inspector) judgeLayer(problem *walker.Problem, id ID, at int32) {
	switch {
	case problem.Kind == walker.MissingBlob && !v.s.Table.At(id).has(hasBlob):
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
	problem.Detail = "the layer's blob is absent, and a manifest names it"
	problem.Breaks = append(problem.Breaks, v.broken(at)...)
}
