package inspect

import (
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/protect"
)

// Census counts what each line of a list names in a store, as an Observer of a
// Look: repositories, tags, manifests, or a blob that is no image.
type Census struct {
	list *protect.List

	mu    sync.Mutex
	count map[*protect.Line]int
}

// NewCensus counts what a list names.
func NewCensus(list *protect.List) *Census {
	return &Census{list: list, count: map[*protect.Line]int{}}
}

// Observe is called by a Look.
func (c *Census) Observe(p *mark.View) {
	var named []*protect.Line
	guard := c.list.Guard(p.AllNames()...)
	named = append(named, guard.Repository()...)
	for _, t := range p.Tags() {
		named = append(named, guard.Tag(t.Name)...)
	}
	if guard.HasDigests() {
		name := func(d layout.Digest) { named = append(named, guard.Digest(d)...) }
		for i := range int32(p.Manifests()) {
			if m := p.Manifest(i); m.Here {
				name(m.Digest)
				p.EachConfig(i, name)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range named {
		c.count[line]++
	}
}

// Of is how much a line names, once the Look is done.
func (c *Census) Of(l *mark.Look, line *protect.Line) int {
	if n := c.count[line]; n > 0 {
		return n
	}
	if id := l.Store.Table.Lookup(line.Digest()); id != 0 && l.Store.Has(id) {
		return 1
	}
	return 0
}
