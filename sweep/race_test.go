package sweep_test

import (
	"encoding/json"
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

// allRaces tries every pair of calls, which takes an hour.
var allRaces = flag.Bool("allraces", false, "split what the registry does at every pair of calls")

// raceSample has two repositories, three images and three garbage manifests:
// gone has layers of its own, older is of layers that a live image has too, and
// is in the history of its tag, sig goes with its tag, since gone does. stray is
// a layer that no manifest references.
const raceSample = `
age 30d
image a:v1 layers=base as=older
image a:v1 layers=base config=older.config as=live1
image a:v2 layers=base,two config=older.config as=live2
image b:v1 layers=base config=older.config as=live3
image a layers=base,g1 as=gone
cosign a of=gone as=sig
layer a stray
`

// operation is something that a client asks for.
type operation struct {
	name string
	do   func(r *registry) []action
	refs []string // what is whole if it is accepted
	gone []string // what need not be there any more
}

func (tp *template) content(t *testing.T, name string) manifest {
	t.Helper()
	b, err := os.ReadFile(tp.store.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	m := manifest{content: string(b), known: true}
	for _, l := range append(doc.Layers, doc.Config) {
		d, err := layout.ParseDigest(l.Digest)
		if err != nil {
			t.Fatal(err)
		}
		m.layers = append(m.layers, d)
	}
	return m
}

// text is the content of a blob.
func (tp *template) text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(tp.store.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const mediaTypes = "application/vnd.oci.image."

// newImage is a manifest that nobody has pushed yet, of a configuration and layers.
func newImage(config layout.Digest, layers ...layout.Digest) manifest {
	var list []string
	for _, d := range layers {
		list = append(list, fmt.Sprintf(`{"mediaType":"%slayer.v1.tar+gzip","digest":"%s","size":1024}`, mediaTypes, d))
	}
	return manifest{
		content: fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%smanifest.v1+json","config":{"mediaType":"%sconfig.v1+json","digest":"%s","size":2},"layers":[%s]}`,
			mediaTypes, mediaTypes, config, strings.Join(list, ",")),
		layers: append(layers, config),
	}
}

func newIndex(children ...layout.Digest) manifest {
	var list []string
	for _, d := range children {
		list = append(list, fmt.Sprintf(`{"mediaType":"%smanifest.v1+json","digest":"%s","size":500}`, mediaTypes, d))
	}
	return manifest{
		content:  fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%sindex.v1+json","manifests":[%s]}`, mediaTypes, strings.Join(list, ",")),
		children: children,
	}
}

func (tp *template) operations(t *testing.T) []operation {
	t.Helper()
	s := tp.store
	gone, older, sig, live2 := tp.content(t, "gone"), tp.content(t, "older"), tp.content(t, "sig"), tp.content(t, "live2")
	const config = `{"architecture":"amd64","os":"linux"}`
	configDigest := layout.FromBytes(layout.SHA256, []byte(config))
	image := newImage(configDigest, s.Digest("base"), s.Digest("g1"), s.Digest("stray"))
	bare := newImage(s.Digest("gone.config"), s.Digest("g1"))
	mounted := newImage(s.Digest("older.config"), s.Digest("stray"))
	stray := tp.text(t, "stray")
	whole := newImage(s.Digest("older.config"), s.Digest("stray"))
	index := newIndex(s.Digest("gone"), s.Digest("older"), s.Digest("live1"))
	sigTag := "sha256-" + s.Digest("gone").Hex() + ".sig"
	push := func(name, repo, tag string, m manifest) operation {
		o := operation{name: name, refs: []string{repo + "@" + m.digest().String()}}
		if tag != "" {
			o.refs = append(o.refs, repo+":"+tag)
		}
		o.do = func(r *registry) []action { return r.put(repo, tag, m) }
		return o
	}
	before := func(o operation, first func(r *registry) []action) operation {
		then := o.do
		o.do = func(r *registry) []action { return append(first(r), then(r)...) }
		return o
	}
	return []operation{
		before(push("push new image", "a", "new", image), func(r *registry) []action { return r.upload("a", config) }),
		push("push new image of garbage only", "a", "new", bare),
		push("push new image by digest", "a", "", bare),
		push("push garbage manifest by digest", "a", "", gone),
		push("push garbage manifest to a new tag", "a", "again", gone),
		push("push garbage manifest of live layers to its tag", "a", "v1", older),
		push("push garbage signature to its tag", "a", sigTag, sig),
		before(push("mount garbage layer and push", "b", "m", mounted), func(r *registry) []action { return r.mount("a", "b", s.Digest("stray")) }),
		before(push("upload garbage layer in full and push", "a", "whole", whole), func(r *registry) []action { return r.commit("a", stray) }),
		push("push index of garbage manifests", "a", "multi", index),
		push("retag live manifest", "a", "v3", live2),
		push("retag garbage manifest over a live tag", "a", "v2", gone),
		{name: "delete live manifest", gone: []string{"a:v2"}, do: func(r *registry) []action {
			return []action{
				r.remove(layout.Object{Kind: layout.RevisionLink, Repository: "a", Digest: s.Digest("live2")}.Path()),
				r.remove(layout.TagDir("a", "v2")),
			}
		}},
		{name: "delete tag", gone: []string{"a:v2"}, do: func(r *registry) []action {
			return []action{r.remove(layout.TagDir("a", "v2"))}
		}},
	}
}

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
	list := lost(r.s, b.before)
	want := []string{"a:v1", "a:v2", "b:v1"}
	if r.accepted {
		want = append(want, r.refs...)
	}
	for _, ref := range want {
		if slices.Contains(r.gone, ref) {
			continue
		}
		for _, part := range r.s.Missing(ref) {
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

// TestRace lets a registry do something at every call of Execute.
func TestRace(t *testing.T) {
	a := newArena(t)
	operations := a.operations(t)
	dialects := []int{28, 31}

	yes := a.welcome(t, operations)

	// last is the last call at which each operation is accepted.
	last := map[string]int{}
	t.Run("at once", func(t *testing.T) {
		var races []*race
		for i, o := range operations {
			for n := range a.calls {
				// Where it is refused nothing happens, so a few of these do.
				if n >= len(yes[i]) || yes[i][n] || *allRaces || n%64 == 0 {
					races = append(races, &race{operation: o, dialect: dialects[(i+n)%2], at: []int{n + 1}})
				}
			}
		}
		a.all(t, races)
		for _, r := range races {
			if r.accepted {
				last[fmt.Sprint(r.name, r.dialect)] = max(r.at[0], last[fmt.Sprint(r.name, r.dialect)])
			}
		}
		for _, o := range operations {
			for _, dialect := range dialects {
				if last[fmt.Sprint(o.name, dialect)] == 0 {
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
