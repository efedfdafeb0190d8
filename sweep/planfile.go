package sweep

import (
	"io"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/planfile"
)

// WriteFile writes the plan as text; see planfile.Write. The rules of the plan's
// look had Times.
func (p *Plan) WriteFile(w io.Writer, h planfile.Header) error {
	h.Sparse = p.look.Sparse()
	return planfile.Write(w, h, p.eachFileItem)
}

// eachFileItem calls fn for everything in the plan, directories included. Of
// tags of one name, one of which a stopped run has set aside, it has one.
func (p *Plan) eachFileItem(fn func(*planfile.Item)) {
	for k := range p.items {
		item := &p.items[k]
		if item.Kind == mark.Tag && item.Aside && p.hasTagBeside(k) {
			continue
		}
		i := planfile.Item{Listed: p.look.Describe(item), Bytes: p.look.BytesOf(item)}
		if item.Kind == mark.Blob {
			i.Bytes = p.look.Store.Blob(item.ID).Size
		}
		fn(&i)
	}
}

// hasTagBeside reports whether the item before or behind a tag is a tag of its
// name that is still there.
func (p *Plan) hasTagBeside(at int) bool {
	item := &p.items[at]
	for _, k := range [...]int{at - 1, at + 1} {
		if k < 0 || k >= len(p.items) {
			continue
		}
		if o := &p.items[k]; o.Kind == mark.Tag && o.Repo == item.Repo && p.look.NameOf(o) == p.look.NameOf(item) {
			return !o.Aside || k < at
		}
	}
	return false
}
