package back

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Execute writes the links of all images that are complete, with partial of the
// others, too. All layers are on the disk before the first manifest, and all
// manifests before the first tag. Before it writes, it looks at each image once
// more, and compares the data of what it links with the digests.
//
// What cannot be brought back has Err afterwards. The error is about the run as a
// whole. When ctx is done, it stops between two links; it can be run again at any time.
func (p *Plan) Execute(ctx context.Context, lock *disk.Lock, partial bool) error {
	w := newWriter(ctx, lock)
	defer w.close()
	if err := p.again(ctx, partial); err != nil {
		return err
	}
	for s := layers; s < stages; s++ {
		wrote := false
		for _, i := range p.Images {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			wrote = w.stage(i, s) || wrote
		}
		if wrote {
			if err := w.sync(); err != nil {
				return err
			}
		}
	}
	for _, i := range p.Images {
		i.Restored = i.Err == nil && len(i.links) > 0
	}
	return nil
}

// again looks at all images once more.
func (p *Plan) again(ctx context.Context, partial bool) error {
	var t *traces
	for _, i := range p.Images {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if t == nil || t.repository != i.Repository {
			var err error
			if t, err = p.reader.traces(i.Repository); err != nil {
				return err
			}
		}
		if i.Err == nil {
			i.Err = p.lookAgain(t, i)
		}
		if i.Err == nil && !i.Complete() && !partial {
			i.Err = ErrIncomplete
		}
		if i.Err != nil {
			i.links = nil
		}
	}
	return nil
}

// lookAgain makes of an image what it is now.
func (p *Plan) lookAgain(t *traces, i *Image) error {
	if i.How != Unlinked && !t.has(i.Digest) {
		return ErrNoTrace
	}
	now, err := p.reader.image(t, i.Lost)
	if err != nil || now.Err != nil {
		return errors.Join(err, now.failure())
	}
	name := i.NewTag
	if *i = *now; name != "" {
		return p.Give(i, name)
	}
	return nil
}

func (i *Image) failure() error {
	if i == nil {
		return nil
	}
	return i.Err
}

// ErrIncomplete says that blobs are missing that an image needs.
var ErrIncomplete = errors.New("it is not complete")

// writer writes links.
type writer struct {
	reader
	ctx   context.Context
	lock  *disk.Lock
	maker tree.Maker
	known map[layout.Digest]error // what was read whole, and what came of it
}

func newWriter(ctx context.Context, lock *disk.Lock) *writer {
	w := &writer{reader: reader{lock.Store().Dir}, ctx: ctx, lock: lock, known: map[layout.Digest]error{}}
	w.maker.Root = func() (*disk.Locked, error) { return lock.Open(layout.Repositories) }
	return w
}

func (w *writer) close() { w.maker.Close() }

// sync waits until what was written is on the disk.
func (w *writer) sync() error {
	d, err := w.lock.Open(layout.Repositories)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// stage writes the links of an image that belong to a stage, and reports whether
// there were any.
func (w *writer) stage(i *Image, s stage) (wrote bool) {
	for k := range i.links {
		l := &i.links[k]
		if l.stage != s || i.Err != nil {
			continue
		}
		if l.isData {
			if err := w.compare(l.holds); err != nil {
				i.Err = fmt.Errorf("%s: %w", l.holds, err)
				return wrote
			}
		}
		wrote = true
		if s == tag {
			t := &Tagging{Repository: i.Repository, Tag: i.NewTag, Digest: i.Digest}
			i.Err = w.makeTag(t)
			continue
		}
		i.Err = w.put(l.path, l.holds)
	}
	return wrote
}

// compare compares a blob's data with its digest, once.
func (w *writer) compare(d layout.Digest) error {
	err, ok := w.known[d]
	if !ok {
		err = w.isIntact(w.ctx, d)
		w.known[d] = err
	}
	return err
}

// place opens the directory of a path below repositories/, and makes it if it is
// not there, like its repository's.
func (w *writer) place(dir string) (at *disk.Locked, like *disk.Dir, err error) {
	parts := strings.Split(dir, "/")[1:]
	n := 0
	for n < len(parts) && !strings.HasPrefix(parts[n], "_") {
		n++
	}
	// That of the repository is there: nothing is brought back to one that is gone.
	like, err = w.store.Walk(strings.Split(dir, "/")[:n+1]...)
	if err != nil {
		return nil, nil, tree.NotGone(err)
	}
	at, err = w.maker.Make(like, parts...)
	if err != nil {
		like.Close()
	}
	return at, like, err
}

// put writes a link that is missing. One that is there and holds the same is
// left as it is; any other is an error.
func (w *writer) put(file string, holds layout.Digest) error {
	err := w.write(file, holds, false)
	if disk.Gone(err) {
		w.close() // one wrong answer is not believed
		err = w.write(file, holds, false)
	}
	if !errors.Is(err, disk.ErrExists) {
		return err
	}
	l, err := w.link(file)
	if err == nil && l.target != holds {
		err = fmt.Errorf("%s: something else is in its place", file)
	}
	return err
}

// write writes a link under a temporary name, which both registries and sweeps
// know, and gives it its own.
func (w *writer) write(file string, holds layout.Digest, replace bool) error {
	at, like, err := w.place(path.Dir(file))
	if err != nil {
		return err
	}
	defer like.Close()
	temporary := tree.Temporary(path.Base(file))
	if err = at.Write(temporary, []byte(holds.String())); err == nil {
		at.Adopt(temporary, like)
		if replace {
			err = at.Rename(temporary, at, path.Base(file))
		} else {
			err = at.RenameNoReplace(temporary, at, path.Base(file))
		}
	}
	if err != nil {
		_ = at.Unlink(temporary) // what is left of it a sweep removes
	}
	return err
}
