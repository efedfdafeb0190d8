package mark

import (
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Latest returns, for each tag and each untagged manifest, the latest time of its
// manifest and of everything in it. For an index, that includes its children.
func (j *Selectable) Latest(of func(layout.Digest) time.Time) (tags, untagged []time.Time) {
	p := j.in
	l := &latestOf{selection: p, of: of, known: make([]bool, len(p.nodes)), times: make([]time.Time, len(p.nodes))}
	tags, untagged = make([]time.Time, len(j.Tags)), make([]time.Time, len(j.Untagged))
	for i := range j.Tags {
		if at := p.tags[j.Tags[i].at].node; at >= 0 {
			tags[i] = l.find(at)
		}
	}
	for i := range j.Untagged {
		untagged[i] = l.find(j.Untagged[i].at)
	}
	return tags, untagged
}

type latestOf struct {
	*selection
	of    func(layout.Digest) time.Time
	known []bool
	times []time.Time
}

func (l *latestOf) find(i int32) time.Time {
	if l.known[i] {
		return l.times[i]
	}
	l.known[i] = true
	at := l.of(l.s.Table.Digest(l.nodes[i].path))
	l.eachName(i, func(id ID) {
		below := l.of(l.s.Table.Digest(id))
		if to, ok := l.linked(id); ok && to != i {
			below = later(below, l.find(to))
		}
		at = later(at, below)
	})
	l.times[i] = at
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
