package inspect

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
)

// Histories asks a Look what the tags of some repositories named.
type Histories struct {
	wants func(repository, tag string) bool

	mu    sync.Mutex
	repos map[string][]TagHistoryOf
}

// TagHistoryOf is what one tag named, the last first.
type TagHistoryOf struct {
	Name    string
	Digest  layout.Digest // what it names now; zero if that cannot be read
	Entries []TagEntry
}

// TagEntry is a manifest that a tag named.
type TagEntry struct {
	Digest layout.Digest
	Set    int64 // when the tag was last set to it, in nanoseconds since 1970
	Linked bool  // it is linked in the repository
	Stored bool  // its blob is in the store
}

// NewHistories asks about the tags that are wanted.
func NewHistories(wants func(repository, tag string) bool) *Histories {
	h := &Histories{wants: wants}
	h.Begin()
	return h
}

// Begin is called by a Look.
func (h *Histories) Begin() { h.repos = map[string][]TagHistoryOf{} }

// Observe is called by a Look.
func (h *Histories) Observe(p *mark.View) {
	wanted := slices.DeleteFunc(p.Tags(), func(t *walker.Tag) bool { return !h.wants(p.Repository(), t.Name) })
	if len(wanted) == 0 {
		return
	}
	list := make([]TagHistoryOf, len(wanted))
	for i, t := range wanted {
		list[i] = TagHistoryOf{Name: t.Name, Digest: t.Link.Target}
	}
	p.EachHistory(wanted, func(at int, entries []walker.Revision) {
		for i := range entries {
			if e := &entries[i]; e.Link.State == walker.LinkGood {
				list[at].Entries = append(list[at].Entries, entryOf(p, &e.Link))
			}
		}
	})
	for i := range list {
		slices.SortStableFunc(list[i].Entries, compareEntries)
	}
	slices.SortFunc(list, func(a, b TagHistoryOf) int { return strings.Compare(a.Name, b.Name) })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repos[p.Repository()] = list
}

func entryOf(p *mark.View, l *walker.Link) TagEntry {
	e := TagEntry{Digest: l.Target, Set: l.MTime}
	if id := p.ID(l.Target); id != 0 {
		_, e.Linked = p.Find(id)
		_, e.Stored = p.Size(id)
	}
	return e
}

// compareEntries puts the last first.
func compareEntries(a, b TagEntry) int {
	return cmp.Or(cmp.Compare(b.Set, a.Set), a.Digest.Compare(b.Digest))
}

// Of is what was found of one repository, sorted by tag.
func (h *Histories) Of(repository string) []TagHistoryOf { return h.repos[repository] }
