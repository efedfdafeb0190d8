package sweep_test

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// registry does what a registry does, in its order, by files. What it refuses
// and what fails is visible to its client.
type registry struct {
	*layouttest.Store
	dialect int      // 28 or 31
	stored  bool     // it has found the manifest to be stored
	touched *touched // is told what it reads and writes, or nil
}

var errRefused = errors.New("refused")

// action is a part of what a registry does: nothing comes between its calls.
type action struct {
	name string
	do   func() error
	// claim says that the registry relies from then on on what it has found, and
	// secure that a sweep that looks from then on can tell.
	claim, secure bool
	changes       bool
}

func (r *registry) file(path string) string {
	if r.touched != nil {
		*r.touched = append(*r.touched, path)
	}
	return filepath.Join(r.Dir, filepath.FromSlash(path))
}

func (r *registry) has(o layout.Object) bool {
	_, err := os.Stat(r.file(o.Path()))
	return err == nil
}

// linked is a registry's stat of a layer or manifest: its link, then its blob.
func (r *registry) linked(o layout.Object) bool {
	content, err := os.ReadFile(r.file(o.Path()))
	if err != nil {
		return false
	}
	target, err := layout.ParseDigest(string(content))
	return err == nil && r.has(layout.Object{Kind: layout.BlobData, Digest: target})
}

const uuid = ".6ba7b810-9dad-11d1-80b4-00c04fd430c8.tmp"

// write is a write in one or two actions: registry 3 writes beside and renames,
// 2.8 empties the file and writes.
func (r *registry) write(name, path, content string) (first, second action) {
	file := r.file(path)
	first, second = action{name: name + ".begin", changes: true}, action{name: name, changes: true}
	if r.dialect == 31 {
		first.do = func() error {
			return errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file+uuid, []byte(content), 0o644))
		}
		second.do = func() error { return os.Rename(file+uuid, file) }
		return first, second
	}
	var f *os.File // which may be renamed while it is open
	first.do = func() (err error) {
		if err = os.MkdirAll(filepath.Dir(file), 0o755); err == nil {
			f, err = os.Create(file)
		}
		return err
	}
	second.do = func() error {
		_, err := f.WriteString(content)
		return errors.Join(err, f.Close())
	}
	return first, second
}

// whole is a write that nothing comes between.
func (r *registry) whole(name, path, content string) action {
	first, second := r.write(name, path, content)
	return action{name: name, changes: true, do: func() error {
		if err := first.do(); err != nil {
			return err
		}
		return second.do()
	}}
}

// manifest is what is pushed.
type manifest struct {
	content  string
	layers   []layout.Digest
	children []layout.Digest
	known    bool // it is stored
}

func (m *manifest) digest() layout.Digest { return layout.FromBytes(layout.SHA256, []byte(m.content)) }

// put is PUT of a manifest: it checks what the manifest names, looks whether it
// is stored, and writes its data, its link, the tag's history and the tag.
func (r *registry) put(repo, tag string, m manifest) []action {
	d := m.digest()
	check := action{name: "check", claim: true, do: func() error {
		for _, layer := range m.layers {
			if !r.linked(layout.Object{Kind: layout.LayerLink, Repository: repo, Digest: layer}) {
				return errRefused
			}
		}
		for _, child := range m.children {
			if !r.linked(layout.Object{Kind: layout.RevisionLink, Repository: repo, Digest: child}) {
				return errRefused
			}
		}
		return nil
	}}
	blob := layout.Object{Kind: layout.BlobData, Digest: d}
	stat := action{name: "stat", do: func() error { r.stored = r.has(blob); return nil }}
	begin, data := r.write("data", blob.Path(), m.content)
	unless := func(a action) action {
		do := a.do
		a.do = func() error {
			if r.stored {
				return nil
			}
			return do()
		}
		a.secure, a.changes = !m.known, !m.known
		return a
	}
	list := []action{check, stat}
	if r.dialect == 31 {
		list = append(list, unless(begin), unless(data))
	} else {
		// A registry that takes longer than a second for these two calls is not met.
		list = append(list, unless(r.whole("data", blob.Path(), m.content)))
	}
	begin, link := r.write("link", layout.Object{Kind: layout.RevisionLink, Repository: repo, Digest: d}.Path(), d.String())
	link.secure = true
	list = append(list, begin, link)
	if tag != "" {
		list = append(list,
			r.whole("history", layout.Object{Kind: layout.TagHistory, Repository: repo, Tag: tag, Digest: d}.Path(), d.String()),
			r.whole("tag", layout.Object{Kind: layout.TagCurrent, Repository: repo, Tag: tag}.Path(), d.String()))
	}
	return list
}

// upload is what a client does first with a blob that it has not found.
func (r *registry) upload(repo, content string) []action {
	d := layout.FromBytes(layout.SHA256, []byte(content))
	return []action{
		r.whole("upload", layout.Object{Kind: layout.BlobData, Digest: d}.Path(), content),
		r.whole("layer", layout.Object{Kind: layout.LayerLink, Repository: repo, Digest: d}.Path(), d.String()),
	}
}

// commit is the end of an upload: data that is stored already is not touched.
func (r *registry) commit(repo, content string) []action {
	d := layout.FromBytes(layout.SHA256, []byte(content))
	blob := layout.Object{Kind: layout.BlobData, Digest: d}
	data := r.whole("commit", blob.Path(), content)
	layer := r.whole("layer", layout.Object{Kind: layout.LayerLink, Repository: repo, Digest: d}.Path(), d.String())
	layer.secure = true
	return []action{
		{name: "upload", do: func() error { return nil }},
		{name: "found", claim: true, do: func() error { r.stored = r.has(blob); return nil }},
		{name: "commit", changes: true, do: func() error {
			if r.stored {
				return nil
			}
			return data.do()
		}},
		layer,
	}
}

func (r *registry) mount(from, to string, d layout.Digest) []action {
	return []action{
		{name: "find", do: func() error {
			if !r.linked(layout.Object{Kind: layout.LayerLink, Repository: from, Digest: d}) {
				return errRefused
			}
			return nil
		}},
		r.whole("mount", layout.Object{Kind: layout.LayerLink, Repository: to, Digest: d}.Path(), d.String()),
	}
}

// remove is DELETE: of a manifest's link, then of the tags that name it.
func (r *registry) remove(path string) action {
	return action{name: "delete", changes: true, do: func() error {
		if _, err := os.Stat(r.file(path)); err != nil {
			return errRefused
		}
		return os.RemoveAll(r.file(path))
	}}
}
