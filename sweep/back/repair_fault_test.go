package back_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// whole is what the damaged store was before.
const whole = `
age 10d
image a:v1 layers=base,l1 as=x
image a:v2 layers=base,l2 as=y
image a:v3 layers=base,l3 as=z
image a:t layers=base as=old age=9d
image a:t layers=base as=new age=8d
image a:d layers=base as=dang
image a layers=base as=child
index a:multi of=y,child as=multi
`

// harmed has a damaged and a missing blob, damaged links, half a tag and a
// manifest that lacks its link.
const harmed = whole + `
damage wrong-digest blob l1
damage missing blob l3
damage zero layer a l2
damage garbage revision a child
damage half-tag tag a:t
remove repositories/a/_manifests/revisions/sha256/{dang}
`

// memoryStore is a store in memory.
func memoryStore(t *testing.T, text string) *layouttest.Store {
	t.Helper()
	s, err := layouttest.Build(filepath.Join(layouttest.Memory(t), "registry"), text, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// findings are what a check that reads all data finds.
func findings(store *disk.Dir) ([]walker.Problem, error) {
	ctx := context.Background()
	w := walker.New(store, walker.Options{Jobs: 1, Thorough: true})
	defer w.Close()
	m := mark.Read(ctx, w, mark.Rules{Now: time.Now(), Grace: time.Hour, UploadsOlderThan: time.Hour})
	m.Inspect(ctx, w)
	m.ReportData(ctx, w, m.ReadData(ctx, w, m.Choose(mark.Share{Part: 1}, time.Now()), new(mark.DataRead)))
	if w.Findings.Unreadable() > 0 {
		return nil, errors.New("something cannot be read")
	}
	return w.Findings.Problems(), nil
}

// repair repairs a store until nothing more can be done.
func repair(s *layouttest.Store, fault func(disk.Op, string) error, replica string) error {
	return locked(s, fault, func(store *disk.Dir, lock *disk.Lock) error {
		replaced := trash.NewReplaced(s.Root, time.Now())
		err := repairBy(store, lock, replaced, replica)
		return errors.Join(err, replaced.Close())
	})
}

func repairBy(store *disk.Dir, lock *disk.Lock, replaced *trash.Replaced, replica string) error {
	var sources []*back.Replica
	if replica != "" {
		r, err := back.OpenReplica(&disk.FS{}, replica, store)
		if err != nil {
			return err
		}
		defer r.Close()
		sources = append(sources, r)
	}
	for {
		list, err := findings(store)
		if err != nil {
			return err
		}
		plan, err := back.NewRepair(context.Background(), store, list, sources, true)
		if err != nil {
			return err
		}
		for _, s := range plan.Steps {
			err = errors.Join(err, s.Err)
		}
		if err != nil || plan.Doable() == 0 {
			return err
		}
		if err = plan.Execute(context.Background(), lock, replaced); err != nil {
			return err
		}
		for _, s := range plan.Steps {
			err = errors.Join(err, s.Err)
		}
		if err != nil {
			return err
		}
	}
}

// pullable are the tags and manifests of the whole store that can be pulled.
func pullable(s *layouttest.Store) (list []string) {
	for _, name := range []string{"x", "y", "z", "old", "new", "dang", "child", "multi"} {
		list = append(list, "a@"+s.Digest(name).String())
	}
	for _, tag := range []string{"v1", "v2", "v3", "t", "d", "multi"} {
		list = append(list, "a:"+tag)
	}
	return slices.DeleteFunc(list, func(ref string) bool { return len(s.Missing(ref)) > 0 })
}

// Whichever call of a repair fails, and wherever it is killed: what could be
// pulled before can be pulled after, a failure is said, and the same again,
// undisturbed, does all.
func TestRepairFailsOrIsKilledAnywhere(t *testing.T) {
	harm := func(t *testing.T) *layouttest.Store { return memoryStore(t, harmed) }
	replica := memoryStore(t, whole)
	for _, from := range []string{"", replica.Root} {
		for _, kills := range []bool{false, true} {
			name := map[bool]string{false: "alone", true: "with a replica"}[from != ""] + map[bool]string{false: ", fails", true: ", is killed"}[kills]
			t.Run(name, func(t *testing.T) { disturbRepairs(t, harm, from, kills) })
		}
	}
}

func disturbRepairs(t *testing.T, harm func(*testing.T) *layouttest.Store, from string, kills bool) {
	t.Parallel() // much of it is waiting for a second answer
	only := anyOp
	if kills {
		only = changes
	}
	count := &disturbed{only: only}
	s := harm(t)
	if err := repair(s, count.fault, from); err != nil {
		t.Fatal(err)
	}
	want := pullable(s)
	if n := map[bool]int{false: 10, true: 14}[from != ""]; len(want) != n {
		t.Fatalf("%d references can be pulled, not %d: %q", len(want), n, want)
	}
	fired := 0
	stride := 1
	if !kills { // reading fails alike everywhere
		stride = 31
	}
	for _, n := range layouttest.Steps(count.seen / stride) {
		n = n*stride + n%stride
		err := error(syscall.EIO)
		switch {
		case kills:
			err = errKilled
		case n%3 == 0:
			err = syscall.ENOENT
		case n%3 == 1:
			err = syscall.ENOSPC
		}
		f := &disturbed{at: n + 1, err: err, kills: kills, only: only}
		disturbRepair(t, harm, f, from, want)
		if f.fired {
			fired++
		}
	}
	if fired == 0 {
		t.Error("nothing has failed")
	}
	t.Logf("%d calls, %d failed", count.seen, fired)
}

func disturbRepair(t *testing.T, harm func(*testing.T) *layouttest.Store, f *disturbed, from string, want []string) {
	t.Helper()
	s := harm(t)
	before := pullable(s)
	err := repair(s, f.fault, from)
	after := pullable(s)
	for _, ref := range before {
		if !slices.Contains(after, ref) {
			t.Errorf("call %d (%v): %s cannot be pulled any more; it said %v", f.at, f.err, ref, err)
		}
	}
	if err == nil && !slices.Equal(after, want) {
		t.Errorf("call %d (%v): it said nothing, and there is\n%q, not\n%q", f.at, f.err, after, want)
	}
	for _, path := range s.Tree(t) {
		if strings.HasSuffix(path, layout.Aside) || strings.HasSuffix(path, layout.AsideLink) {
			t.Errorf("call %d (%v): %s, which a sweep would give back", f.at, f.err, path)
		}
	}
	if err := repair(s, nil, from); err != nil {
		t.Errorf("call %d (%v): again: %v", f.at, f.err, err)
	}
	if after := pullable(s); !slices.Equal(after, want) {
		t.Errorf("call %d (%v): in the end there is\n%q, not\n%q", f.at, f.err, after, want)
	}
}
