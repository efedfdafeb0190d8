package mark

import (
	"cmp"
	"slices"

	"github.com/regsweep/regsweep/layout"
)

// Item is a thing that nothing keeps. It has no pointers and little size,
// since there may be millions. What its numbers mean is known to its Look.
type Item struct {
	ID    ID     // the digest that its path names; of a Tag that of its manifest
	Repo  uint32 // index in Look.Repositories; NoRepo for a blob and its directory
	Extra uint32 // index in Look.Names (Tag, TagHistory, Upload, Temporary, Namespace), height (Manifest), ID of the link's content (LayerLink)
	Kind  Kind
	Aside bool // a run that was stopped has taken its name away
	Own   bool // of a LayerLink: a Removal takes away what it belongs to
}

// NoRepo is the Repo of an Item that is in no repository.
const NoRepo = ^uint32(0)

// Name is a name from the disk and the size of what has it.
type Name struct {
	Text  string
	Bytes int64
}

// Repo is what a Look found of one repository.
type Repo struct {
	Name            string
	Tags, Manifests int
	Bytes           int64 // of the distinct blobs that its manifests reference, themselves included
	UniqueBytes     int64 // of those that no other repository references
	Nested          bool
	owner           uint32
	others          int       // second names that were known
	bare            []bareDir // directories without the link that they are for
}

// named reports whether Extra is an index of Names.
func (i *Item) named() bool {
	return i.Kind == Tag || i.Kind == TagHistory || i.Kind == Upload || i.Kind == Temporary || i.Kind == Namespace
}

// sort brings the repositories into the order of their names and makes the
// items follow.
func (l *Look) sort() {
	order := make([]uint32, len(l.Repositories))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Compare(l.Repositories[a].Name, l.Repositories[b].Name)
	})
	place := make([]uint32, len(order))
	sorted := make([]Repo, len(order))
	for to, from := range order {
		place[from] = uint32(to)
		sorted[to] = l.Repositories[from]
	}
	l.Repositories = sorted
	for _, list := range append(l.parts, l.Restore) {
		for i := range list {
			if list[i].Repo != NoRepo {
				list[i].Repo = place[list[i].Repo]
			}
		}
	}
}

// compare orders items as a sweep takes them: by kind, repository, manifests
// with parents before children, then by name and digest.
func (l *Look) compare(a, b Item) int {
	if c := cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Repo, b.Repo)); c != 0 {
		return c
	}
	switch {
	case a.Kind == Manifest && a.Extra != b.Extra:
		return cmp.Compare(b.Extra, a.Extra)
	case a.named():
		if c := cmp.Compare(l.Names[a.Extra].Text, l.Names[b.Extra].Text); c != 0 {
			return c
		}
	}
	return l.compareIDs(a.ID, b.ID)
}

// CompareBlob orders an Item of a blob and a digest as Items are ordered.
func (l *Look) CompareBlob(i Item, id ID) int { return l.compareIDs(i.ID, id) }

func (l *Look) compareIDs(a, b ID) int {
	if a == b || a == 0 || b == 0 {
		return cmp.Compare(a, b)
	}
	return l.Store.Table.Compare(a, b)
}

// Digest is the digest that an ID stands for.
func (l *Look) Digest(id ID) layout.Digest { return l.Store.Table.Digest(id) }

// RepositoryOf is the name of an item's repository, or "".
func (l *Look) RepositoryOf(i *Item) string {
	if i.Repo == NoRepo {
		return ""
	}
	return l.Repositories[i.Repo].Name
}

// NameOf is an item's tag, upload or path, or "" if its digest says all.
func (l *Look) NameOf(i *Item) string {
	if !i.named() {
		return ""
	}
	return l.Names[i.Extra].Text
}

// BytesOf is the size of an upload or interrupted write.
func (l *Look) BytesOf(i *Item) int64 {
	if !i.named() {
		return 0
	}
	return l.Names[i.Extra].Bytes
}
