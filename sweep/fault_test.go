package sweep_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// nth is a hook that makes one call of a kind fail.
type nth struct {
	op  disk.Op
	n   int
	err error

	seen    [len(disk.Ops)]int
	fired   string // the call that failed
	path    string // its path
	changes int    // calls that changed the store
}

// fault needs no lock: these runs have one worker.
func (f *nth) fault(op disk.Op, path string) error {
	f.seen[op]++
	if op == f.op && f.seen[op] == f.n {
		f.path = path
		f.fired = fmt.Sprintf("%s %q, the %d.", op, path, f.n)
		return f.err
	}
	// The first touch only reads the server's clock.
	if !reads(op) && op != disk.OpLock && op != disk.OpSync && !(op == disk.OpTouch && f.seen[op] == 1) {
		f.changes++
	}
	return nil
}

// likeEIO are the errors that a kind of call may meet and that mean to the
// caller that it does not know. ENOENT is not among them: it may be a file that
// vanished, or one wrong answer (L1), and is tried at every call besides.
// Interrupted calls are repeated below the seam; an EINTR that gets through it is
// an error as any other.
func likeEIO(op disk.Op) []error {
	if reads(op) || op == disk.OpLock {
		return []error{syscall.EIO, syscall.ESTALE, syscall.EACCES, syscall.EMFILE, syscall.EINTR}
	}
	return []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EACCES, syscall.ESTALE, syscall.EMFILE, syscall.EINTR}
}

// bench is a sample store, what an undisturbed run makes of it, and what can
// be pulled from it.
type bench struct {
	*template
	before map[string][]string
	was    []string // the tree
	swept  []string // the tree after the run
	after  []string // the tree, in the end
	calls  [len(disk.Ops)]int
	total  int
}

func newBench(t *testing.T, tp *template) *bench {
	t.Helper()
	b := &bench{template: tp, before: missing(tp.store), was: pathsOf(tp.store.Dir)}
	s := tp.copy(filepath.Join(scratch(t), "undisturbed"))
	c := &nth{}
	if o := b.pipeline(s, c.fault).run(); o.said() {
		t.Fatalf("undisturbed run: %v %v", o.err, o.failures)
	}
	if list := lost(s, b.before); len(list) > 0 {
		t.Fatalf("undisturbed run: %q", list)
	}
	b.calls = c.seen
	for _, n := range b.calls {
		b.total += n
	}
	b.swept = pathsOf(s.Dir)
	if o := b.later(s).run(); o.said() {
		t.Fatalf("later run: %v %v", o.err, o.failures)
	}
	b.after = pathsOf(s.Dir)
	return b
}

func (b *bench) pipeline(s *layouttest.Store, fault func(disk.Op, string) error) pipeline {
	return pipeline{dir: s.Dir, rules: usual(b.store.Now), jobs: 1, fault: fault}
}

// later is a run when what the first one left is past the grace: directories
// that it could not remove have changed in its time.
func (b *bench) later(s *layouttest.Store) pipeline {
	p := b.pipeline(s, nil)
	p.rules.Now = p.rules.Now.Add(2 * time.Hour)
	p.rules.UploadsOlderThan = time.Hour
	return p
}

// completes runs undisturbed and compares with what an undisturbed run leaves.
// Blobs and links are never rewritten, so the same paths are the same store.
func (b *bench) completes(s *layouttest.Store) error {
	if o := b.later(s).run(); o.said() {
		return fmt.Errorf("the next run: %w %v", o.err, o.failures)
	}
	if d := diff(b.after, pathsOf(s.Dir)); d != "" {
		return fmt.Errorf("after the next run, compared with an undisturbed one:%s", d)
	}
	return nil
}

// each lets several workers take the numbers below n, or as many of them as are
// wanted: many of them wait for the pause before a second look.
func each(n int, work func(take func() (int, bool))) {
	steps := layouttest.Steps(n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			work(func() (int, bool) {
				i := int(next.Add(1)) - 1
				if i >= len(steps) {
					return 0, false
				}
				return steps[i], true
			})
		})
	}
	wg.Wait()
}

// allFaults tries every error at every call, which takes minutes.
var allFaults = flag.Bool("allfaults", false, "try every error at every call")

// TestFaults makes every single call of a run fail: with ENOENT and with one
// more error, by turns. With -allfaults it tries all of them at every call.
func TestFaults(t *testing.T) {
	layouttest.Long(t)
	b := newBench(t, newTemplate(t, sample))
	b.faults(t, b.table(t, map[disk.Op]int{
		disk.OpOpen: 200, disk.OpList: 80, disk.OpStat: 100, disk.OpRead: 50, disk.OpLock: 1,
		disk.OpTouch: 1, disk.OpRename: 25, disk.OpUnlink: 25, disk.OpRmdir: 25, disk.OpSync: 2, disk.OpWrite: 1,
	}))
}

// table lists all faults. A kind of call that is made less often than least
// says is one that the sample does not test.
func (b *bench) table(t *testing.T, least map[disk.Op]int) []nth {
	t.Helper()
	var table []nth
	for _, op := range disk.Ops {
		if b.calls[op] < least[op] {
			t.Fatalf("%s is called %d times only: the sample tests nothing", op, b.calls[op])
		}
		for n := range b.calls[op] {
			alike := likeEIO(op)
			if !*allFaults {
				alike = alike[n%len(alike):][:1]
			}
			if op != disk.OpLock {
				alike = append(slices.Clone(alike), syscall.ENOENT)
			}
			for _, err := range alike {
				table = append(table, nth{op: op, n: n + 1, err: err})
			}
		}
	}
	t.Logf("%d faults in %v", len(table), b.calls)
	return table
}

// reads reports whether a kind of call changes nothing.
func reads(op disk.Op) bool {
	return op == disk.OpOpen || op == disk.OpStat || op == disk.OpRead || op == disk.OpList
}

// faults runs the table. A store that a fault has left as it was serves the
// next one, too.
func (b *bench) faults(t *testing.T, table []nth) {
	t.Helper()
	dir := scratch(t)
	each(len(table), func(take func() (int, bool)) {
		var s *layouttest.Store
		for i, ok := take(); ok; i, ok = take() {
			f := &table[i]
			if s == nil {
				s = b.copy(filepath.Join(dir, fmt.Sprint(i)))
			}
			used, err := b.faulty(s, f)
			if err != nil {
				t.Errorf("%s fails with %v: %v", f.fired, f.err, err)
			}
			if used {
				_ = os.RemoveAll(s.Root) // only to save memory
				s = nil
			}
		}
	})
}

// faulty is one run with a fault and one without. It reports whether the store
// has changed.
func (b *bench) faulty(s *layouttest.Store, f *nth) (used bool, err error) {
	o := b.pipeline(s, f.fault).run()
	switch {
	case f.fired == "":
		return true, errors.New("the fault never fired")
	case f.changes == 0 && !o.said() && !f.mayBeSilent():
		err = errors.New("nothing was removed, and the run says that all went well")
	case f.changes == 0:
		err = addsUp(o)
	default:
		err = b.judge(s, o, f)
	}
	if err != nil {
		return true, fmt.Errorf("%w (the run said: %v %v)", err, o.err, o.failures)
	}
	return f.changes > 0, nil
}

// mayBeSilent reports whether nobody need hear of a fault. An answer that a
// second attempt can show to be wrong need not be told of. A tag's index is
// opened, whatever a stat said of it, and what the opening says counts. A tag
// that cannot be renamed is cut where it is, which serves as well. If the mark
// of a run that was stopped stays, the next run only looks harder; if it cannot
// be made, there are others. If one directory may not be touched, another one
// tells the server's clock.
func (f *nth) mayBeSilent() bool {
	if f.err == syscall.ENOENT {
		return f.op != disk.OpSync
	}
	if reads(f.op) {
		return f.err == syscall.ESTALE || f.err == syscall.EACCES && f.path == "" || f.op == disk.OpStat && strings.HasSuffix(f.path, "/"+layout.Index)
	}
	switch f.op {
	case disk.OpRename:
		return strings.Contains(f.fired, "/tags/")
	case disk.OpUnlink, disk.OpWrite:
		return filepath.Base(f.path) == layout.Unfinished
	}
	return f.op == disk.OpTouch && f.err == syscall.EACCES
}

// judge holds a run that came to removing something against the contract.
func (b *bench) judge(s *layouttest.Store, o *outcome, f *nth) error {
	if !o.executed {
		return errors.New("the store was changed before there was a plan")
	}
	if !o.said() && !f.mayBeSilent() {
		// A check of what has been pushed meanwhile may see less than there is. Then
		// all is as it would have been.
		if d := diff(b.swept, pathsOf(s.Dir)); d != "" || !reads(f.op) {
			return fmt.Errorf("the run says that all went well:%s", d)
		}
	}
	if list := lost(s, b.before); len(list) > 0 {
		return fmt.Errorf("lost: %q", list)
	}
	return errors.Join(addsUp(o), b.completes(s))
}
