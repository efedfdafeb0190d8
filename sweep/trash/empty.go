package trash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/sweep/work"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Emptying removes runs from the trash for good. It first puts back what has
// become referenced.
type Emptying struct {
	Bins []*Bin
	// Back are the paths of what is put back, or was.
	Back []string
	// Items and Bytes are what is removed for good, or was.
	Items int
	Bytes int64

	rules    mark.Rules
	jobs     int
	giveBack GivingBack
	store    *disk.Dir
	restores []*Restore
	missing  map[layout.Digest]bool // blobs of manifests that are put back, which may be in another run
}

// GivingBack gives what a look has found to be set aside, and to be live, its name
// back.
type GivingBack func(ctx context.Context, lock *disk.Lock, w *walker.Walker, look *mark.Look) error

// NewEmptying returns the emptying of runs. The rules and the jobs are those of
// the looks at the store that it takes.
func NewEmptying(bins []*Bin, rules mark.Rules, jobs int, giveBack GivingBack) *Emptying {
	return &Emptying{Bins: bins, rules: rules, jobs: jobs, giveBack: giveBack}
}

// Plan marks what is live in the store, and decides what of the runs is put
// back. It fails if anything in the store cannot be read.
func (e *Emptying) Plan(ctx context.Context, store *disk.Dir) error {
	e.store, e.missing = store, map[layout.Digest]bool{}
	_, err := e.look(ctx, nil)
	if err != nil {
		return err
	}
	e.Items, e.Bytes, e.Back = 0, 0, nil
	for _, r := range e.restores {
		for _, t := range r.things {
			switch {
			case t.state == comesBack:
				e.Back = append(e.Back, t.path)
			case t.kind < directoryThing:
				e.Items++
				e.Bytes += t.bytes
			}
		}
	}
	return nil
}

// look marks, and decides by that what is put back. With a lock, it also gives
// back the names of what a stopped run had set aside and what is live.
func (e *Emptying) look(ctx context.Context, lock *disk.Lock) (back bool, err error) {
	e.restores = nil
	asked := map[string][]layout.Digest{}
	for _, b := range slices.Backward(e.Bins) {
		r, err := listRestore(e.store, b)
		if err == nil && !r.undoes {
			err = r.plan()
		}
		if err != nil {
			return false, err
		}
		if e.restores = append(e.restores, r); r.undoes {
			continue
		}
		for _, t := range r.things {
			if t.kind == layerThing || t.kind == manifestThing || t.kind == signatureThing {
				asked[t.repo] = append(asked[t.repo], t.digest)
			}
		}
	}
	w := walker.New(e.store, walker.Options{Jobs: e.jobs, Resumed: e.rules.Resumed})
	defer w.Close()
	wanted := mark.NewWanted(asked)
	look := mark.Read(ctx, w, e.rules).ObserveBy(ctx, w, wanted, nil)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err := e.refuseLeads(ctx, w, look); err != nil {
		return false, err
	}
	if lock != nil && len(look.Restore) > 0 {
		if err := e.giveBack(ctx, lock, w, look); err != nil {
			return false, err
		}
	}
	for _, r := range e.restores {
		// What a repair has replaced is damaged, and is never put back by itself.
		back = r.only(func(t *thing) bool { return !r.undoes && e.isWanted(look, wanted, t) }, e.missing) || back
	}
	return back, nil
}

// refuseLeads refuses to empty a trash into which a name in the store leads, such
// as data that is a symbolic link: it would lead nowhere.
func (e *Emptying) refuseLeads(ctx context.Context, w *walker.Walker, look *mark.Look) error {
	if err := unreadable(w); err != nil {
		return err
	}
	if err := findLeads(ctx, w, look, e.restores...); err != nil {
		return err
	}
	for _, r := range e.restores {
		for _, t := range r.things {
			if others := w.Shares().Others(t.from); len(others) > 0 {
				return fmt.Errorf("%s leads to %s: replace it with a copy first", others[0], t.from)
			}
		}
	}
	return nil
}

func (e *Emptying) isWanted(look *mark.Look, wanted *mark.Wanted, t *thing) bool {
	switch t.kind {
	case blobThing:
		return look.IsLive(t.digest) || e.missing[t.digest]
	case layerThing, manifestThing, signatureThing:
		return wanted.Has(t.repo, t.digest)
	}
	return false
}

// only leaves in the plan what is wanted, with what that needs, and reports
// whether there is any. Blobs that wanted manifests lack go into missing.
func (r *Restore) only(wanted func(*thing) bool, missing map[layout.Digest]bool) (more bool) {
	keep := map[*thing]bool{}
	var add func(t *thing)
	add = func(t *thing) {
		if keep[t] {
			return
		}
		keep[t] = true
		for _, d := range t.lacking {
			more = more || !missing[d]
			missing[d] = true
		}
		if t.state == conflicts {
			t.keepWhole()
			return
		}
		for _, n := range t.needs {
			add(n)
		}
	}
	for _, t := range r.things {
		if wanted(t) {
			add(t)
		}
	}
	for _, t := range r.things {
		switch {
		case !keep[t]:
			t.state, t.detail = withConflict, ""
		case t.state == withConflict:
			t.state = comesBack // it is wanted by something else than what conflicts
		}
		more = more || t.state == comesBack
	}
	return more
}

// keepWhole keeps in the trash a manifest that cannot be put back since something is
// in another run, with what it needs.
func (t *thing) keepWhole() {
	if t.kind != manifestThing || !t.elsewhere || t.isNeeded {
		return
	}
	t.isNeeded = true
	for _, n := range t.needs {
		n.isNeeded = true
		n.keepWhole()
	}
}

// Execute puts back what is referenced, until nothing more is, and removes the
// rest. If the store cannot be read, it removes nothing.
func (e *Emptying) Execute(ctx context.Context, lock *disk.Lock) ([]tree.Failure, error) {
	failures, err := e.PutBack(ctx, lock)
	if err != nil || len(failures) > 0 {
		return failures, err
	}
	for _, r := range e.restores {
		failures = append(failures, e.removeRun(ctx, lock, r)...)
	}
	return failures, nil
}

// PutBack puts back what is referenced, until nothing more is. As long as a
// manifest is not back, what it needs looks like garbage: if this is stopped,
// the next sweep has to complete it first.
func (e *Emptying) PutBack(ctx context.Context, lock *disk.Lock) ([]tree.Failure, error) {
	e.store, e.missing = lock.Store().Dir, map[layout.Digest]bool{}
	e.Back, e.Items, e.Bytes = nil, 0, 0
	for {
		back, err := e.look(ctx, lock)
		if err != nil {
			return nil, fmt.Errorf("%w; nothing has been removed", err)
		}
		for _, r := range e.restores {
			r.bin.lock = lock
			switch {
			case back && r.bin.state != binRestoring && slices.ContainsFunc(r.things, func(t *thing) bool { return t.state == comesBack }):
				err = errors.Join(err, r.bin.rename(binEmptying))
			case !back && r.bin.state == binEmptying:
				err = errors.Join(err, r.bin.rename(binDone))
			}
		}
		if err != nil || !back {
			return nil, err
		}
		if failures, err := e.putBack(ctx, lock); err != nil || len(failures) > 0 {
			return failures, err
		}
	}
}

// putBack puts back what is wanted; of runs, the newest first.
func (e *Emptying) putBack(ctx context.Context, lock *disk.Lock) ([]tree.Failure, error) {
	for _, r := range e.restores {
		x := &restoring{Restore: r, ctx: ctx, lock: lock, jobs: e.jobs}
		if err := x.steps(); err != nil {
			return x.failures, err
		}
		for _, t := range r.things {
			if t.state == isBack {
				e.Back = append(e.Back, t.path)
			}
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(x.failures) > 0 {
			return x.failures, errors.New("what is referenced could not be put back; nothing has been removed")
		}
	}
	return nil, nil
}

// removeRun removes what a run holds, tags first and blobs last, so that what
// is left of one that was stopped is no image that lacks something.
func (e *Emptying) removeRun(ctx context.Context, lock *disk.Lock, r *Restore) (failures []tree.Failure) {
	r.bin.lock = lock
	x := &restoring{Restore: r, ctx: ctx, lock: lock, jobs: e.jobs}
	slices.SortStableFunc(r.things, func(a, b *thing) int { return compareThings(b, a) })
	for lo := 0; lo < len(r.things) && ctx.Err() == nil && len(x.failures) == 0; {
		hi := lo
		for hi < len(r.things) && r.things[hi].kind == r.things[lo].kind {
			hi++
		}
		part := r.things[lo:hi]
		work.InChunks(e.jobs, len(part), x.worker, func(w *putter, i int) { w.remove(part[i]) })
		lo = hi
	}
	for _, t := range r.things {
		if t.state == isGone && t.kind < directoryThing {
			e.Items++
			e.Bytes += t.bytes
		}
		if t.isNeeded && t.state == conflicts {
			x.fail(t.from, fmt.Errorf("it is referenced and cannot be put back, so it stays in the trash: %s", t.detail))
		}
	}
	if ctx.Err() != nil || len(x.failures) > 0 {
		return x.failures
	}
	gone, err := r.bin.Drop()
	if err == nil && !gone {
		err = errors.New("it contains something unknown")
	}
	if err != nil {
		return []tree.Failure{{Path: strings.Join(Path(r.bin.Name), "/"), Err: err}}
	}
	return nil
}

// remove removes a thing for good.
func (w *putter) remove(t *thing) {
	if w.x.ctx.Err() != nil || t.kind == unknownThing || t.kind == directoryThing || t.state == isBack || t.isNeeded {
		return
	}
	paths := []string{t.from}
	if t.kind == tagThing || t.kind == uploadThing {
		paths = paths[:0]
		for _, f := range t.files {
			paths = append(paths, t.from+"/"+f)
		}
	}
	for _, p := range paths {
		if err := w.unlink(p); err != nil {
			w.x.fail(p, err)
			return
		}
	}
	t.state = isGone
}
