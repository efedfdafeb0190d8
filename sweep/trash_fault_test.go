//go:build unix

package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// deed is something that is done about the trash, over a seam that a test holds.
type deed struct {
	*template
	before map[string][]string // what references lack
	// do reports whether it admits that not all went well.
	do func(s *layouttest.Store, ctx context.Context, fault func(disk.Op, string) error) (said bool, text string)
	// again has to lead, undisturbed, to the same end from wherever do was stopped.
	again func(s *layouttest.Store) error
	end   map[string]string // the files, in the end
	done  map[string]string // the files, after do alone
	calls [len(disk.Ops)]int
	// sparse is how many calls that only read there are to one that fails: many
	// of them are those of every sweep.
	sparse int
	// changes is how many calls change something.
	changes int
}

// trashSample is as sample, with less of everything.
const trashSample = `
age 30d
image a:v1 layers=base as=app1
image a:v1 layers=base as=app2
image a layers=base as=child2
index a as=multi2 of=child2
referrer a of=app1 as=ref1
image c/gone layers=base alias=1 as=gone
image h:v1 layers=1 as=h1 type=schema1 signatures=1
image h:v1 layers=base as=h2
image h:x layers=base as=h3
image h:old layers=base as=h4
copy h:x h4
delete-manifest h h4
orphan as=orphan
upload h kind=patched size=100
tmp repositories/h/_manifests/revisions/sha256/{h1}/link
`

// deeds are the three things that change the trash.
func deeds(t *testing.T) map[string]*deed {
	t.Helper()
	tp := newTemplate(t, trashSample)
	original := contentsOfFiles(tp.store.Dir)
	sweepInto := func(s *layouttest.Store) pipeline {
		return pipeline{dir: s.Dir, rules: usual(tp.store.Now), jobs: 1, trash: true}
	}
	restore := func(s *layouttest.Store) error { return problemOf(sweepInto(s).restore()) }
	empty := func(s *layouttest.Store) error { return problemOf(sweepInto(s).empty()) }

	swept := tp.copy(filepath.Join(scratch(t), "swept"))
	if o := sweepInto(swept).run(); o.said() {
		t.Fatal(o.err, o.failures)
	}
	full := readTemplate(t, swept)
	// A tag that was pushed since names an image in the trash.
	named := full.copy(filepath.Join(scratch(t), "named"))
	if err := named.Apply("mkdir repositories/a/_manifests/tags/new/current"); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(named.Dir, "repositories/a/_manifests/tags/new/current/link")
	if err := os.WriteFile(link, []byte(named.Digest("multi2").String()), 0o644); err != nil {
		t.Fatal(err)
	}
	list := map[string]*deed{
		"trash": {template: tp, sparse: 7, end: original, again: restore, do: func(s *layouttest.Store, ctx context.Context, fault func(disk.Op, string) error) (bool, string) {
			p, on := sweepInto(s), false
			p.ctx = ctx
			p.planned = func() { on = true }
			p.fault = func(op disk.Op, path string) error {
				if !on {
					return nil // as in every other sweep
				}
				return fault(op, path)
			}
			o := p.run()
			return o.said(), fmt.Sprint(o.err, o.failures)
		}},
		"restore": {template: full, sparse: 5, end: original, again: restore, do: func(s *layouttest.Store, ctx context.Context, fault func(disk.Op, string) error) (bool, string) {
			p := sweepInto(s)
			p.ctx, p.fault = ctx, fault
			o := p.restore()
			return o.said(), fmt.Sprint(o.err, o.failures)
		}},
		"empty": {template: readTemplate(t, named), sparse: 29, again: empty, do: func(s *layouttest.Store, ctx context.Context, fault func(disk.Op, string) error) (bool, string) {
			p := sweepInto(s)
			p.ctx, p.fault = ctx, fault
			o := p.empty()
			return o.said(), fmt.Sprint(o.err, o.failures)
		}},
	}
	for name, d := range list {
		d.before = missing(d.store)
		s := d.copy(filepath.Join(scratch(t), "undisturbed"))
		count := &nth{}
		if said, text := d.do(s, t.Context(), count.fault); said {
			t.Fatalf("%s says %s", name, text)
		}
		d.calls, d.done = count.seen, contentsOfFiles(s.Dir)
		for op, n := range d.calls {
			if !reads(disk.Op(op)) && disk.Op(op) != disk.OpLock {
				d.changes += n
			}
		}
		if d.end == nil {
			d.end = d.done
		}
		if err := d.completes(s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s makes %d calls that change something: %v", name, d.changes, d.calls)
	}
	if end := list["empty"].end; len(end) >= len(list["empty"].files) || !slices.ContainsFunc(slices.Collect(maps.Keys(end)), func(path string) bool {
		return strings.HasSuffix(path, list["empty"].store.Digest("child2").Hex()+"/link")
	}) {
		t.Fatal("emptying the trash puts nothing back")
	}
	return list
}

func problemOf(o *trashOutcome) error {
	if o.said() || len(o.conflicts) > 0 {
		return fmt.Errorf("%w %v %v", errOr(o.err), o.failures, o.conflicts)
	}
	return nil
}

// TestTrashCrashThenSweep kills sweeps into the trash, and lets another sweep into
// it finish the work. What is in both runs then is all of it.
func TestTrashCrashThenSweep(t *testing.T) {
	layouttest.Long(t)
	d := deeds(t)["trash"]
	restore := d.again
	d.again = func(s *layouttest.Store) error {
		if o := (pipeline{dir: s.Dir, rules: usual(d.store.Now), jobs: 1, trash: true}).run(); o.said() {
			return fmt.Errorf("the next sweep: %w %v", o.err, o.failures)
		}
		return restore(s)
	}
	d.disturb(t, d.changes, func(s *layouttest.Store, i int) error {
		_, text := d.do(s, t.Context(), changes(crash(i+1).fault))
		if err := d.judge(s, true, text, true); err != nil {
			return fmt.Errorf("killed at call %d of %d: %w", i+1, d.changes, err)
		}
		return nil
	})
}

var errConflict = errors.New("it is not complete")

func errOr(err error) error {
	if err == nil {
		return errConflict
	}
	return err
}

// contentsOfFiles are the contents without directories, and without descriptions of runs.
func contentsOfFiles(dir string) map[string]string {
	all := contents(dir)
	for name := range all {
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".json") {
			delete(all, name)
		}
	}
	return all
}

// completes does the rest and looks at what there is in the end.
func (d *deed) completes(s *layouttest.Store) error {
	if err := d.again(s); err != nil {
		return fmt.Errorf("again: %w", err)
	}
	if list := differences(d.end, contentsOfFiles(s.Dir)); len(list) > 0 {
		return fmt.Errorf("in the end:\n  %s", strings.Join(list, "\n  "))
	}
	if list := lost(s, d.before); len(list) > 0 {
		return fmt.Errorf("in the end, lost: %q", list)
	}
	return nil
}

// judge looks at a store on which the deed was disturbed.
func (d *deed) judge(s *layouttest.Store, said bool, text string, crashed bool) error {
	var wrong error
	if !said && !crashed {
		if list := differences(d.done, contentsOfFiles(s.Dir)); len(list) > 0 {
			wrong = fmt.Errorf("it says that all went well:\n  %s", strings.Join(list, "\n  "))
		}
	}
	if list := lost(s, d.before); len(list) > 0 {
		wrong = errors.Join(wrong, fmt.Errorf("lost: %q", list))
	}
	if err := errors.Join(wrong, d.completes(s)); err != nil {
		return fmt.Errorf("%w (it said: %s)", err, text)
	}
	return nil
}

// disturb runs a deed n times, each on a store of its own.
func (d *deed) disturb(t *testing.T, n int, fn func(s *layouttest.Store, i int) error) {
	t.Helper()
	dir := scratch(t)
	each(n, func(take func() (int, bool)) {
		for i, ok := take(); ok; i, ok = take() {
			s := d.copy(filepath.Join(dir, fmt.Sprint(i)))
			if err := fn(s, i); err != nil {
				t.Error(withNames(s, err.Error()))
			}
			_ = os.RemoveAll(s.Root) // only to save memory
		}
	})
}

// TestTrashFaults makes every call of a sweep into the trash, a restore and an
// emptying fail. Whatever is done then, nothing is lost, what is said to have
// gone well has, and a second try completes it.
func TestTrashFaults(t *testing.T) {
	layouttest.Long(t)
	for name, d := range deeds(t) {
		t.Run(name, func(t *testing.T) {
			table := d.table()
			d.disturb(t, len(table), func(s *layouttest.Store, i int) error {
				f := &table[i]
				said, text := d.do(s, t.Context(), f.fault)
				if f.fired == "" {
					return errors.New("the fault never fired")
				}
				if err := d.judge(s, said, text, false); err != nil {
					return fmt.Errorf("%s fails with %w: %w", f.fired, f.err, err)
				}
				return nil
			})
		})
	}
}

// table has for each call one error, by turns; of those that read for some, and
// ENOENT too.
func (d *deed) table() (table []nth) {
	for _, op := range disk.Ops {
		for n := range d.calls[op] {
			alike := likeEIO(op)
			if !*allFaults {
				if reads(op) && n%d.sparse != 0 {
					continue
				}
				alike = alike[n%len(alike):][:1]
			}
			if reads(op) {
				alike = append(slices.Clone(alike), syscall.ENOENT)
			}
			for _, err := range alike {
				table = append(table, nth{op: op, n: n + 1, err: err})
			}
		}
	}
	return table
}

// changes makes a hook pass over calls that only read: between two of them
// nothing differs.
func changes(fault func(disk.Op, string) error) func(disk.Op, string) error {
	return func(op disk.Op, path string) error {
		if reads(op) || op == disk.OpLock {
			return nil
		}
		return fault(op, path)
	}
}

// TestTrashStop asks each of them to end at every call that changes something.
func TestTrashStop(t *testing.T) {
	layouttest.Long(t)
	for name, d := range deeds(t) {
		t.Run(name, func(t *testing.T) {
			d.disturb(t, d.changes, func(s *layouttest.Store, i int) error {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				h := &step{n: i + 1, do: func() error { cancel(); return nil }}
				_, text := d.do(s, ctx, changes(h.fault))
				if err := d.judge(s, true, text, false); err != nil {
					return fmt.Errorf("stopped at call %d of %d: %w", i+1, d.changes, err)
				}
				return nil
			})
		})
	}
}

// TestTrashCrash kills each of them at every call that changes something.
func TestTrashCrash(t *testing.T) {
	layouttest.Long(t)
	for name, d := range deeds(t) {
		t.Run(name, func(t *testing.T) {
			d.disturb(t, d.changes, func(s *layouttest.Store, i int) error {
				_, text := d.do(s, t.Context(), changes(crash(i+1).fault))
				if err := d.judge(s, true, text, true); err != nil {
					return fmt.Errorf("killed at call %d of %d: %w", i+1, d.changes, err)
				}
				return nil
			})
		})
	}
}
