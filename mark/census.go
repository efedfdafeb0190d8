package mark

import (
	"sync"

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

func (c *Census) observe(p *view) {
	var named []*protect.Line
	guard := c.list.Guard(append(p.l.w.Shares().OtherNames(p.r.Name), p.r.Name)...)
	named = append(named, guard.Repository()...)
	for i := range p.tags {
		if t := &p.tags[i]; t.Taken == "" {
			named = append(named, guard.Tag(t.Name)...)
		}
	}
	if guard.HasDigests() {
		for i := range p.nodes {
			n := &p.nodes[i]
			if !n.isHere() {
				continue
			}
			named = append(named, guard.Digest(p.s.Table.Digest(n.path))...)
			m := p.manifest(n.linkedManifest)
			m.EachConfig(func(id ID) { named = append(named, guard.Digest(p.s.Table.Digest(id))...) })
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range named {
		c.count[line]++
	}
}

// Of is how much a line names, once the Look is done.
func (c *Census) Of(l *Look, line *protect.Line) int {
	if n := c.count[line]; n > 0 {
		return n
	}
	if id := l.Store.Table.Lookup(line.Digest()); id != 0 && l.Store.Table.At(id).has(hasBlob) {
		return 1
	}
	return 0
}
