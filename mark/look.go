package mark

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Totals counts what a Look found.
type Totals struct {
	Tags, Manifests, LayerLinks, Uploads int
	Untagged                             int // of the manifests
	UploadBytes                          int64
	Clues
}

// Clues are what a half-restored store is told by from one whose images were
// deleted.
type Clues struct {
	Naming   int // tags that name a manifest which is linked
	Layered  int // of these those that registry 2.1.0 linked as a layer only
	Dangling int // tags that name one which is not, though its blob is stored
	Emptied  int // directories of manifest links that a deletion has left
	// Unexplained are repositories with layer links, and neither a manifest's
	// link nor what a deletion leaves.
	Unexplained int
}

func (c *Clues) add(more *Clues) {
	c.Naming += more.Naming
	c.Layered += more.Layered
	c.Dangling += more.Dangling
	c.Emptied += more.Emptied
	c.Unexplained += more.Unexplained
}

// Look is the state of a store at one look at its repositories: which blobs
// are live, by the marks in its Table, and all else that is garbage.
type Look struct {
	Store        *Store
	Repositories []Repo // sorted by name
	Items        []Item // all garbage but blobs, sorted
	Names        []Name
	Totals       Totals
	// Borrowed is a repository with directories of the layout that are symbolic
	// links, or "". No manifest, layer or tag is removed if there is any.
	Borrowed string
	// Restore are the items that have been set aside and are live.
	Restore []Item

	lost   []lostImage       // of all repositories
	hollow []string          // directories with nothing in them that repositories may come to be in
	times  map[linkKey]int64 // of links that go, if Rules.Times
	w      *walker.Walker
	rules  Rules
	aside  *Aside
	owners atomic.Uint32
	steps  int // how often manifests' names were gone through: the work of marking
	// metAside says that a name was met that a stopped run has set aside.
	metAside atomic.Bool
	// marks are those of a stopped run in repositories, by their paths.
	marks []string
	mu    sync.Mutex
	spare sync.Pool // of *memory
	parts [][]Item  // of repositories, before they are Items
}

// Aside tells a Look what a sweep has set aside, so that it says what of that
// is to get its name back. In such a Look every link that is still there is a
// root, whatever the rules say: one whose removal failed keeps what it reaches.
type Aside struct {
	// Layers are the layer links, by repository. They are not listed again.
	Layers map[string][]ID
	// Tags are those that could not be set aside, by repository. One that was
	// to go with its image keeps the image, or it would be a root for ever.
	Tags map[string][]string
	// Cut are tags that are still there and will be removed where they are.
	Cut map[string][]string
}

// Look reads the repositories, except manifests already read, and marks what
// is live. aside is nil unless names have been set aside. Problems go to the walker's
// findings; if any of them is unreadable, the marks are worth nothing.
// So it is with all of it if ctx is done by the end.
// Looks of one store must not overlap: each forgets the marks of the one before.
func (s *Store) Look(ctx context.Context, w *walker.Walker, aside *Aside) *Look {
	return s.lookWith(ctx, w, aside, s.rules)
}

// LookAndTell is Look when nothing has been set aside; the Observer, if it is
// not nil, is told about every repository.
func (s *Store) LookAndTell(ctx context.Context, w *walker.Walker, o Observer) *Look {
	rules := s.rules
	rules.observer = o
	return s.lookWith(ctx, w, nil, rules)
}

func (s *Store) lookWith(ctx context.Context, w *walker.Walker, aside *Aside, rules Rules) *Look {
	if _, err := w.Shares().Settle(); err != nil {
		w.UnreadableMounts(err)
	}
	if s.looked {
		s.memory.again()
	}
	l := s.lookBy(ctx, w, aside, rules)
	for l.findShared(ctx) || l.findReferrers(ctx) {
		if !s.looked {
			s.forgetTaken()
			rules.Away.startAgain()
		}
		l = s.lookBy(ctx, w, aside, rules)
	}
	s.looked = true
	if l.Borrowed != "" && rules.DeleteUntagged {
		// No manifest link can go, so all of them have to be roots.
		rules.DeleteUntagged = false
		l = s.lookBy(ctx, w, aside, rules)
	}
	s.rules.Listed.settle(l)
	return l
}

func (s *Store) lookBy(ctx context.Context, w *walker.Walker, aside *Aside, rules Rules) *Look {
	l := &Look{Store: s, w: w, rules: rules, aside: aside}
	if o, ok := rules.observer.(interface{ begin() }); ok {
		o.begin() // it may have been told about a look that has to be made again
	}
	for _, r := range s.Table.All() {
		r.unmark()
		r.owner.Store(0)
	}
	w.Repositories(ctx, func(r *walker.Repository) {
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
		// Nobody may use what was seen of some: who asked looks at ctx, too.
		rules.Away.endLook()
		return l
	}
	if l.metAside.Load() && aside == nil {
		l.searchAside(ctx)
	}
	l.sort()
	l.Borrowed = cmp.Or(l.Borrowed, l.w.Shares().Opaque())
	l.dropBorrowed()
	l.join()
	if aside != nil {
		l.markLate(ctx)
	}
	l.markFresh()
	l.markProtected()
	l.addBlobItems()
	l.countUnique()
	rules.Away.endLook()
	return l
}

// addEmpty plans to remove a directory that repositories have been in.
func (l *Look) addEmpty(r *walker.Repository) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hollow = append(l.hollow, r.Name)
	if l.w.Shares().Holds(layout.RepositoryDir(r.Name)) || l.rules.fresh(r.MTime) {
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

// dropBorrowed takes back what was to go from repositories if one of them has
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

// join makes one list of the repositories' items, with room for the blobs that
// go: at most all that nothing has marked so far.
func (l *Look) join() {
	n := len(l.Store.empty) + len(l.Store.temporaries)
	for _, part := range l.parts {
		n += len(part)
	}
	for _, r := range l.Store.Table.All() {
		if r.has(hasBlob) && !r.has(isFresh) && r.reason() == Dead {
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

// markFresh marks the blobs that are younger than the grace.
func (l *Look) markFresh() {
	for _, r := range l.Store.Table.All() {
		if r.has(hasBlob|isFresh) && (!r.has(isTaken) || r.has(isNewer)) {
			r.mark(Fresh)
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
		case dead && bits&(isPinned|isLate) == 0 && !l.holdsBlob(id):
			l.Items = append(l.Items, Item{Kind: Blob, ID: id, Repo: NoRepo, Aside: bits&isAside != 0})
		case !dead && bits&isAside != 0:
			l.Restore = append(l.Restore, Item{Kind: Blob, ID: id, Repo: NoRepo, Aside: true})
		}
	}
	for _, id := range l.Store.empty {
		if l.holdsBlob(id) {
			continue
		}
		l.Items = append(l.Items, Item{Kind: BlobDir, ID: id, Repo: NoRepo})
	}
	for _, t := range l.Store.temporaries {
		if l.w.Shares().Holds(t.Path) {
			continue
		}
		l.Names = append(l.Names, Name{t.Path, t.Size})
		l.Items = append(l.Items, Item{Kind: Temporary, Repo: NoRepo, Extra: uint32(len(l.Names) - 1)})
	}
	switch {
	case l.rules.Listed != nil:
		l.pickListed()
	case l.rules.Away != nil:
		l.pickAway()
	}
	slices.SortFunc(l.Items, l.compare)
}

// severalOwners is the owner of a blob that several repositories reference.
const severalOwners = ^uint32(0)

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

// IsFresh reports whether a modification time is within the grace.
func (l *Look) IsFresh(mtime int64) bool { return l.rules.fresh(mtime) }
