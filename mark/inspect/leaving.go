package inspect

import (
	"github.com/regsweep/regsweep/mark"
)

// leaving is what is known of a repository's tags and manifests that are removed.
type leaving struct {
	tags      map[string]int64    // when each was set, in nanoseconds since 1970
	manifests map[mark.ID]Leaving // by the paths of their links
}

// Leaving is a manifest that is removed.
type Leaving struct {
	Pushed int64     // when its link was written, in nanoseconds since 1970
	Bytes  int64     // that a pull of it transfers
	Role   mark.Role // why a selection has it; 0 if none does
}

// note notes what is removed from a repository.
func (l *leaving) note(p *mark.View, c *imageCounter) {
	l.tags, l.manifests = map[string]int64{}, map[mark.ID]Leaving{}
	p.EachRemoved(func(item *mark.Item, name string) {
		switch item.Kind {
		case mark.Tag:
			l.tags[name] = 0
		case mark.Manifest:
			if at, ok := p.Find(item.ID); ok {
				m := p.Manifest(at)
				l.manifests[item.ID] = Leaving{Pushed: m.Set, Bytes: c.pulled(at), Role: m.Role}
			}
		}
	})
	for _, t := range p.Tags() {
		if _, removed := l.tags[t.Name]; removed {
			l.tags[t.Name] = t.Link.MTime
		}
	}
}

// Tag returns when a removed tag was set, in nanoseconds since 1970; 0 if
// that is not known.
func (l *leaving) Tag(name string) int64 { return l.tags[name] }

// Manifest describes a removed manifest; ok is false if it is not known.
func (l *leaving) Manifest(id mark.ID) (m Leaving, ok bool) {
	m, ok = l.manifests[id]
	return m, ok
}
