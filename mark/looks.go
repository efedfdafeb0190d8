package mark

import (
	"cmp"
	"context"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Jobs returns how many file operations the Look would have under way at a time
// now.
func (l *Look) Jobs() int { return l.w.Jobs() }

// Look reads the repositories, except manifests already read, and marks what
// is live. aside is nil unless names have been set aside. Problems go to the walker's
// findings; if any of them is unreadable, the marks are worth nothing.
// So it is with all of it if ctx is done by the end.
// Looks of one store must not overlap: each forgets the marks of the one before.
func (s *Store) Look(ctx context.Context, w *walker.Walker, aside *Aside) *Look {
	return s.lookWith(ctx, looking{w: w, rules: s.rules, aside: aside, first: !s.looked})
}

// LookAndTell is Look when nothing has been set aside. If there is an Observer, it
// gets every repository.
func (s *Store) LookAndTell(ctx context.Context, w *walker.Walker, o Observer) *Look {
	return s.lookWith(ctx, looking{w: w, rules: s.rules, observer: o, first: !s.looked})
}

func (s *Store) lookWith(ctx context.Context, how looking) *Look {
	if _, err := how.w.Shares().Settle(); err != nil {
		how.w.UnreadableMounts(err)
	}
	if s.looked {
		s.memory.again()
	}
	first := how.first
	l := s.lookBy(ctx, how)
	for l.findShared(ctx) || l.findReferrers(ctx) {
		if first {
			s.forgetSelected()
			how.rules.Selected.startAgain()
		}
		l = s.lookBy(ctx, how)
	}
	s.looked = true
	if l.Borrowed != "" && how.rules.DeleteUntagged {
		// No manifest link can be removed, so all of them have to be roots.
		how.rules.DeleteUntagged, how.first = false, false
		l = s.lookBy(ctx, how)
	}
	if first {
		how.rules.Listed.tellSkipped(l)
	}
	return l
}

func (s *Store) lookBy(ctx context.Context, how looking) *Look {
	l := &Look{Store: s, looking: how}
	if b, ok := how.observer.(interface{ Begin() }); ok {
		b.Begin() // it may have been told about a look that has to be made again
	}
	for _, r := range s.Table.All() {
		r.unmark()
		r.owner.Store(0)
	}
	l.w.Repositories(ctx, func(r *walker.Repository) {
		if r.Empty {
			l.addEmpty(r)
			return
		}
		if g := l.visit(ctx, r); g != nil {
			l.add(g)
			g.release()
		}
	})
	if ctx.Err() != nil {
		return l // nobody may use what was seen of some: who asked looks at ctx, too
	}
	if l.metAside.Load() && l.aside == nil {
		l.searchAside(ctx)
	}
	l.sort()
	l.Borrowed = cmp.Or(l.Borrowed, l.w.Shares().Opaque())
	l.dropBorrowed()
	l.join()
	if l.aside != nil {
		l.markLate(ctx)
	}
	l.markRecent()
	l.markProtected()
	l.addBlobItems()
	l.sortItems(ctx)
	l.countUnique()
	return l
}

// addEmpty plans to remove a directory that repositories have been in.
func (l *Look) addEmpty(r *walker.Repository) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hollow = append(l.hollow, r.Name)
	if l.w.Shares().IsShared(layout.RepositoryDir(r.Name)) || l.rules.recent(r.MTime) {
		return
	}
	l.Names = append(l.Names, Name{Text: r.Name})
	l.parts = append(l.parts, []Item{{Kind: Namespace, Repo: NoRepo, Extra: uint32(len(l.Names) - 1)}})
}

// add takes over what was found of a repository; nothing else of it is kept.
func (l *Look) add(p *garbage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	repo := uint32(len(l.Repositories))
	if p.r.Borrows {
		l.Borrowed = max(l.Borrowed, p.repo.Name)
	}
	l.Repositories = append(l.Repositories, p.repo)
	names := uint32(len(l.Names))
	l.Names = append(l.Names, p.names...)
	for _, list := range [][]Item{p.items, p.restore} {
		for i := range list {
			list[i].Repo = repo
			if list[i].named() {
				list[i].Extra += names
			}
		}
	}
	l.Restore = append(l.Restore, p.restore...)
	l.keepTimes(p)
	l.lost = append(l.lost, p.lost...)
	if len(p.items) > 0 {
		l.parts = append(l.parts, slices.Clone(p.items))
	}
	l.steps += p.steps
	t := &l.Totals
	t.Tags += p.totals.Tags
	t.Manifests += p.totals.Manifests
	t.LayerLinks += p.totals.LayerLinks
	t.Uploads += p.totals.Uploads
	t.Untagged += p.totals.Untagged
	t.UploadBytes += p.totals.UploadBytes
	t.add(&p.totals.Clues)
}

// dropBorrowed takes back what was to be removed from repositories if one of them has
// directories that are symbolic links: they may lead into another one, whose
// links are then needed by both.
func (l *Look) dropBorrowed() {
	if l.Borrowed == "" {
		return
	}
	for i := range l.parts {
		l.parts[i] = slices.DeleteFunc(l.parts[i], func(i Item) bool { return i.Kind != Upload && i.Kind != Temporary })
	}
}

// join makes one list of the repositories' items, with room for the blobs that are
// removed: at most all that nothing has marked so far.
func (l *Look) join() {
	n := len(l.Store.empty) + len(l.Store.temporaries)
	for _, part := range l.parts {
		n += len(part)
	}
	for _, r := range l.Store.Table.All() {
		if r.has(hasBlob) && !r.has(isRecent) && r.reason() == Dead {
			n++
		}
	}
	l.Items = make([]Item, 0, n)
	for i, part := range l.parts {
		l.Items = append(l.Items, part...)
		l.parts[i] = nil
	}
	l.parts = nil
}

// markRecent marks the blobs that are younger than the grace.
func (l *Look) markRecent() {
	for _, r := range l.Store.Table.All() {
		if r.has(hasBlob|isRecent) && (!r.has(isOfSelected) || r.has(isNewer)) {
			r.mark(Recent)
		}
	}
}

// markProtected marks blobs whose digest is protected wherever it is.
func (l *Look) markProtected() {
	t := l.Store.Table
	l.rules.Protect.Anywhere(func(d layout.Digest) bool {
		id := t.Lookup(d)
		if id == 0 || !t.At(id).has(hasBlob) {
			return false
		}
		t.At(id).mark(Protected)
		return true
	})
}

// addBlobItems adds the dead blobs and what is left of blobs, and finds the
// live ones that were set aside.
func (l *Look) addBlobItems() {
	for id, r := range l.Store.Table.All() {
		bits := r.bits.Load()
		if bits&hasBlob == 0 {
			continue
		}
		switch dead := r.reason() == Dead; {
		case dead && bits&(isPinned|isLate) == 0 && !l.isBlobShared(id):
			l.Items = append(l.Items, Item{Kind: Blob, ID: id, Repo: NoRepo, Aside: bits&isAside != 0})
		case !dead && bits&isAside != 0:
			l.Restore = append(l.Restore, Item{Kind: Blob, ID: id, Repo: NoRepo, Aside: true})
		}
	}
	for _, id := range l.Store.empty {
		if l.isBlobShared(id) {
			continue
		}
		l.Items = append(l.Items, Item{Kind: BlobDir, ID: id, Repo: NoRepo})
	}
	for _, t := range l.Store.temporaries {
		if l.w.Shares().IsShared(t.Path) {
			continue
		}
		l.Names = append(l.Names, Name{t.Path, t.Size})
		l.Items = append(l.Items, Item{Kind: Temporary, Repo: NoRepo, Extra: uint32(len(l.Names) - 1)})
	}
	switch {
	case l.rules.Listed != nil:
		l.pickListed()
	case l.rules.Selected != nil:
		l.pickSelected()
	}
}

func (l *Look) countUnique() {
	byOwner := make(map[uint32]int, len(l.Repositories))
	for i := range l.Repositories {
		byOwner[l.Repositories[i].owner] = i
	}
	for _, r := range l.Store.Table.All() {
		if owner := r.owner.Load(); owner != 0 && owner != severalOwners && r.has(hasBlob) {
			l.Repositories[byOwner[owner]].UniqueBytes += r.size
		}
	}
}

// Observe is Look for a command that only asks. The Observer gets every
// repository.
func (s *Store) Observe(ctx context.Context, w *walker.Walker, o Observer) *Look {
	return s.lookBy(ctx, looking{w: w, rules: s.rules, observer: o, first: !s.looked})
}

// ObserveBy is Observe with rules that may differ from those that the Store was
// read with, except in Now and Grace. A selection in them leaves marks, so no
// other Look of the Store should follow.
func (s *Store) ObserveBy(ctx context.Context, w *walker.Walker, o Observer, change func(*Rules)) *Look {
	rules := s.rules
	if change != nil {
		change(&rules)
	}
	return s.lookWith(ctx, looking{w: w, rules: rules, observer: o, first: !s.looked || change != nil})
}
