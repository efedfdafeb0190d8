package mark

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// lookAtChildren reports the parts of an index that are stored and that the
// repository shows that it had, and links no longer. Without such a trace the
// index is sparse: nobody pushed them here.
func (v *inspector) lookAtChildren(at int32, m manifest.Summary) {
	for _, id := range m.Optional {
		if slices.Contains(m.Subjects, id) || v.isLinkedHere(id) || !v.s.Table.At(id).has(hasBlob) {
			continue
		}
		digest := v.s.Table.Digest(id)
		dir := layout.RevisionDir(v.r.Name, digest)
		link := dir + "/" + layout.Link
		if !v.had.Has(id) && !v.isTagged(digest) && !v.isThere(dir) || v.isThere(link) || !v.isStillLinked(&v.nodes[at]) {
			continue
		}
		problem := walker.Problem{
			Kind: walker.UnlinkedChild, Path: link,
			Detail: "an index names this manifest, which is in the store; the repository had it and does not link it any more",
			Remedy: walker.Remedy{Flags: walker.Whole, Absent: []string{link}},
		}
		v.blame(&problem, at)
		v.w.Findings.Add(problem)
	}
}

// isLinkedHere reports whether the repository links a digest, as a manifest or
// as a plain blob, which the parts of a build cache are.
func (v *inspector) isLinkedHere(id ID) bool {
	_, ok := v.linked(id)
	return ok || v.links.Has(id)
}

// isTagged reports whether a tag names a digest, linked or not.
func (v *inspector) isTagged(d layout.Digest) bool {
	return slices.ContainsFunc(v.tags, func(t tag) bool {
		return t.AsideName == "" && t.Link.State == walker.LinkGood && t.Link.Target == d
	})
}

// isThere reports whether a path below the store is there. One wrong answer is
// not believed.
func (v *inspector) isThere(path string) bool {
	_, err := v.w.Store().Stat(path)
	if disk.Gone(err) {
		_, err = v.w.Store().Stat(path)
	}
	if err != nil && !disk.Gone(err) {
		v.w.Unreadable(path, err)
	}
	return err == nil
}
