package mark

// leaving is what is known of a repository's tags and manifests that go.
type leaving struct {
	tags      map[string]int64 // when each was set, in nanoseconds since 1970
	manifests map[ID]Leaving   // by the paths of their links
}

// Leaving is a manifest that goes.
type Leaving struct {
	Pushed int64 // when its link was written, in nanoseconds since 1970
	Bytes  int64 // that a pull of it transfers
	Role   Role  // why a Removal takes it away; 0 if none does
}

// note notes what goes from a repository.
func (l *leaving) note(p *view, c *imageCounter) {
	l.tags, l.manifests = map[string]int64{}, map[ID]Leaving{}
	for i := range p.items {
		item := &p.items[i]
		switch item.Kind {
		case Tag:
			l.tags[p.names[item.Extra].Text] = 0
		case Manifest:
			if at, ok := p.linked(item.ID); ok {
				n := &p.nodes[at]
				l.manifests[item.ID] = Leaving{Pushed: n.mtime, Bytes: c.pulled(at), Role: n.role}
			}
		}
	}
	for i := range p.tags {
		t := &p.tags[i]
		if _, goes := l.tags[t.Name]; goes && t.Taken == "" {
			l.tags[t.Name] = t.Link.MTime
		}
	}
}

// Tag returns when a tag that goes was set, in nanoseconds since 1970; 0 if
// that is not known.
func (l *leaving) Tag(name string) int64 { return l.tags[name] }

// Manifest describes a manifest that goes; ok is false if it is not known.
func (l *leaving) Manifest(id ID) (m Leaving, ok bool) {
	m, ok = l.manifests[id]
	return m, ok
}
