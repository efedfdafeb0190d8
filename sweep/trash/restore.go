package trash

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Conflict is what a restore leaves in the trash, and why.
type Conflict struct {
	Path   string `json:"path"` // relative to the store
	Detail string `json:"detail"`
}

// Restore is a plan to put back what a run has moved into the trash. It
// overwrites nothing in the store. A manifest is put back after all that it
// names, and a tag after its manifest. If something that they need is missing,
// they stay in the trash.
type Restore struct {
	bin    *Bin
	store  *disk.Dir
	things []*thing       // in the order in which they are put back
	aside  bool           // some are set aside in the store, by a run that was stopped
	reads  bool           // blobs that are in their places are read before those in the trash are removed
	undoes bool           // it is the run of a repair
	shares *walker.Shares // names that lead into the trash; nil before they were looked for

	byPath map[string]*thing
	absent map[string]bool
	exists map[string]bool // blobs in the store, by path
}

// PlanRestore decides what is put back, after a walker has looked at the store.
// With resumed, what is set aside in the store gets its name back, too, since
// what was moved may need it. An item to which a name in the store leads stays
// in the trash.
func PlanRestore(ctx context.Context, w *walker.Walker, look *mark.Look, bin *Bin, resumed bool) (*Restore, error) {
	r, err := listRestore(w.Store(), bin)
	if err != nil {
		return nil, err
	}
	r.reads = true
	if err := findLeads(ctx, w, look, r); err != nil {
		return nil, err
	}
	r.shares = w.Shares()
	if r.undoes {
		return r, r.planUndo()
	}
	if resumed {
		r.addAside(look)
	}
	return r, r.plan()
}

// listRestore lists what is in the trash. Nothing is decided.
func listRestore(store *disk.Dir, bin *Bin) (*Restore, error) {
	things, err := bin.contents(store)
	return &Restore{
		bin: bin, store: store, things: things, undoes: bin.isRepair(),
		byPath: map[string]*thing{}, absent: map[string]bool{}, exists: map[string]bool{},
	}, err
}

// plan decides about all things.
func (r *Restore) plan() error {
	for _, t := range r.things {
		r.byPath[t.path] = t
	}
	for _, path := range r.bin.Absent {
		r.absent[path] = true
	}
	var order []*thing
	for _, t := range r.things {
		if err := r.decide(t, &order); err != nil {
			return err
		}
	}
	r.things = order
	return r.keepWithConflicts()
}

// decide says what becomes of a thing, and puts it in its place in the order.
func (r *Restore) decide(t *thing, order *[]*thing) error {
	if t.seen {
		return nil
	}
	t.seen = true
	state, err := r.compare(t)
	if err != nil {
		return err
	}
	t.state = state
	if state == comesBack || state == isSame && t.kind == manifestThing {
		switch t.kind {
		case manifestThing:
			if err = r.decideManifest(t, order); state == isSame {
				t.state = state // but what it needs is put back
			}
		case signatureThing:
			err = r.decideSignature(t)
		case tagThing:
			err = r.decideTag(t)
		case historyThing:
			err = r.decideHistory(t)
		}
	}
	*order = append(*order, t)
	return err
}

// compare looks at what is in a thing's place.
func (r *Restore) compare(t *thing) (thingState, error) {
	if by := r.leadsTo(t); by != "" {
		t.detail = leadsThere(by)
		return conflicts, nil
	}
	there, err := r.stat(t.path)
	switch {
	case err != nil:
		return undecided, err
	case t.kind == unknownThing:
		t.detail = "it is not known what it is"
		return conflicts, nil
	case !there:
		return comesBack, nil
	}
	var same bool
	switch t.kind {
	case directoryThing:
		return isSame, nil
	case blobThing:
		if same, err = r.sameSize(t); same && r.reads {
			same, err = r.isWhole(t)
		}
	case layerThing, manifestThing, signatureThing, historyThing:
		same, err = r.sameText(t.path, t.from)
	case tagThing:
		return r.compareTag(t)
	case uploadThing:
		return comesBack, nil // file by file
	default:
		same, err = r.isOneFile(t)
	}
	if err != nil || same {
		return isSame, err
	}
	t.detail = "something else is in its place"
	return conflicts, nil
}

// compareTag compares what tags name. One that is there and names the same gets
// the rest of its history back.
func (r *Restore) compareTag(t *thing) (thingState, error) {
	current := "/" + layout.Current + "/" + layout.Link
	there, err := r.stat(t.path + current)
	if err != nil || !there {
		return comesBack, err // file by file
	}
	same, err := r.sameText(t.path+current, t.from+current)
	if err != nil || same {
		return comesBack, err
	}
	t.detail = "the tag has been pushed again, and names something else"
	return conflicts, nil
}

// stat reports whether something is there.
func (r *Restore) stat(path string) (bool, error) { return tree.IsThere(r.store, path) }

func (r *Restore) sameSize(t *thing) (bool, error) {
	a, err := r.store.Follow(t.path)
	if err != nil {
		return false, ignoreDangling(err)
	}
	b, err := r.store.Follow(t.from)
	if err != nil {
		return false, ignoreDangling(err)
	}
	return a.Type == disk.File && b.Type == disk.File && a.Size == b.Size, nil
}

// isOneFile reports whether a thing has both of its names: where a rename takes
// two steps, a run was stopped between them.
func (r *Restore) isOneFile(t *thing) (bool, error) {
	a, aerr := r.store.Stat(t.path)
	b, berr := r.store.Stat(t.from)
	return a.IsAlso(b), errors.Join(aerr, berr)
}

// isWhole reports whether a blob that is in its place is what its digest says.
// If it is damaged, the one in the trash may be the last good one.
func (r *Restore) isWhole(t *thing) (bool, error) {
	hash := t.digest.Algorithm().NewHash()
	err := r.store.Stream(t.path, make([]byte, 1<<20), func(b []byte) error {
		hash.Write(b)
		return nil
	})
	return err == nil && bytes.Equal(hash.Sum(nil), t.digest.Sum()), err
}

// ignoreDangling forgives a symbolic link, whose target a relative one has only
// in its place.
func ignoreDangling(err error) error {
	if errors.Is(err, disk.ErrDangling) {
		return nil
	}
	return err
}

func (r *Restore) sameText(a, b string) (bool, error) {
	one, err := r.link(a)
	if err != nil {
		return false, err
	}
	other, err := r.link(b)
	return bytes.Equal(one, other), err
}

// link reads a link's text. Of one in the trash that is a symbolic link there is
// none: where a relative one leads is known in its place only.
func (r *Restore) link(path string) ([]byte, error) {
	var buf [layout.MaxLink + 1]byte
	n, _, err := r.store.ReadFile(path, buf[:])
	if disk.Gone(err) {
		n, _, err = r.store.ReadFile(path, buf[:])
	}
	if strings.HasPrefix(path, layout.Own+"/") {
		err = ignoreDangling(err)
	}
	return buf[:n], err
}

// target is what a link names, or the digest of its path if it names nothing.
func (r *Restore) target(path string, otherwise layout.Digest) (layout.Digest, error) {
	text, err := r.link(path)
	if err != nil {
		return otherwise, err
	}
	if d, err := layout.ParseLink(text); err == nil {
		return d, nil
	}
	return otherwise, nil
}

// keepWithConflicts keeps in the trash what only manifests that conflict need: in the
// store it would be garbage, and the next sweep would remove it for good.
func (r *Restore) keepWithConflicts() error {
	needed := map[*thing]bool{}
	var conflicting []*thing
	for _, t := range r.things {
		if t.kind != manifestThing {
			continue
		}
		if t.state == conflicts {
			conflicting = append(conflicting, t)
			continue
		}
		for _, n := range t.needs {
			needed[n] = true
		}
	}
	for _, t := range conflicting {
		for _, n := range t.needs {
			if n.state == comesBack && !needed[n] && n.kind != manifestThing {
				n.state = withConflict
			}
		}
	}
	// A blob that stays in the trash keeps the links to it there.
	for _, t := range r.things {
		if t.kind != layerThing || t.state != comesBack {
			continue
		}
		d, err := r.target(t.from, t.digest)
		if err != nil {
			return err
		}
		if b := r.byPath[layout.BlobDir(d)+"/"+layout.Data]; b != nil && b.state == withConflict {
			t.state = withConflict
		}
	}
	return nil
}

// Conflicts returns what stays in the trash, with the reasons.
func (r *Restore) Conflicts() []Conflict {
	list := []Conflict{}
	for _, t := range r.things {
		if t.state == conflicts && !t.inPlace {
			list = append(list, Conflict{t.path, t.detail})
		}
	}
	return list
}

// Size returns how much is put back, or was. Empty directories are not counted.
func (r *Restore) Size() (items int, bytes int64) {
	for _, t := range r.things {
		if t.kind < directoryThing && (t.state == comesBack || t.state == isBack) {
			items++
			bytes += t.bytes
		}
	}
	return items, bytes
}

// EachTag calls fn for every tag that is put back, or was.
func (r *Restore) EachTag(fn func(repository, tag string)) {
	for _, t := range r.things {
		if t.kind == tagThing && (t.state == comesBack || t.state == isBack) {
			fn(t.repo, t.tag)
		}
	}
}

// Execute carries out the plan: it puts back blobs, then, when they are on the disk,
// layer links, manifest links with children before parents, and tags last.
// When ctx is done it stops between two; it can be run again at any time.
func (r *Restore) Execute(ctx context.Context, lock *disk.Lock, jobs int) ([]tree.Failure, error) {
	x := &restoring{Restore: r, ctx: ctx, lock: lock, jobs: jobs}
	return x.run()
}
