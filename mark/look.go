package mark

import (
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

// Clues tell a store that was restored in part from a store whose images were
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

// Look is the state of a store at one look at its repositories: which blobs are
// live, by the marks in its Table, and everything else that is garbage.
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

	looking
	gathered
}

// looking is how a Look is made.
type looking struct {
	w        *walker.Walker
	rules    Rules
	aside    *Aside
	observer Observer // is told about every repository, or nil
	// first says that the Look finds what a Selection names. Later ones select nothing
	// else, and nothing is removed from what came after it.
	first bool
}

// gathered is what the repositories of a Look have shown besides what it says of
// them.
type gathered struct {
	mu     sync.Mutex
	owners atomic.Uint32
	free   sync.Pool         // of *memory
	parts  [][]Item          // of repositories, before they are Items
	lost   []lostImage       // of all repositories
	hollow []string          // directories with nothing in them that repositories may come to be in
	times  map[linkKey]int64 // of links that are removed, if Selection.Times
	steps  int               // how often manifests' names were gone through: the work of marking
	// metAside says that a name was met that a stopped run has set aside.
	metAside atomic.Bool
	// marks are those of a stopped run in repositories, by their paths.
	marks []string
}

// Aside tells a Look what a sweep has set aside, so that the Look says which items
// get their names back. In such a Look, every link that still exists is a root,
// whatever the rules say: a link whose removal failed keeps what it reaches.
type Aside struct {
	// Layers are the layer links, by repository. They are not listed again.
	Layers map[string][]ID
	// Tags are those that could not be set aside, by repository. One that was to be
	// removed with its image keeps the image, or it would be a root for ever.
	Tags map[string][]string
	// Cut are tags that are still there and will be removed where they are.
	Cut map[string][]string
}

// severalOwners is the owner of a blob that several repositories reference.
const severalOwners = ^uint32(0)

// IsRecent reports whether a modification time is within the grace.
func (l *Look) IsRecent(mtime int64) bool { return l.rules.recent(mtime) }

// Digest returns the digest of an ID.
func (l *Look) Digest(id ID) layout.Digest { return l.Store.Table.Digest(id) }

// RepositoryOf returns the name of an item's repository, or "".
func (l *Look) RepositoryOf(i *Item) string {
	if i.Repo == NoRepo {
		return ""
	}
	return l.Repositories[i.Repo].Name
}

// NameOf returns an item's tag, upload or path, or "" if its digest is enough.
func (l *Look) NameOf(i *Item) string {
	if !i.named() {
		return ""
	}
	return l.Names[i.Extra].Text
}

// BytesOf returns the size of an upload or interrupted write.
func (l *Look) BytesOf(i *Item) int64 {
	if !i.named() {
		return 0
	}
	return l.Names[i.Extra].Bytes
}

// Observer gets every repository of a Look when everything that is linked there is
// known. It is called concurrently. If it has a method Begin, that is called when
// a Look begins, or begins again: then the Observer forgets what it has got
// before.
type Observer interface {
	Observe(p *View)
}

// Selected returns the selection of the look's rules, or nil.
func (l *Look) Selected() *Selected { return l.rules.Selected }

// PathOf returns the path of an item, relative to the store.
func (l *Look) PathOf(i *Item) string {
	return pathOf(i.Kind, l.RepositoryOf(i), l.NameOf(i), func() layout.Digest { return l.Digest(i.ID) })
}

// linkKey names a link in a Look.
type linkKey struct {
	owner uint32 // of its repository
	kind  Kind
	id    ID
}
