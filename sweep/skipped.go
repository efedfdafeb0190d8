package sweep

import (
	"cmp"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/mark"
)

// SkippedLine is an item of a written plan that was not removed, and why.
type SkippedLine struct {
	Kind       string `json:"kind"`
	Repository string `json:"repository"`
	Name       string `json:"name"`
	Digest     string `json:"digest"`
	Reason     string `json:"reason"`
}

// raced is the reason of what became live while a run was under way.
const raced = "it came into use while the plan was carried out"

// Skipped lists the items of a written plan that are not removed, in the order of
// removal. It has items that were live or changed before the run, and items that
// became so during the run.
func (p *Plan) Skipped(listing *mark.Listing) (list []SkippedLine) {
	type ranked struct {
		kind mark.Kind
		SkippedLine
	}
	var all []ranked
	add := func(i mark.Listed, why string) {
		if i.Kind.Is(mark.Reported) {
			all = append(all, ranked{i.Kind, SkippedLine{i.Kind.String(), i.Repository, i.Name, i.Digest.String(), why}})
		}
	}
	listing.EachSkipped(func(l mark.Skipped) { add(l.Listed, l.Why) })
	for k := range p.items {
		if p.done[k] == kept {
			add(p.look.Describe(&p.items[k]), raced)
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.Repository, b.Repository), strings.Compare(a.Name, b.Name), strings.Compare(a.Digest, b.Digest))
	})
	list = make([]SkippedLine, len(all))
	for k := range all {
		list[k] = all[k].SkippedLine
	}
	return list
}
