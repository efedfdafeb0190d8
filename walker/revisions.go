package walker

import (
	"context"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Revision is a directory below _manifests/revisions.
type Revision struct {
	Digest layout.Digest // from the directory's name
	Link   Link
	Left   Leftover // if there is no link
	Linked bool     // the directory is a symbolic link
	// Twice says that there is link.regsweep beside link. It is looked for only
	// after a run that was stopped.
	Twice bool
	// Referrers says that a directory of referrers is beside the link. It is
	// looked for only by who lists every directory.
	Referrers bool
}

// Leftover describes the content of a directory that does not have what it was
// made for.
type Leftover struct {
	Temporaries []Temporary
	MTime       int64 // of the directory
	Empty       bool  // nothing is in it but temporaries and the signatures and referrers of a manifest that is gone
}

// Temporary is an interrupted write.
type Temporary struct {
	Path  string // relative to the store
	Size  int64  // bytes
	MTime int64
}

// batch is how many links are read before they are handed on: enough for all
// workers to have a share, and little memory in a repository with a million.
const batch = 1024

// Revisions calls fn with the repository's manifest links and the directories
// that lack one, some at a time. What fn gets is valid until it returns.
func (r *Repository) Revisions(ctx context.Context, fn func([]Revision)) {
	r.onlySHA256 = true
	if r.revisions == nil {
		return
	}
	for _, alg := range r.algorithms(r.revisions) {
		r.onlySHA256 = r.onlySHA256 && alg == layout.SHA256
		d, ok := r.openPart(r.revisions, alg.String())
		if !ok {
			continue
		}
		r.eachLink(ctx, d, alg, r.roots, fn)
		d.Close()
	}
}

// revisionsPool is of slices without elements.
var revisionsPool = sync.Pool{New: func() any { return new([]Revision) }}

// lister lists a directory of digests of one algorithm.
type lister func(d *disk.Dir, alg layout.Algorithm, fn func(layout.Digest, disk.Entry))

// eachLink calls fn with the links below a directory of digests of one
// algorithm, some at a time.
func (r *Repository) eachLink(ctx context.Context, d *disk.Dir, alg layout.Algorithm, list lister, fn func([]Revision)) {
	memory := revisionsPool.Get().(*[]Revision)
	revisions := *memory
	defer func() {
		*memory = revisions
		revisionsPool.Put(memory)
	}()
	flush := func() {
		r.readRevisions(ctx, d, revisions)
		r.unknownBesideLinks(ctx, d, revisions)
		fn(revisions)
		clear(revisions)
		revisions = revisions[:0]
	}
	list(d, alg, func(digest layout.Digest, e disk.Entry) {
		revisions = append(revisions, Revision{Digest: digest, Linked: e.Type == disk.Symlink})
		if len(revisions) == batch {
			flush()
		}
	})
	flush()
}

func (r *Repository) readRevisions(ctx context.Context, d *disk.Dir, revisions []Revision) {
	r.w.readLinks(ctx, links{dir: d, n: len(revisions), name: func(b *disk.Name, i int) string {
		return b.JoinHex(revisions[i].Digest.Sum(), layout.Link)
	}, to: func(i int) *Link { return &revisions[i].Link }})
	if !r.w.resumed.Load() && !slices.ContainsFunc(revisions, func(v Revision) bool { return v.Link.State == LinkMissing }) {
		return
	}
	r.w.Each(ctx, len(revisions), func(i int) {
		v := &revisions[i]
		switch {
		case v.Link.State == LinkMissing:
			v.Link, v.Left = r.w.withoutLink(d, v.Digest.Hex())
		case r.w.resumed.Load():
			_, err := d.Stat(v.Digest.Hex() + "/" + layout.AsideLink)
			v.Twice = err == nil
		}
	})
}

// withoutLink looks at a directory whose link is missing: the link may have
// been set aside, and what else is in it decides whether it can go.
func (w *Walker) withoutLink(d *disk.Dir, name string) (Link, Leftover) {
	path := d.Join(name + "/" + layout.AsideLink)
	l, err := readLink(w.store, path)
	if l.State == LinkMissing {
		l, err = readLink(w.store, path) // one wrong answer is not believed
	}
	if l.State == linkUnclear {
		w.Pause()
		l = w.readAgain(path)
	} else if err != nil {
		w.Unreadable(path, err)
		l.State = linkFailed
	}
	if l.State != LinkMissing {
		l.Aside = true
		return l, Leftover{}
	}
	return l, w.leftover(d, name)
}

// leftover lists a directory that lacks what it was made for. The zero
// Leftover is one that has vanished.
func (w *Walker) leftover(d *disk.Dir, name string) Leftover {
	dir, ok := w.openIfThere(d, name)
	if !ok {
		return Leftover{}
	}
	defer dir.Close()
	info, err := dir.Info()
	if err != nil {
		w.Unreadable(dir.Path(), err)
		return Leftover{}
	}
	left := Leftover{MTime: info.MTime, Empty: true}
	w.list(dir, func(e disk.Entry, name string) {
		switch {
		case e.Type == disk.File && layout.IsTemporary(name):
			if layout.IsOwnTemporary(name) {
				w.Findings.addRemnant(dir.Join(name))
			}
			if t, ok := w.temporary(dir, name); ok {
				left.Temporaries = append(left.Temporaries, t)
			}
		case (name == layout.Signatures || name == layout.Referrers) && e.Type == disk.Directory:
		case name == layout.AsideLink || name == layout.Link || name == layout.Aside || name == layout.Data:
			left.Empty = false
		default:
			left.Empty = false
			w.unknown(dir, name, "not a name of the layout")
		}
	})
	return left
}

func (w *Walker) temporary(d *disk.Dir, name string) (Temporary, bool) {
	info, err := d.Stat(name)
	if err != nil {
		if !disk.Gone(err) {
			w.Unreadable(d.Join(name), err)
		}
		return Temporary{}, false
	}
	return Temporary{Path: d.Join(name), Size: info.Size, MTime: info.MTime}, true
}

// Signatures returns the digests of a schema 1 manifest's signatures, as paths
// and links tell; ok is false if a link among them holds no digest.
// Source: distribution v2.4 registry/storage/signaturestore.go.
func (r *Repository) Signatures(revision layout.Digest) (found []layout.Digest, ok bool) {
	ok = true
	dir, exists := r.w.openIfThere(r.w.store, layout.RevisionDir(r.Name, revision))
	if !exists {
		return nil, ok
	}
	defer dir.Close()
	signatures, exists := r.w.openIfThere(dir, layout.Signatures)
	if !exists {
		return nil, ok
	}
	defer signatures.Close()
	for _, alg := range r.algorithms(signatures) {
		d, exists := r.w.open(signatures, alg.String())
		if !exists {
			continue
		}
		r.roots(d, alg, func(digest layout.Digest, _ disk.Entry) {
			found = append(found, digest)
			l := r.w.readAgain(d.Join(digest.Hex() + "/" + layout.Link))
			switch l.State {
			case LinkGood:
				found = append(found, l.Target)
			case LinkBroken:
				ok = false
			}
		})
		d.Close()
	}
	return found, ok
}
