package mark

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/walker"
)

// asideProblem says that something live is set aside: a stopped run took its
// name, and a push came to need it.
func asideProblem(path string) *walker.Problem {
	return &walker.Problem{Kind: walker.SetAside, Path: path, Detail: "a run that was stopped has set it aside, and it is needed: until it has its name back, a registry does not see it"}
}

// lookAtAside finds what is live and set aside of the manifests, tags and blobs
// of the repository.
func (v *inspector) lookAtAside() {
	blobs := map[digests.ID]*walker.Problem{}
	for i := range v.nodes {
		n := &v.nodes[i]
		if n.why == Dead || n.link.has(linkPending) {
			continue
		}
		if n.link.has(linkAside) {
			p := asideProblem(layout.RevisionDir(v.r.Name, v.s.Table.Digest(n.path)) + "/" + layout.Link)
			p.Breaks = v.broken(int32(i))
			v.aside = append(v.aside, *p)
		}
		v.eachName(int32(i), func(id digests.ID) {
			if !v.s.Table.At(id).has(hasBlob | isAside) {
				return
			}
			if blobs[id] == nil {
				blobs[id] = asideProblem(layout.BlobDir(v.s.Table.Digest(id)) + "/" + layout.Data)
			}
			blobs[id].Breaks = append(blobs[id].Breaks, v.broken(int32(i))...)
		})
	}
	for _, p := range blobs {
		v.aside = append(v.aside, *p)
	}
	for i := range v.restore {
		if item := &v.restore[i]; item.Kind == Tag {
			name := v.names[item.Extra].Text
			p := asideProblem(layout.TagDir(v.r.Name, name))
			p.Breaks = []string{v.r.Name + ":" + name}
			v.aside = append(v.aside, *p)
		}
	}
}

// reportAside says what is live and set aside, with the command that gives it
// its name back: a gc that finds out by itself that a run was stopped, or one
// that is told to look.
func (i *Inspection) reportAside(look *Look, w *walker.Walker) {
	known := map[string]bool{}
	for k := range i.aside {
		known[i.aside[k].Path] = true
	}
	for k := range look.Restore {
		if item := &look.Restore[k]; item.Kind == Blob {
			if path := layout.BlobDir(look.Digest(item.ID)) + "/" + layout.Data; !known[path] {
				i.aside = append(i.aside, *asideProblem(path))
			}
		}
	}
	cure := "regsweep gc"
	if !look.Store.Resumed() {
		cure = "regsweep gc --resume"
	}
	for _, p := range i.aside {
		p.Cure = cure
		w.Findings.Add(p)
	}
}
