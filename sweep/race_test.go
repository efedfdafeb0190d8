package sweep_test

import (
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// allRaces tries every pair of calls, which takes an hour.
var allRaces = flag.Bool("allraces", false, "split what the registry does at every pair of calls")

// call is a call through the seam.
type call struct {
	op   disk.Op
	path string
}

func (c call) String() string { return c.op.String() + " " + c.path }

// race is a run in which parts of an operation happen at given calls.
type race struct {
	operation
	dialect int
	cuts    []int // where the operation is cut: the first action of each later part
	at      []int // the calls at which the parts happen, rising
	fail    int   // the call that fails with failure
	failure error
	// bound is a part, if not 0, that follows the one before it within the time
	// that a sweep waits, if the registry has found then that what it is to link
	// is stored. No look can tell that it has.
	bound int

	clock    simulated
	due      time.Time // of the part that is bound to a time; zero before
	s        *layouttest.Store
	registry *registry
	parts    [][]action
	on       bool
	calls    []call
	refused  error // why the operation was not accepted
	done     int   // parts that happened
	accepted bool
}

func (r *race) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "registry %d: %s", r.dialect, r.name)
	for i, part := range r.parts {
		where := "after the run"
		if n := r.at[i]; 0 < n && n <= len(r.calls) {
			where = fmt.Sprintf("at call %d (%s)", n, r.calls[n-1])
		}
		fmt.Fprintf(&b, "; %s to %s %s", part[0].name, part[len(part)-1].name, where)
	}
	if r.fail > 0 && r.fail <= len(r.calls) {
		fmt.Fprintf(&b, "; call %d (%s) fails: %v", r.fail, r.calls[r.fail-1], r.failure)
	}
	if r.refused != nil {
		fmt.Fprintf(&b, "; the client is told: %v", r.refused)
	}
	return b.String()
}

// fault needs no lock: these runs have one worker.
func (r *race) fault(op disk.Op, path string) error {
	if !r.on {
		return nil
	}
	r.calls = append(r.calls, call{op, path})
	r.clock.call(op)
	for r.done < len(r.parts) && r.at[r.done] <= len(r.calls) {
		r.next()
	}
	if len(r.calls) == r.fail {
		return r.failure
	}
	return nil
}

func (r *race) next() {
	part := r.parts[r.done]
	r.done++
	for _, a := range part {
		if r.refused == nil {
			r.refused = a.do()
		}
	}
	if r.bound > 0 && r.done == r.bound && r.registry.stored {
		r.due = r.clock.at.Add(raceSettle - time.Millisecond)
	}
}

// raceSettle is how long a sweep waits here. A sync takes longer.
const raceSettle = time.Second

// passed lets the part happen that is bound to a time, when that has come.
func (r *race) passed() {
	if r.done == r.bound && !r.due.IsZero() && !r.clock.at.Before(r.due) {
		r.next()
	}
}

// run makes the run, and does after it what has not come to happen in it.
func (r *race) run(b *bench, s *layouttest.Store) *outcome {
	r.s = s
	if r.do != nil {
		r.registry = &registry{Store: s, dialect: r.dialect}
		actions := r.do(r.registry)
		from := 0
		for _, cut := range append(slices.Clone(r.cuts), len(actions)) {
			r.parts = append(r.parts, actions[from:cut])
			from = cut
		}
	}
	r.clock = simulated{at: s.Now, sync: raceSettle * 6 / 5, told: r.passed}
	p := b.pipeline(s, r.fault)
	p.pace = r.clock.pace(raceSettle)
	p.planned = func() { r.on = true }
	o := p.run()
	for r.done < len(r.parts) {
		r.next()
	}
	r.accepted = r.refused == nil
	return o
}

// broken says what is not as the contract has it.
func (r *race) broken(b *bench) []string {
	want := []string{"a:v1", "a:v2", "b:v1"}
	if r.accepted {
		want = append(want, r.refs...)
	}
	named := references(r.s.Dir)
	lacking := r.s.MissingOf(slices.Concat(named, want))
	there := maps.Clone(lacking)
	maps.DeleteFunc(there, func(ref string, _ []string) bool { _, ok := slices.BinarySearch(named, ref); return !ok })
	list := lostOf(there, b.before)
	for _, ref := range want {
		if slices.Contains(r.gone, ref) {
			continue
		}
		for _, part := range lacking[ref] {
			list = append(list, ref+" lacks "+part)
		}
	}
	for i := range list {
		list[i] = b.named(list[i])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// named gives names to the digests in a text.
func (b *bench) named(text string) string {
	for _, name := range b.store.Names() {
		text = strings.ReplaceAll(text, b.store.Digest(name).String(), "<"+name+">")
	}
	return text
}

func (r *race) judge(b *bench, o *outcome) error {
	list := r.broken(b)
	if r.failure != nil && (o.said() || len(list) == 0) {
		// Whole, or a failure that was told of, and then whole.
		if next := b.pipeline(r.s, nil).run(); next.said() {
			return fmt.Errorf("the next run: %w %v", next.err, next.failures)
		}
		if list = r.broken(b); len(list) > 0 {
			return fmt.Errorf("after the next run: %q (the run said: %v %v)", list, o.err, o.failures)
		}
	}
	switch {
	case len(list) > 0:
		return fmt.Errorf("%q (the run said: %v %v)", list, o.err, o.failures)
	case r.failure == nil && o.said():
		return fmt.Errorf("the run fails: %w %v", o.err, o.failures)
	}
	return nil
}

// TestRace lets a registry do something at every call of Execute.
func TestRace(t *testing.T) {
	layouttest.Long(t)
	a := newArena(t)
	operations := a.operations(t)
	dialects := []int{28, 31}

	yes := a.welcome(t, operations)

	// last is the last call at which each operation is accepted.
	last := map[string]int{}
	t.Run("at once", func(t *testing.T) {
		var races []*race
		until, alike := map[*race]int{}, 0 // the last moment that is like a race's
		for i, o := range operations {
			m, before := a.moments(a.dir, a.calls, o, dialects), map[int]*race{}
			for n := range a.calls {
				// Where it is refused nothing happens, so a few of these do.
				if n < len(yes[i]) && !yes[i][n] && !*allRaces && n%64 > 0 {
					continue
				}
				dialect := dialects[(i+n)%2]
				if !m.isNew(n+1, dialect) && !*allRaces {
					until[before[dialect]] = n + 1
					alike++
					continue
				}
				r := &race{operation: o, dialect: dialect, at: []int{n + 1}}
				races, before[dialect], until[r] = append(races, r), r, n+1
			}
		}
		t.Logf("%d moments are like another one", alike)
		a.all(t, races)
		for _, r := range races {
			if r.accepted {
				last[fmt.Sprint(r.name, r.dialect)] = max(until[r], last[fmt.Sprint(r.name, r.dialect)])
			}
		}
		for _, o := range operations {
			for _, dialect := range dialects {
				if last[fmt.Sprint(o.name, dialect)] == 0 && layouttest.AllSteps() {
					t.Errorf("%s is never accepted by registry %d", o.name, dialect)
				}
			}
		}
	})

	// Checks change nothing, so it is of no concern when they are made: at the
	// first call they find everything.
	t.Run("checked before", func(t *testing.T) {
		var races []*race
		for i, o := range operations {
			for j, dialect := range dialects {
				for k, c := range a.cuts(o, dialect) {
					for n := 2; n < a.look && c.open && !c.changes; n++ {
						if *allRaces || (i+8*j+4*k+n)%16 == 0 || n == a.look-1 {
							races = append(races, &race{operation: o, dialect: dialect, cuts: []int{c.at}, at: []int{1, n}})
						}
					}
				}
			}
		}
		a.all(t, races)
	})

	// Every pair with -allraces; else a few first calls as far as the operation is
	// accepted, and a few second calls up to the end, other ones for each operation.
	t.Run("in two parts", func(t *testing.T) {
		var races []*race
		salt := 0
		for _, o := range operations {
			for _, dialect := range dialects {
				for _, c := range a.cuts(o, dialect) {
					if !c.changes {
						continue
					}
					end := len(a.calls) + 1
					if c.open {
						end = a.look - 1
					}
					first := last[fmt.Sprint(o.name, dialect)]
					if first == 0 { // not every subtest runs
						first = a.took
					}
					first = min(first, end)
					salt++
					for _, n1 := range spread(1, first, salt) {
						for _, n2 := range spread(min(n1+1, end), end, salt) {
							races = append(races, &race{operation: o, dialect: dialect, cuts: []int{c.at}, at: []int{n1, n2}})
						}
					}
				}
			}
		}
		a.all(t, races)
	})

	// Registry 3 gives a manifest its name while the look searches for such.
	t.Run("named while looked for", func(t *testing.T) {
		var races []*race
		for _, o := range operations {
			if o.name != "push new image by digest" && o.name != "push index of garbage manifests" {
				continue
			}
			at := slices.IndexFunc(o.do(&registry{Store: a.store, dialect: 31}), func(a action) bool { return a.name == "data" })
			search := a.look + slices.IndexFunc(a.calls[a.look:], func(c call) bool { return c.path == layout.Blobs })
			for n := search; n <= len(a.calls); n++ {
				races = append(races, &race{operation: o, dialect: 31, cuts: []int{at}, at: []int{1, n}})
			}
		}
		a.all(t, races)
	})

	// What is to be linked is found to be stored, or not, long after the checks,
	// and linked late; a manifest after a layer when all is over.
	t.Run("found and linked late", func(t *testing.T) {
		var races []*race
		for _, o := range operations {
			for _, dialect := range dialects {
				actions := o.do(&registry{Store: a.store, dialect: dialect})
				cuts := []int(nil)
				for _, name := range []string{"stat", "link.begin"} {
					cuts = append(cuts, slices.IndexFunc(actions, func(a action) bool { return a.name == name }))
				}
				if found := slices.IndexFunc(actions, func(a action) bool { return a.name == "found" }); found > 0 {
					cuts = []int{found, found + 1, slices.IndexFunc(actions, func(a action) bool { return a.name == "check" })}
				}
				for n2 := a.took; n2 < a.look && cuts[0] > 0; n2 += 4 {
					for _, n3 := range []int{(a.look + len(a.calls)) / 2, len(a.calls) + 1} {
						at := []int{1, n2, n3, len(a.calls) + 1}
						races = append(races, &race{operation: o, dialect: dialect, cuts: cuts, at: at[:len(cuts)+1], bound: 2})
					}
				}
			}
		}
		a.all(t, races)
	})

	// One call of the last look, of giving back or of what follows fails.
	t.Run("with a fault", func(t *testing.T) {
		var races []*race
		for i, o := range operations {
			dialect := dialects[i%2]
			cuts, at := []int(nil), []int{a.took - 1}
			for _, c := range a.cuts(o, dialect) {
				if c.open && !c.changes {
					cuts, at = []int{c.at}, []int{1, a.look - 1}
				}
			}
			probe := &race{operation: o, dialect: dialect, cuts: cuts, at: at}
			s := a.copy(filepath.Join(a.dir, fmt.Sprint("probe", i)))
			probe.run(a.bench, s)
			for n := a.look; n <= len(probe.calls); n++ {
				for j, err := range []error{syscall.ENOENT, syscall.EIO} {
					if all := probe.gives(n) || err == syscall.ENOENT && strings.HasPrefix(o.name, "push index"); !all && (i+j+n)%12 > 0 && !*allRaces {
						continue
					}
					races = append(races, &race{operation: o, dialect: dialect, cuts: cuts, at: at, fail: n, failure: err})
				}
			}
		}
		a.all(t, races)
	})
}
