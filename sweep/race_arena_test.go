package sweep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// arena is a bench with what an undisturbed run's calls are.
type arena struct {
	*bench
	dir   string
	calls []call
	took  int // the first call that sets a blob aside
	look  int // the first call of the look after blobs were set aside
}

func newArena(t *testing.T) *arena {
	t.Helper()
	a := &arena{bench: newBench(t, newTemplate(t, raceSample)), dir: scratch(t)}
	plain := &race{}
	if o := plain.run(a.bench, a.copy(filepath.Join(a.dir, "plain"))); o.said() {
		t.Fatal(o.err, o.failures)
	}
	a.calls = plain.calls
	for i, c := range a.calls {
		switch blob := strings.HasPrefix(c.path, layout.Blobs+"/"); {
		case c.op == disk.OpRename && blob:
			if a.took == 0 {
				a.took = i + 1
			}
			a.look = 0
		case a.look == 0 && c.op == disk.OpOpen && c.path == layout.Repositories:
			a.look = i + 1
		}
	}
	if a.took == 0 || a.look < a.took {
		t.Fatalf("no blobs are set aside: %v", a.calls)
	}
	t.Logf("%d calls; blobs are set aside from %d on, the look begins at %d", len(a.calls), a.took, a.look)
	return a
}

// maxReported is how many failures of one kind a test prints.
const maxReported = 2

// all runs races, many at a time: some wait for a registry's writes.
func (a *arena) all(t *testing.T, races []*race) (accepted int) {
	t.Helper()
	races = layouttest.Some(races)
	var next, yes atomic.Int64
	var mu sync.Mutex
	failed := map[string]int{}
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(races); i = int(next.Add(1)) - 1 {
				r := races[i]
				s := a.copy(filepath.Join(a.dir, fmt.Sprintf("%s-%d", filepath.Base(t.Name()), i)))
				o := r.run(a.bench, s)
				err := r.judge(a.bench, o)
				_ = os.RemoveAll(s.Root) // only to save memory
				if r.accepted {
					yes.Add(1)
				}
				if err != nil {
					mu.Lock()
					kind := fmt.Sprint(r.name, r.cuts, r.dialect)
					if failed[kind]++; failed[kind] <= maxReported {
						t.Errorf("%v: %v", r, err)
					} else {
						t.Fail()
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for kind, n := range failed {
		t.Logf("%s: %d failures", kind, n)
	}
	t.Logf("%d races, %d accepted", len(races), yes.Load())
	return int(yes.Load())
}

// cut is a place to cut an operation in two.
type cut struct {
	at      int
	open    bool // the registry relies on what it has found, and no look can tell
	changes bool // the first part changes something
}

func (a *arena) cuts(o operation, dialect int) (list []cut) {
	var c cut
	for i, act := range o.do(&registry{Store: a.store, dialect: dialect}) {
		if c.at = i; i > 0 {
			list = append(list, c)
		}
		c.open = (c.open || act.claim) && !act.secure
		c.changes = c.changes || act.changes
	}
	return list
}

// gives reports whether the n-th call is between the look and the last name
// that is given back.
func (r *race) gives(n int) bool {
	aside := func(c call) bool {
		return c.op == disk.OpRename && (strings.HasSuffix(c.path, "/"+layout.Aside) || strings.HasSuffix(c.path, "/"+layout.AsideLink) || strings.Contains(c.path, "/"+layout.GonePrefix))
	}
	first, last := slices.IndexFunc(r.calls, aside), 0
	for i, c := range r.calls {
		if aside(c) {
			last = i
		}
	}
	const opens = 6 // calls before the first
	return first >= 0 && n > first-opens && n <= last+2
}

// welcome says at which calls of an undisturbed run each operation is accepted:
// its checks change nothing.
func (a *arena) welcome(t *testing.T, operations []operation) [][]bool {
	t.Helper()
	s := a.copy(filepath.Join(a.dir, "welcome"))
	yes := make([][]bool, len(operations))
	on := false
	p := a.pipeline(s, func(disk.Op, string) error {
		for i := range operations {
			if !on {
				continue
			}
			ok := true
			for _, act := range operations[i].do(&registry{Store: s, dialect: 31}) {
				if act.changes {
					continue
				}
				// What an operation brings itself is not there yet.
				ok = ok && (act.do() == nil || strings.HasPrefix(operations[i].name, "push new image") || strings.HasPrefix(operations[i].name, "mount"))
			}
			yes[i] = append(yes[i], ok)
		}
		return nil
	})
	p.planned = func() { on = true }
	if o := p.run(); o.said() {
		t.Fatal(o.err, o.failures)
	}
	return yes
}

// spread are all numbers from lo to hi, or a few of them, the last one included.
func spread(lo, hi, salt int) (list []int) {
	if !*allRaces {
		stride := max(1, (hi-lo)/3)
		for n := lo + salt%stride; n < hi; n += stride {
			list = append(list, n)
		}
		return append(list, hi)
	}
	for n := lo; n <= hi; n++ {
		list = append(list, n)
	}
	return list
}
