package mark

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Asked is the subject of a question: a tag of a repository, a manifest of a
// repository, or, without a repository, a blob wherever it is needed. For a tag,
// Digest is what the tag names, so that its image is explained, too.
type Asked struct {
	Repository string
	Tag        string
	Digest     layout.Digest
}

// Inquiry asks one Look what keeps things, and what the rules of that Look do with
// them. It serves one Look, and any number of things at once.
type Inquiry struct {
	asked []Asked

	mu    sync.Mutex
	found []found // of each thing asked about
}

// found is what the repositories have told about one thing.
type found struct {
	paths   []foundPath
	keepers []Keeper
	linked  bool
	unread  bool // it is a manifest that cannot be read
	broken  []string
	until   int64       // the latest of the times at which a link is too old to keep it
	recent  int64       // when its blob was written, if that is recent
	aliases map[ID]bool // the blobs that layer links of that name lead to
}

type foundPath struct {
	repository string
	steps      []string
}

// NewInquiry asks about some things.
func NewInquiry(asked []Asked) *Inquiry {
	q := &Inquiry{asked: asked}
	q.Begin()
	return q
}

// Begin forgets the results of a Look that has to be made again.
func (q *Inquiry) Begin() { q.found = make([]found, len(q.asked)) }

// Answer says what keeps a thing alive, and what happens to it.
type Answer struct {
	Known bool // there is such a blob, or a link or manifest names it
	Here  bool // its blob is in the store
	Live  bool
	// Paths lead to it, one for each repository that keeps it, sorted: from
	// NAME:TAG, or NAME@DIGEST of an untagged manifest, down to the digest.
	Paths [][]string
	// Until is when it is too old to be kept for its age alone, or the zero time.
	Until time.Time
	// Broken are repositories that cannot be understood in full and may need it.
	Broken []string
	// Unread says that it is a manifest that cannot be read.
	Unread bool
	Fate   Fate
}

// Fate says what the rules of a Look do with a thing.
type Fate struct {
	Removed bool
	// Keepers are all that keeps it, the most telling first; none if it is removed.
	Keepers []Keeper
	// At is when the last of the keepers ends by its age, rounded up to seconds:
	// from then on it is removed. The zero time says that one keeps it for good.
	At time.Time
}

func (f *found) add(more *found) {
	f.paths = append(f.paths, more.paths...)
	f.keepers = append(f.keepers, more.keepers...)
	f.broken = append(f.broken, more.broken...)
	f.linked = f.linked || more.linked
	f.unread = f.unread || more.unread
	f.until = max(f.until, more.until)
	for id := range more.aliases {
		if f.aliases == nil {
			f.aliases = map[ID]bool{}
		}
		f.aliases[id] = true
	}
}

// Answers returns what the Look found, in the order of the things. It must be the
// Look that the Inquiry observed, with no other Look since.
func (q *Inquiry) Answers(ctx context.Context, l *Look) []Answer {
	answers, removed := make([]Answer, len(q.asked)), l.planned()
	for i := range answers {
		answers[i] = q.answer(ctx, l, removed, i)
	}
	return answers
}

// answer is what was found of one thing.
func (q *Inquiry) answer(ctx context.Context, l *Look, removed *planned, i int) Answer {
	f, digest := &q.found[i], q.asked[i].Digest
	a := Answer{Broken: f.broken, Unread: f.unread, Paths: [][]string{}}
	slices.SortFunc(f.paths, func(x, y foundPath) int { return strings.Compare(x.repository, y.repository) })
	for _, p := range f.paths {
		a.Paths = append(a.Paths, p.steps)
	}
	slices.Sort(a.Broken)
	blobs := l.blobsOf(digest, f)
	reason, until := Dead, f.until
	for _, id := range blobs {
		r := l.Store.Table.At(id)
		a.Here = true
		if why := r.reason(); reason == Dead {
			reason = why
		}
		if r.has(isRecent) && ctx.Err() == nil {
			if b, ok := l.w.StatBlob(l.Store.Table.Digest(id)); ok && b.State != walker.BlobSpecial {
				until = max(until, disk.Later(b.MTime, l.rules.Grace))
				f.recent = max(f.recent, b.MTime)
			}
		}
	}
	a.Live = len(a.Paths) > 0 || a.Here && reason != Dead || len(a.Broken) > 0
	a.Known = a.Live || a.Here || f.linked
	a.Until = nanoseconds(until)
	a.Fate = l.fate(&q.asked[i], f, blobs, removed)
	return a
}

// blobsOf are the blobs that a digest means: its own, or those that layer links
// of that name lead to, where it was pushed by another algorithm.
func (l *Look) blobsOf(d layout.Digest, f *found) (list []ID) {
	t := l.Store.Table
	if id := t.Lookup(d); id != 0 && t.At(id).has(hasBlob) {
		return []ID{id}
	}
	for id := range f.aliases {
		if t.At(id).has(hasBlob) {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// fate decides from the garbage of the Look what becomes of a thing, and from
// its keepers until when it is kept.
func (l *Look) fate(a *Asked, f *found, blobs []ID, removed *planned) (fate Fate) {
	if fate.Removed = removed.has(a, l.Store.Table.Lookup(a.Digest), blobs); fate.Removed {
		return fate
	}
	fate.Keepers = f.keepers
	if a.Repository == "" {
		fate.Keepers = append(fate.Keepers, l.ofBlobs(f, blobs)...)
	} else if l.Borrowed != "" {
		fate.Keepers = append(fate.Keepers, Keeper{Kind: KeptBySymlink, Repository: l.Borrowed})
	}
	sortKeepers(fate.Keepers)
	for i := range fate.Keepers {
		until := fate.Keepers[i].Until
		if until.IsZero() {
			fate.At = time.Time{}
			break
		}
		if until.After(fate.At) {
			fate.At = until
		}
	}
	if whole := fate.At.Truncate(time.Second); whole.Before(fate.At) {
		fate.At = whole.Add(time.Second)
	}
	return fate
}

// planned is what of a Look's garbage answers are about.
type planned struct {
	blobs digests.Set
	links map[repositoryID]bool // manifests and layers
	tags  map[[2]string]bool    // by repository and name
	any   map[ID]bool           // links, wherever they are
}

type repositoryID struct {
	repository string
	id         ID
}

// planned sorts the garbage by what it is.
func (l *Look) planned() *planned {
	g := &planned{links: map[repositoryID]bool{}, tags: map[[2]string]bool{}, any: map[ID]bool{}}
	for k := range l.Items {
		switch i := &l.Items[k]; i.Kind {
		case Blob:
			g.blobs.Add(i.ID)
		case Tag:
			g.tags[[2]string{l.RepositoryOf(i), l.NameOf(i)}] = true
		case Manifest, LayerLink:
			g.links[repositoryID{l.RepositoryOf(i), i.ID}] = true
			g.any[i.ID] = true
		}
	}
	return g
}

// has reports whether a thing is among the garbage.
func (g *planned) has(a *Asked, id ID, blobs []ID) bool {
	switch {
	case a.Tag != "":
		return g.tags[[2]string{a.Repository, a.Tag}]
	case a.Repository != "":
		return g.links[repositoryID{a.Repository, id}]
	case len(blobs) > 0:
		return slices.ContainsFunc(blobs, g.blobs.Has)
	}
	return g.any[id]
}

// ofBlobs are the keepers of blobs that no repository knows of.
func (l *Look) ofBlobs(f *found, blobs []ID) (list []Keeper) {
	has := func(kind KeeperKind) bool {
		return slices.ContainsFunc(f.keepers, func(k Keeper) bool { return k.Kind == kind })
	}
	for _, id := range blobs {
		r := l.Store.Table.At(id)
		bits := r.bits.Load()
		switch {
		case bits&(1<<(reasonShift0+uint32(Protected))) != 0 && !has(KeptProtected):
			list = append(list, Keeper{Kind: KeptProtected, By: l.rules.Protect.Bare(l.Store.Table.Digest(id))})
		case bits&isPinned != 0:
			list = append(list, Keeper{Kind: KeptBySymlink})
		case bits&isLate != 0:
			list = append(list, Keeper{Kind: KeptLate})
		}
		if r.has(isRecent) && (!r.has(isOfSelected) || r.has(isNewer)) {
			list = append(list, Keeper{Kind: KeptRecentBlob, Written: nanoseconds(f.recent), Until: nanoseconds(disk.Later(f.recent, l.rules.Grace))})
		}
	}
	return list
}
