package walker

import (
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Referrers returns the manifests that are linked in a manifest's directory as
// its referrers, by paths and links. broken are the links among them that hold
// no digest. Source: the referrers API that is proposed for distribution, pull
// request 4828.
func (r *Repository) Referrers(subject layout.Digest) (found []layout.Digest, broken []string) {
	revision, exists := r.w.openIfThere(r.w.store, layout.RevisionDir(r.Name, subject))
	if !exists {
		return nil, nil
	}
	defer revision.Close()
	referrers, exists := r.w.openIfThere(revision, layout.Referrers)
	if !exists {
		return nil, nil
	}
	defer referrers.Close()
	for _, name := range r.referrersTypes(referrers) {
		if d, ok := r.w.open(referrers, name); ok {
			r.referrersOf(d, func(digest layout.Digest, l Link, path string) {
				found = append(found, digest)
				switch l.State {
				case LinkGood:
					found = append(found, l.Target)
				case LinkBroken:
					broken = append(broken, path)
				}
			})
			d.Close()
		}
	}
	return found, broken
}

// referrersTypes lists a directory of referrers by type. It ignores directories
// of other names, whose content is not known.
func (r *Repository) referrersTypes(d *disk.Dir) (types []string) {
	r.w.list(d, func(e disk.Entry, name string) {
		switch {
		case !isDirectory(e):
			r.unknown(d, name, "not a directory of referrers")
		case layout.IsReferrersType(name):
			types = append(types, name)
		default:
			r.mu.Lock()
			r.Opaque = true
			r.mu.Unlock()
			r.unknown(d, name, "not a type of referrers: everything that the repository links is kept")
		}
	})
	return types
}

// referrersOf calls fn with the links of one type.
func (r *Repository) referrersOf(d *disk.Dir, fn func(digest layout.Digest, l Link, path string)) {
	for _, alg := range r.algorithms(d) {
		links, ok := r.w.open(d, alg.String())
		if !ok {
			continue
		}
		r.roots(links, alg, func(digest layout.Digest, _ disk.Entry) {
			path := links.Join(digest.Hex() + "/" + layout.Link)
			fn(digest, r.w.readAgain(path), path)
		})
		links.Close()
	}
}
