package sweep

import (
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
)

// GoneLine is a tag that was removed or would be, or a removed manifest that no
// removed tag names.
type GoneLine struct {
	Repository string
	Tag        string     // "" of a manifest
	ID         digests.ID // of the manifest that the tag names, or of the manifest
	Digest     string     // the same; "" if the tag names none
	Image      bool       // the manifest is removed, and not only a tag of it
}

// EachGone calls fn for every tag that was removed, or would be, and then for
// every such manifest that none of these tags names.
func (p *Plan) EachGone(executed bool, fn func(*GoneLine)) {
	want := planned
	if executed {
		want = removed
	}
	manifests := map[image]bool{} // true: a tag has told of it
	each := func(kind mark.Kind, fn func(*mark.Item)) {
		lo, hi := p.kindRange(kind)
		for i := lo; i < hi; i++ {
			if p.done[i] == want && !(kind == mark.Tag && p.items[i].Aside) {
				fn(&p.items[i])
			}
		}
	}
	line := func(i *mark.Item) *GoneLine {
		l := &GoneLine{Repository: p.look.RepositoryOf(i), Tag: p.look.NameOf(i), ID: i.ID}
		if i.ID != 0 {
			l.Digest = p.look.Digest(i.ID).String()
		}
		return l
	}
	each(mark.Manifest, func(i *mark.Item) { manifests[image{i.Repo, i.ID}] = false })
	each(mark.Tag, func(i *mark.Item) {
		l := line(i)
		if _, l.Image = manifests[image{i.Repo, i.ID}]; l.Image {
			manifests[image{i.Repo, i.ID}] = true
		}
		fn(l)
	})
	each(mark.Manifest, func(i *mark.Item) {
		if !manifests[image{i.Repo, i.ID}] {
			l := line(i)
			l.Image = true
			fn(l)
		}
	})
}

// BytesWithin returns the bytes of those blobs of a set that were removed, or
// would be.
func (p *Plan) BytesWithin(executed bool, set digests.Set) (bytes int64) {
	want := planned
	if executed {
		want = removed
	}
	lo, hi := p.kindRange(mark.Blob)
	for i := lo; i < hi; i++ {
		if p.done[i] == want && set.Has(p.items[i].ID) {
			bytes += p.look.Store.Blob(p.items[i].ID).Size
		}
	}
	return bytes
}
