package trash

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
)

// keep says that a thing conflicts.
func (t *thing) keep(format string, args ...any) {
	t.state, t.detail = conflicts, fmt.Sprintf(format, args...)
}

// usable reports whether a thing will be in its place.
func (t *thing) usable() bool { return t != nil && (t.state == comesBack || t.state == isSame) }

// blob finds a blob in the store, or among what is put back.
func (r *Restore) blob(d layout.Digest) (there bool, t *thing, err error) {
	path := layout.BlobDir(d) + "/" + layout.Data
	if t := r.byPath[path]; t.usable() {
		return true, t, nil
	}
	there, known := r.exists[path]
	if !known {
		if there, err = r.stat(path); err != nil {
			return false, nil, err
		}
		r.exists[path] = there
	}
	return there, nil, nil
}

// decideManifest finds what a manifest needs.
func (r *Restore) decideManifest(t *thing, order *[]*thing) error {
	digest, err := r.target(t.from, t.digest)
	if err != nil {
		return err
	}
	there, own, err := r.blob(digest)
	if err != nil {
		return err
	}
	if !there {
		return r.lacks(t, digest, "its own blob")
	}
	t.require(own)
	content, err := r.manifest(digest, own)
	if err != nil {
		return err
	}
	said, _ := manifest.Decode(content) // one that is none is put back as it was
	for _, ref := range said.Refs {
		// All of them, since what they need is left in the trash if one of them is.
		if err := r.reference(t, ref, order); err != nil {
			return err
		}
	}
	return nil
}

func (t *thing) require(other *thing) {
	if other != nil && !slices.Contains(t.needs, other) {
		t.needs = append(t.needs, other)
	}
}

// manifest reads a manifest's blob from where it is. Nothing that is larger
// than any registry accepts is one.
func (r *Restore) manifest(d layout.Digest, at *thing) ([]byte, error) {
	path := layout.BlobDir(d) + "/" + layout.Data
	if at != nil && at.state == comesBack {
		path = at.from
	}
	info, err := r.store.Follow(path)
	if err != nil || info.Size > manifest.Max {
		return nil, ignoreDangling(err)
	}
	buf := make([]byte, info.Size+1)
	n, _, err := r.store.ReadFile(path, buf)
	return buf[:n], err
}

// reference decides whether what a manifest names will be there.
func (r *Restore) reference(t *thing, ref manifest.Reference, order *[]*thing) error {
	child := r.byPath[layout.RevisionDir(t.repo, ref.Digest)+"/"+layout.Link]
	if child != nil && child.kind == manifestThing {
		if err := r.decide(child, order); err != nil {
			return err
		}
		if !child.usable() {
			t.keep("its part %s stays in the trash", ref.Digest)
			return nil
		}
		if child.state != undecided && child != t {
			t.require(child)
		}
	}
	d, err := r.layer(t, ref)
	if err != nil {
		return err
	}
	there, blob, err := r.blob(d)
	switch {
	case err != nil:
		return err
	case there:
		t.require(blob)
	case !ref.Optional:
		return r.lacks(t, d, "the blob")
	}
	return nil
}

// layer is what a repository's layer link says that a digest is stored under.
// Without the link, unless that was missing when the manifest was removed, too, the
// registry would not serve the layer.
func (r *Restore) layer(t *thing, ref manifest.Reference) (layout.Digest, error) {
	d := ref.Digest
	path := layout.LayerDir(t.repo, d) + "/" + layout.Link
	if link := r.byPath[path]; link != nil && link.kind == layerThing && link.usable() {
		t.require(link)
		return r.target(link.from, d)
	}
	there, err := r.stat(path)
	switch {
	case err != nil:
		return d, err
	case there:
		return r.target(path, d)
	case !ref.Optional && !r.absent[path] && t.state != conflicts:
		t.keep("the repository does not link its layer %s any more", d)
		return d, r.hint(t, path)
	}
	return d, nil
}

// lacks keeps in the trash a manifest that would be put back without one of its blobs,
// unless the blob was missing when the manifest was removed.
func (r *Restore) lacks(t *thing, d layout.Digest, what string) error {
	path := layout.BlobDir(d) + "/" + layout.Data
	if r.absent[path] {
		return nil
	}
	t.lacking = append(t.lacking, d)
	if b := r.byPath[path]; b != nil && b.state == conflicts && t.state != conflicts {
		t.keep("%s %s stays in the trash", what, d)
		return nil
	}
	if t.state != conflicts {
		t.keep("%s %s is not in the store any more", what, d)
		return r.hint(t, path)
	}
	return nil
}

// hint says where in the trash there is what is missing.
func (r *Restore) hint(t *thing, path string) error {
	bins, err := Bins(r.store)
	for _, b := range slices.Backward(bins) {
		if b.Name == r.bin.Name || b.isRepair() {
			continue
		}
		there, err := r.stat(strings.Join(Path(b.Name), "/") + "/" + path)
		if err != nil {
			return err
		}
		if there {
			t.detail += ": restore " + b.Name + " first"
			t.elsewhere = true
			return nil
		}
	}
	return err
}

// decideSignature lets a link to a signature wait for its blob, if that is in the trash, too.
func (r *Restore) decideSignature(t *thing) error {
	d, err := r.target(t.from, layout.Digest{})
	if err != nil || d.IsZero() {
		return err
	}
	_, own, err := r.blob(d)
	t.require(own)
	return err
}

// decideTag keeps in the trash a tag whose manifest will not be there, unless it was
// not there when the tag was removed.
func (r *Restore) decideTag(t *thing) error {
	d, err := r.target(t.from+"/"+layout.Current+"/"+layout.Link, layout.Digest{})
	if err != nil || d.IsZero() {
		return err
	}
	path := layout.RevisionDir(t.repo, d) + "/" + layout.Link
	for _, place := range []string{path, layout.LayerDir(t.repo, d) + "/" + layout.Link} {
		if link := r.byPath[place]; link.usable() {
			t.require(link)
			return nil
		}
		if there, err := r.stat(place); err != nil || there {
			return err
		}
	}
	if r.absent[path] {
		return nil
	}
	t.keep("the manifest %s that it names is not in the repository", d)
	return r.hint(t, path)
}

// decideHistory keeps an entry of the history of a tag that is gone.
func (r *Restore) decideHistory(t *thing) error {
	there, err := r.stat(layout.TagDir(t.repo, t.tag) + "/" + layout.Current + "/" + layout.Link)
	if err == nil && !there {
		t.keep("its tag is not there")
	}
	return err
}
