package trash

import (
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// addAside adds what a run that was stopped has set aside, unless the same is
// in the trash.
func (r *Restore) addAside(look *mark.Look) {
	r.aside = true
	have := map[string]bool{}
	for _, t := range r.things {
		have[t.path] = true
	}
	for _, list := range [][]mark.Item{look.Restore, look.Items} {
		for i := range list {
			item := &list[i]
			path := look.PathOf(item)
			if !item.Aside || have[path] {
				continue
			}
			have[path] = true
			t := &thing{path: path, repo: look.RepositoryOf(item), from: path + layout.AsideSuffix, inPlace: true}
			switch item.Kind {
			case mark.Blob:
				t.kind, t.digest = blobThing, look.Digest(item.ID)
			case mark.LayerLink:
				t.kind, t.digest = layerThing, look.Digest(item.ID)
			case mark.Manifest:
				t.kind, t.digest = manifestThing, look.Digest(item.ID)
			case mark.Tag:
				t.kind, t.tag = tagThing, look.NameOf(item)
				t.from = layout.RepositoryDir(t.repo) + "/" + layout.Manifests + "/" + layout.GonePrefix + t.tag
				t.files = []string{layout.Current + "/" + layout.Link}
			default:
				continue
			}
			r.things = append(r.things, t)
		}
	}
	slices.SortStableFunc(r.things, compareThings)
}
