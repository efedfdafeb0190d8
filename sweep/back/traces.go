package back

import (
	"errors"
	"slices"
	"syscall"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// traces are what a repository shows of the images that it has and had.
type traces struct {
	repository string
	linked     map[layout.Digest]bool // manifests that have a link, whatever it holds
	// emptied are directories that lack the link of their manifest, as a deletion
	// through the API leaves them, and when they got so.
	emptied map[layout.Digest]int64
	named   map[layout.Digest]named // by the histories of tags
	tags    map[string]layout.Digest
}

// named is a manifest in a tag's history.
type named struct {
	tag  string
	went int64 // when the tag got another one
}

// has reports whether the repository shows that it had a manifest.
func (t *traces) has(d layout.Digest) bool {
	if _, ok := t.emptied[d]; ok || t.linked[d] {
		return true
	}
	if _, ok := t.named[d]; ok {
		return true
	}
	for _, now := range t.tags {
		if now == d {
			return true
		}
	}
	return false
}

// traces reads a repository.
func (r reader) traces(repository string) (*traces, error) {
	t := &traces{
		repository: repository, linked: map[layout.Digest]bool{}, emptied: map[layout.Digest]int64{},
		named: map[layout.Digest]named{}, tags: map[string]layout.Digest{},
	}
	manifests := layout.RepositoryDir(repository) + "/" + layout.Manifests + "/"
	// Tags before manifests: a push writes in the opposite order.
	tags, err := r.list(manifests + layout.Tags)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		if !layout.IsTag(tag) {
			continue
		}
		if err := r.history(t, tag); err != nil {
			return nil, err
		}
	}
	err = r.digestsIn(manifests+layout.Revisions, func(d layout.Digest, dir string) error {
		l, err := r.link(dir + "/" + layout.Link)
		if err == nil && l.there {
			t.linked[d] = true
			return nil
		}
		if err != nil {
			return err
		}
		at, ok, err := r.isEmptied(dir)
		if ok {
			t.emptied[d] = at
		}
		return err
	})
	return t, err
}

// isEmptied reports whether a manifest's directory is as a deletion leaves it,
// and since when. One with a name that was set aside is not.
func (r reader) isEmptied(dir string) (at int64, ok bool, err error) {
	names, err := r.list(dir)
	if errors.Is(err, syscall.ENOTDIR) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	for _, name := range names {
		if name != layout.Signatures && name != layout.Referrers && !layout.IsTemporary(name) {
			return 0, false, nil
		}
	}
	info, ok, err := r.stat(dir)
	return info.MTime, ok && info.Type == disk.Directory, err
}

// history adds what a tag names and named.
func (r reader) history(t *traces, tag string) error {
	dir := layout.TagDir(t.repository, tag)
	current, err := r.link(dir + "/" + layout.Current + "/" + layout.Link)
	if errors.Is(err, syscall.ENOTDIR) {
		return nil // a file among the tags
	}
	if err != nil {
		return err
	}
	if !current.target.IsZero() {
		t.tags[tag] = current.target
	}
	type entry struct {
		digest layout.Digest
		set    int64
	}
	var entries []entry
	err = r.digestsIn(dir+"/"+layout.Index, func(d layout.Digest, dir string) error {
		l, err := r.link(dir + "/" + layout.Link)
		if l.target == d {
			entries = append(entries, entry{d, l.set})
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.digest.Compare(b.digest) })
	for _, e := range entries {
		if e.digest == current.target {
			continue
		}
		// What was set next took its place.
		went := int64(0)
		for _, next := range append(entries, entry{current.target, current.set}) {
			if next.set > e.set && (went == 0 || next.set < went) {
				went = next.set
			}
		}
		if was, ok := t.named[e.digest]; !ok || went > was.went {
			t.named[e.digest] = named{tag, went}
		}
	}
	return nil
}
