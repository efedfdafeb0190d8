package sweep

import (
	"slices"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
)

// Ended returns how many images that were deleted earlier can be brought back
// only without this plan. The plan removes a blob that they need, or the trace
// that the repository had them.
func (p *Plan) Ended(executed bool) (n int) {
	goes := planned
	if executed {
		goes = removed
	}
	type trace struct {
		repo uint32
		id   digests.ID
	}
	var blobs digests.Set
	var traces map[trace]bool
	p.look.EachLost(func(repo uint32, id mark.ID, needs []mark.ID) {
		if traces == nil {
			blobs, traces = p.blobsThat(goes), map[trace]bool{}
			for i := range p.items {
				if k := p.items[i].Kind; p.done[i] == goes && (k == mark.RevisionDir || k == mark.TagHistory) {
					traces[trace{p.items[i].Repo, p.items[i].ID}] = true
				}
			}
		}
		if traces[trace{repo, id}] || blobs.Has(id) || slices.ContainsFunc(needs, blobs.Has) {
			n++
		}
	})
	return n
}
