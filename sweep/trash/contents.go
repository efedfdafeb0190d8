package trash

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// thingKind says what a thing in the trash is. Kinds are in the order in which
// a restore puts them back.
type thingKind uint8

const (
	blobThing thingKind = iota + 1
	temporaryThing
	uploadThing
	layerThing
	signatureThing // or a link to a referrer, below its subject
	manifestThing
	tagThing
	historyThing
	directoryThing // with nothing in it
	unknownThing   // nobody put it there
)

// thing is what a run in the trash holds, or what a run that was stopped has
// set aside in its place.
type thing struct {
	kind   thingKind
	path   string // in the store: of a file, or of the directory of a tag or an upload
	repo   string
	digest layout.Digest
	tag    string
	files  []string // of a tag or upload, below path
	bytes  int64
	from   string // where it is, below the store's directory
	// inPlace says that it is not in the trash, but set aside.
	inPlace bool

	// What a restore decides.
	state  thingState
	seen   bool     // it has been decided, or is being decided, about
	needs  []*thing // they have to be back before it
	detail string   // why it stays in the trash
	// lacking are the blobs that keep a manifest in the trash.
	lacking   []layout.Digest
	elsewhere bool // they are in another run
	replaces  bool // what a repair has put in its place
	// isNeeded says that something referenced needs it, and cannot be put back yet.
	isNeeded bool
}

// thingState is what becomes of a thing.
type thingState uint8

const (
	undecided    thingState = iota
	comesBack               // into a place where nothing is
	isSame                  // what is in its place is the same
	conflicts               // something else is in its place, or something that it needs is missing
	withConflict            // it stays in the trash with a thing that conflicts
	isBack
	isGone // for good
)

// contents lists what is in a run's directory, sorted by kind and path.
func (b *Bin) contents(store *disk.Dir) ([]*thing, error) {
	root := strings.Join(Path(b.Name), "/")
	l := &trashLister{root: root, groups: map[string]*thing{}}
	for _, name := range []string{layout.Blobs, layout.Repositories} {
		there, err := tree.IsThere(store, root+"/"+name)
		if err == nil && there {
			err = l.top(store, name)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, g := range l.groups {
		if g.kind == tagThing && !slices.Contains(g.files, layout.Current+"/"+layout.Link) {
			l.addHistory(g)
			continue
		}
		slices.Sort(g.files)
		l.things = append(l.things, g)
	}
	slices.SortFunc(l.things, compareThings)
	return l.things, nil
}

func compareThings(a, b *thing) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.path, b.path))
}

type trashLister struct {
	root   string
	things []*thing
	groups map[string]*thing // tags and uploads, by path
}

// top lists what is below one of the run's two directories, unless it is something else.
func (l *trashLister) top(store *disk.Dir, name string) error {
	from := l.root + "/" + name
	err := tree.NoLink(store, from)
	if errors.Is(err, tree.ErrLinked) {
		l.things = append(l.things, &thing{kind: unknownThing, path: name, from: from})
		return nil
	}
	if err == nil {
		err = l.enter(store, from, []string{name})
	}
	return err
}

// enter lists a directory of the run, and those below it.
func (l *trashLister) enter(parent *disk.Dir, name string, path []string) error {
	d, err := parent.Open(name)
	if disk.Gone(err) {
		d, err = parent.Open(name) // one wrong answer is not believed
	}
	if err != nil {
		return err
	}
	defer d.Close()
	return l.list(d, path)
}

func (l *trashLister) list(d *disk.Dir, path []string) error {
	at := strings.Join(path, "/")
	empty := true
	var below []string
	err := d.List(func(e disk.Entry) error {
		empty = false
		name := strings.Clone(e.Name)
		if e.Type == disk.Directory {
			below = append(below, name)
			return nil
		}
		return l.add(d, append(slices.Clone(path), name), e.Type)
	})
	if err == nil && empty && !inTag(path) {
		l.things = append(l.things, &thing{kind: directoryThing, path: at, from: l.root + "/" + at})
	}
	for _, name := range below {
		if err == nil {
			err = l.enter(d, name, append(slices.Clone(path), name))
		}
	}
	return err
}

// inTag reports whether a directory belongs to a tag, with which it is put back.
func inTag(path []string) bool {
	at := slices.Index(path, layout.Manifests)
	return at > 0 && len(path) > at+2 && path[at+1] == layout.Tags
}

// add takes over a name that is no directory.
func (l *trashLister) add(d *disk.Dir, path []string, typ disk.Type) error {
	t := classify(path)
	if typ != disk.File && (typ != disk.Symlink || !t.kind.mayBeSymlink()) {
		t = thing{kind: unknownThing, path: strings.Join(path, "/")}
	}
	t.from = l.root + "/" + t.path
	if t.kind == blobThing || t.kind == uploadThing || t.kind == temporaryThing {
		info, err := d.Stat(path[len(path)-1])
		if err != nil {
			return err
		}
		t.bytes = info.Size
	}
	if t.kind != tagThing && t.kind != uploadThing {
		l.things = append(l.things, &t)
		return nil
	}
	g := l.groups[t.path]
	if g == nil {
		l.groups[t.path] = &t
		return nil
	}
	g.files = append(g.files, t.files...)
	g.bytes += t.bytes
	return nil
}

// mayBeSymlink reports whether a sweep may have moved a symbolic link in place
// of such a thing: it is moved like a file, and leads where it did when it is back.
func (k thingKind) mayBeSymlink() bool {
	switch k {
	case blobThing, layerThing, signatureThing, manifestThing, tagThing:
		return true
	}
	return false
}

// addHistory adds entries of a tag's history that were removed without their tag.
func (l *trashLister) addHistory(g *thing) {
	for _, f := range g.files {
		h := thing{kind: historyThing, path: g.path + "/" + f, repo: g.repo, tag: g.tag, from: g.from + "/" + f}
		l.things = append(l.things, &h)
	}
}

// classify says what a path in the store is that something was moved from.
func classify(p []string) thing {
	t := thing{kind: unknownThing, path: strings.Join(p, "/")}
	last := p[len(p)-1]
	if layout.IsTemporary(last) {
		t.kind = temporaryThing
	}
	if p[0] == layout.Blobs {
		if o, err := layout.Parse(t.path); err == nil && o.Kind == layout.BlobData {
			t.kind, t.digest = blobThing, o.Digest
		}
		return t
	}
	marker := slices.IndexFunc(p, func(name string) bool { return strings.HasPrefix(name, "_") })
	if p[0] != layout.Repositories || marker < 2 {
		return t
	}
	t.repo = strings.Join(p[1:marker], "/")
	rest := p[marker+1:]
	switch {
	case len(rest) == 0: // a file where a directory belongs
	case p[marker] == layout.Layers:
		if d, ok := hashLink(rest); ok {
			t.kind, t.digest = layerThing, d
		}
	case p[marker] == layout.Uploads && len(rest) > 1:
		if file, _ := walker.UploadName(len(rest)-2, last); file {
			t.kind, t.path, t.files = uploadThing, strings.Join(p[:marker+2], "/"), []string{strings.Join(rest[1:], "/")}
		}
	case p[marker] == layout.Manifests && rest[0] == layout.Revisions:
		if d, ok := hashLink(rest[1:]); ok {
			t.kind, t.digest = manifestThing, d
		} else if len(rest) == 7 && rest[3] == layout.Signatures {
			if _, ok := hashLink(rest[4:]); ok {
				t.kind = signatureThing
				t.digest, _ = hashLink([]string{rest[1], rest[2], layout.Link}) // of its manifest
			}
		} else if o, err := layout.Parse(t.path); err == nil && o.Kind == layout.ReferrerLink {
			t.kind, t.digest = signatureThing, o.Digest // of its subject
		}
	case p[marker] == layout.Manifests && rest[0] == layout.Tags && len(rest) > 2:
		if file, _ := tree.TagShape(rest[2:]); file {
			t.kind, t.tag = tagThing, rest[1]
			t.path, t.files = strings.Join(p[:marker+3], "/"), []string{strings.Join(rest[2:], "/")}
		}
	}
	return t
}

// hashLink is <alg>/<hex>/link.
func hashLink(p []string) (layout.Digest, bool) {
	if len(p) != 3 || p[2] != layout.Link {
		return layout.Digest{}, false
	}
	alg, ok := layout.ParseAlgorithm(p[0])
	if !ok {
		return layout.Digest{}, false
	}
	d, err := layout.ParseHex(alg, p[1])
	return d, err == nil
}

// Size is how many things are in a run's directory, and their bytes: those of
// blobs, uploads and interrupted writes.
func (b *Bin) Size(store *disk.Dir) (items int, bytes int64, err error) {
	things, err := b.contents(store)
	for _, t := range things {
		if t.kind < directoryThing {
			items++
			bytes += t.bytes
		}
	}
	return items, bytes, err
}
