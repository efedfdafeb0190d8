package mark

import (
	"cmp"
	"context"
	"slices"
)

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

// CompareBlob compares an Item of a blob with a digest, in the order of Items.
func (l *Look) CompareBlob(i Item, id ID) int { return l.compareIDs(i.ID, id) }

func (l *Look) compareIDs(a, b ID) int {
	if a == b || a == 0 || b == 0 {
		return cmp.Compare(a, b)
	}
	return l.Store.Table.Compare(a, b)
}

// groups are parts of the items, of which each comes behind the one before whatever is in
// them. Items of a kind are in several: by their repositories, or else by their digests,
// so that whoever sorts one finds what it compares in the processor's caches.
const (
	groupsOfKind = 256
	groups       = int(Namespace+1) * groupsOfKind
)

// group is the number of an item's group.
func (l *Look) group(i Item) int {
	part := groupsOfKind - 1
	switch {
	case i.Repo != NoRepo:
		part = int(uint64(i.Repo) * (groupsOfKind - 1) / uint64(len(l.Repositories)))
	case i.Kind == Blob || i.Kind == BlobDir:
		part = int(l.Store.Table.Rank(i.ID))
	}
	return int(i.Kind)*groupsOfKind + part
}

// sortItems brings the items into the order of compare, in no more memory than they are
// in: first by groups, and then each group by itself, concurrently.
func (l *Look) sortItems(ctx context.Context) {
	begins := l.groupItems()
	l.w.Share(ctx, groups, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			slices.SortFunc(l.Items[begins[g]:begins[g+1]], l.compare)
		}
	})
}

// groupItems brings the items into the order of their groups, and returns where each of
// these begins, and where the last one ends.
func (l *Look) groupItems() (begins []int) {
	begins = make([]int, groups+1)
	for _, i := range l.Items {
		begins[l.group(i)+1]++
	}
	for g := range groups {
		begins[g+1] += begins[g]
	}
	next := slices.Clone(begins)
	for g := range groups {
		for next[g] < begins[g+1] {
			// What is here changes places with what is where it belongs, until that is here.
			to := l.group(l.Items[next[g]])
			if to != g {
				l.Items[next[g]], l.Items[next[to]] = l.Items[next[to]], l.Items[next[g]]
			}
			next[to]++
		}
	}
	return begins
}
