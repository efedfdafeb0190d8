package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// step is a hook that does something at the n-th call of a run, or from it on.
type step struct {
	n       int
	do      func() error
	forever bool
	seen    int
	changes int // calls that may have changed the store
}

// fault needs no lock: these runs have one worker.
func (h *step) fault(op disk.Op, _ string) error {
	h.seen++
	if h.seen == h.n || h.forever && h.seen > h.n {
		if err := h.do(); err != nil {
			return err
		}
	}
	if !reads(op) && op != disk.OpLock && op != disk.OpSync {
		h.changes++
	}
	return nil
}

// steps runs fn for every call of an undisturbed run. A store that serves as it
// was, since nothing but its time was changed, is used again.
func (b *bench) steps(t *testing.T, total int, fn func(s *layouttest.Store, n int) (changes int, err error)) {
	t.Helper()
	dir := scratch(t)
	each(total, func(take func() (int, bool)) {
		var s *layouttest.Store
		for i, ok := take(); ok; i, ok = take() {
			if s == nil {
				s = b.copy(filepath.Join(dir, fmt.Sprint(i)))
			}
			changes, err := fn(s, i+1)
			if err != nil {
				t.Errorf("at call %d of %d: %v", i+1, total, err)
			}
			if changes > 1 { // the first is the touch that reads the server's clock
				_ = os.RemoveAll(s.Root) // only to save memory
				s = nil
			}
		}
	})
}

// TestStop asks a run to end at each of its calls.
func TestStop(t *testing.T) {
	layouttest.Long(t)
	b := newBench(t, newTemplate(t, sample))
	b.steps(t, b.total, func(s *layouttest.Store, n int) (int, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := &step{n: n, do: func() error { cancel(); return nil }}
		p := b.pipeline(s, h.fault)
		p.ctx = ctx
		o := p.run()
		switch {
		case h.seen < n:
			return 2, errors.New("it was never stopped")
		case len(o.failures) > 0:
			return 2, fmt.Errorf("failures: %v", o.failures)
		case h.changes < 2:
			return h.changes, addsUp(o)
		}
		// It has given back what it had set aside, so all that is visible is whole.
		if list := lost(s, b.before); len(list) > 0 {
			return h.changes, fmt.Errorf("lost: %q (the run said: %w %v)", list, o.err, o.failures)
		}
		return h.changes, errors.Join(addsUp(o), b.completes(s))
	})
}

var errCrash = errors.New("killed")

// crash is a hook from whose n-th call on nothing has an effect any more, as
// after SIGKILL.
func crash(n int) *step {
	return &step{n: n, do: func() error { return errCrash }, forever: true}
}

// TestCrash kills a run at each of its calls.
func TestCrash(t *testing.T) {
	layouttest.Long(t)
	b := newBench(t, newTemplate(t, sample))
	b.steps(t, b.total, func(s *layouttest.Store, n int) (int, error) {
		h := crash(n)
		o := b.pipeline(s, h.fault).run()
		if !o.said() && n < b.total-1 { // nobody need hear that the last touch failed
			return 2, errors.New("it was never killed")
		}
		return h.changes, b.survives(s, h)
	})
}

// survives holds a store after a crash against the contract.
func (b *bench) survives(s *layouttest.Store, h *step) error {
	if h.changes < 2 {
		return nil
	}
	if list := goneForGood(s, b.before); len(list) > 0 {
		return fmt.Errorf("lost for good: %q", list)
	}
	return b.completes(s)
}

// TestCrashTwice kills the run that finishes what a killed one left, at each
// of its calls, too. The first crash is in the middle of setting aside, and in
// the middle of removing.
func TestCrashTwice(t *testing.T) {
	layouttest.Long(t)
	b := newBench(t, newTemplate(t, sample))
	dir := scratch(t)
	for _, after := range []disk.Op{disk.OpRename, disk.OpUnlink} {
		left := b.copy(filepath.Join(dir, after.String()))
		first := &nth{op: after, n: b.calls[after] / 2, err: errCrash}
		b.pipeline(left, func(op disk.Op, path string) error {
			if first.fired != "" {
				return errCrash
			}
			return first.fault(op, path)
		}).run()
		second := &bench{template: readTemplate(t, left), before: b.before, after: b.after}
		count := &step{}
		b.later(second.copy(filepath.Join(dir, "count"+after.String()))).with(count.fault).run()
		second.steps(t, count.seen, func(s *layouttest.Store, n int) (int, error) {
			h := crash(n)
			b.later(s).with(h.fault).run()
			h.changes++ // this run need not read the clock
			return h.changes, b.survives(s, h)
		})
	}
}

func (p pipeline) with(fault func(disk.Op, string) error) pipeline {
	p.fault = fault
	return p
}

// goneForGood says what visible manifests lack that no later run could give
// back: neither the blob nor the link is there by either of its names.
func goneForGood(s *layouttest.Store, before map[string][]string) []string {
	var list []string
	for _, l := range lost(s, before) {
		ref, part, _ := strings.Cut(l, " lacks ")
		repo := ref[:strings.IndexAny(ref, ":@")]
		_, digest, _ := strings.Cut(part, " ")
		d, err := layout.ParseDigest(digest)
		if err != nil || !recoverable(s, repo, d) {
			list = append(list, l)
		}
	}
	return list
}

func recoverable(s *layouttest.Store, repo string, d layout.Digest) bool {
	for _, dir := range []string{layout.LayerDir(repo, d), layout.RevisionDir(repo, d)} {
		for _, name := range []string{layout.Link, layout.AsideLink} {
			content, err := os.ReadFile(filepath.Join(s.Dir, dir, name))
			if err != nil {
				continue
			}
			target, err := layout.ParseDigest(string(content))
			if err != nil {
				continue
			}
			for _, data := range []string{layout.Data, layout.Aside} {
				if _, err := os.Stat(filepath.Join(s.Dir, layout.BlobDir(target), data)); err == nil {
					return true
				}
			}
		}
	}
	return false
}
