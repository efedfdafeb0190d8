//go:build unix

package sweep_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// shards is how many stores are looked at at once: runs pause before they look
// at what is missing once more.
const shards = 16

// TestModel compares runs on random stores with a simple model of the
// contract. To see one again: go test ./sweep -run TestModel -rapid.seed=N.
func TestModel(t *testing.T) {
	c := onRandomStores(t, 1008, (*census).check)
	if c == nil {
		return
	}
	c.atLeast(t, 30, "blob", "manifest", "tag", "tagHistory", "layerLink", "upload", "repository", "live", "whole")
	if c.counts["either"]*20 > c.counts["goes"] {
		t.Errorf("the model is not sure of %d things, and of %d that they go", c.counts["either"], c.counts["goes"])
	}
}

// onRandomStores runs a check on random stores, and returns what it has met in them; nil
// if that is not to be counted, since a check has failed or there were fewer
// stores than usual.
func onRandomStores(t *testing.T, checks int, check func(c *census, t *rapid.T, dir string)) *census {
	t.Helper()
	c, made := randomStores(t, checks, check)
	t.Logf("in the stores: %v", c.counts)
	if t.Failed() || made < checks {
		return nil
	}
	return c
}

// atLeast fails the test if there was less than n of one of these things in all
// stores: a test of nothing passes, too. Nil has counted nothing, and does not fail.
func (c *census) atLeast(t *testing.T, n int, things ...string) {
	t.Helper()
	for _, thing := range things {
		if c != nil && c.counts[thing] < n {
			t.Errorf("only %d of %q in all stores", c.counts[thing], thing)
		}
	}
}

// newStore builds a store of a text, which it returns as build does, below a
// directory, for as long as the check takes.
func (c *census) newStore(t *rapid.T, dir, text string) (*layouttest.Store, string) {
	root := filepath.Join(dir, strconv.Itoa(c.add("stores", 1)))
	t.Cleanup(func() { _ = os.RemoveAll(root) }) // what is left of it is no part of the test
	store, text, err := build(root, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return store, text
}

// randomStores runs a check on random stores, in several runs of rapid
// side by side, each with its share, and returns how many were to be made. The
// stores are the same each time, so that a change is to blame for what it
// breaks; "make soak" makes others.
func randomStores(t *testing.T, checks int, check func(c *census, t *rapid.T, dir string)) (*census, int) {
	return randomStoresIn(t, scratch(t), checks, check)
}

// randomStoresIn is randomStores in a directory.
func randomStoresIn(t *testing.T, dir string, checks int, check func(c *census, t *rapid.T, dir string)) (*census, int) {
	parallel := shards
	checks = layouttest.Samples(checks)
	if n, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String()); err == nil && isSet("rapid.checks") {
		checks = n
	}
	parallel = max(1, min(parallel, checks)) // each makes one store at the least
	again := isSet("rapid.seed")
	if again {
		parallel = 1 // all would look at the same stores
	}
	each := (checks + parallel - 1) / parallel
	if layouttest.Short() {
		each *= 5 // of which rapid makes a fifth then
	}
	setFlag(t, "rapid.checks", strconv.Itoa(each))
	if !isSet("rapid.nofailfile") {
		setFlag(t, "rapid.nofailfile", "true") // the failure says all that is needed
	}
	c := &census{counts: map[string]int{}}
	var wg sync.WaitGroup
	for i := range parallel {
		if !again && os.Getenv("REGSWEEP_SOAK") == "" {
			setFlag(t, "rapid.seed", strconv.Itoa(i+1))
		}
		// The seed is read before the first store is made.
		seeded := make(chan struct{})
		var once sync.Once
		// Not t.Parallel, which is limited by the processors.
		wg.Go(func() {
			defer once.Do(func() { close(seeded) })
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					once.Do(func() { close(seeded) })
					check(c, rt, dir)
				})
			})
		})
		<-seeded
	}
	wg.Wait()
	if !t.Failed() && len(c.counts) == 0 {
		t.Error("no store was made")
	}
	return c, checks
}

// TestModelFound is what TestModel found once, small.
func TestModelFound(t *testing.T) {
	for name, text := range map[string]string{
		"a tag about an image that it keeps as a referrer": `
			image a layers=l1 as=m1
			image a layers=l2 as=m2 subject=m1
			tag a:sha256-{m2} m1`,
		"a tag about an image in an index that is about the tagged": `
			image a as=m1
			cosign a of=m1 as=c2 kind=att
			index a as=i3 of=m1 subject=c2
			image a:v2 as=m5`,
		"an index about its child, with a tag about it": `
			image a as=m1
			index a as=i2 of=m1 subject=m1
			image a as=m3
			tag a:sha256-{i2} m3
			image a:v1 as=m4`,
		"a fresh layer link to an old untagged manifest": `
			image a as=m1
			layer a m1 age=30m
			image a:v1 as=m2`,
	} {
		t.Run(name, func(t *testing.T) {
			c := &census{counts: map[string]int{}}
			for _, untagged := range []bool{false, true} {
				for _, wrong := range c.compare(layouttest.New(t, text), untagged) {
					t.Errorf("-m=%v: %s", untagged, wrong)
				}
			}
		})
	}
}

// census counts what was in the random stores.
type census struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *census) add(what string, n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what] += n
	return c.counts[what]
}

// check makes one random store below dir and runs gc on it.
func (c *census) check(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 1, 18).Draw(t, "ops"))
	untagged := rapid.Bool().Draw(t, "-m")
	store, text := c.newStore(t, dir, text)
	if wrong := c.compare(store, untagged); len(wrong) > 0 {
		t.Fatalf("gc, -m=%v:\n  %s\nin\n%s", untagged, strings.Join(wrong, "\n  "), text)
	}
}

// build makes a store, and returns the text without the lines that delete what is not there.
func build(root, text string) (*layouttest.Store, string, error) {
	store, err := layouttest.Build(root, "", layouttest.Options{})
	var done []string
	for line := range strings.Lines(text) {
		if err == nil {
			err = store.Apply(line)
		}
		if err != nil && strings.HasPrefix(line, "delete-") && strings.Contains(err.Error(), "there is no") {
			err = nil
			continue
		}
		done = append(done, line)
	}
	return store, strings.Join(done, ""), err
}

func isSet(name string) bool {
	f := flag.Lookup(name)
	return f.Value.String() != f.DefValue
}

// setFlag gives a flag a value for one test.
func setFlag(t *testing.T, name, value string) {
	f := flag.Lookup(name)
	old := f.Value.String()
	if err := f.Value.Set(value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) }) // it was its value before
}

// complaints are what is wrong with a run.
type complaints []string

func (c *complaints) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

// compare runs gc on a store, and says what the contract would have otherwise.
func (c *census) compare(s *layouttest.Store, untagged bool) (wrong complaints) {
	// A digest's hexadecimal digits say nothing to who reads a failure.
	defer func() {
		for i := range wrong {
			wrong[i] = withNames(s, wrong[i])
		}
	}()
	rules := usual(s.Now)
	rules.DeleteUntagged = untagged
	least := readModel(s.Dir, s.Now, untagged).judge(false)
	most := readModel(s.Dir, s.Now, untagged).judge(true)

	run := pipeline{dir: s.Dir, rules: rules, jobs: 1, dry: true}
	dry := run.run()
	if dry.said() {
		wrong.add("the dry run says %v, %v", dry.err, dry.failures)
		return wrong
	}
	plan := lines(dry.plan, false)
	for _, l := range plan {
		c.add(l.Kind, 1)
	}
	c.add("live", len(least.blobs))
	c.add("goes", len(most.goes))
	c.add("either", len(least.goes)-len(most.goes))
	wrong = append(wrong, least.compare(most, plan)...)

	run.jobs = 32
	if again := run.run(); again.said() || !slices.Equal(lines(again.plan, false), plan) {
		wrong.add("with 32 jobs the plan is another one: %v", again.err)
	}
	run.memory = remembering(nil)
	if again := run.run(); again.said() || !slices.Equal(lines(again.plan, false), plan) {
		wrong.add("who remembers has another plan: %v", again.err)
	} else {
		run.memory = remembering(again.index)
	}
	if again := run.run(); again.said() || !slices.Equal(lines(again.plan, false), plan) {
		wrong.add("with an index the plan is another one: %v", again.err)
	}
	run.memory = recalling(run.memory)

	before, disk := missing(s), measure(s.Dir)
	run.dry, run.jobs = false, 4
	done := run.run()
	if done.said() {
		wrong.add("the run says %v, %v", done.err, done.failures)
		return wrong
	}
	if !slices.Equal(lines(done.plan, true), plan) {
		wrong.add("the run removed other things than the dry run said")
	}
	wrong = append(wrong, numbers(dry, done, disk, measure(s.Dir))...)
	after := missing(s)
	for ref, lacks := range before {
		if len(lacks) > 0 || !least.refs[ref] {
			continue
		}
		c.add("whole", 1)
		if now, there := after[ref]; !there || len(now) > 0 {
			wrong.add("%s was whole; now it is there: %v, and lacks %v", ref, there, now)
		}
	}
	for _, l := range lost(s, before) {
		wrong.add("%s", l)
	}

	run.rules = rules
	run.memory = recalling(run.memory)
	second := run.run()
	if second.said() {
		wrong.add("the second run says %v, %v", second.err, second.failures)
	} else if more := lines(second.plan, true); len(more) > 0 || second.report().Removed != (sweep.RemovedCount{}) {
		wrong.add("the second run removes %v", more)
	}
	return wrong
}

func lines(p *sweep.Plan, executed bool) (list []sweep.ItemLine) {
	p.EachLine(executed, func(l sweep.ItemLine) { list = append(list, l) })
	return list
}

func withNames(s *layouttest.Store, text string) string {
	for _, name := range s.Names() {
		if d := s.Digest(name); !d.IsZero() {
			text = strings.ReplaceAll(text, d.Hex(), "<"+name+">")
		}
		if d := s.Alias(name); !d.IsZero() {
			text = strings.ReplaceAll(text, d.Hex(), "<"+name+">")
		}
	}
	return text
}

// compare says where a plan is not between two verdicts: the least and the
// most that the contract can be understood to keep.
func (v *verdict) compare(most *verdict, plan []sweep.ItemLine) (wrong complaints) {
	planned := map[string]bool{}
	for _, l := range plan {
		planned[key(l.Kind, l.Repository, l.Name, l.Digest)] = true
	}
	for _, k := range slices.Sorted(maps.Keys(v.stays)) {
		if planned[k] {
			wrong.add("it is live and is in the plan: %s", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(most.goes)) {
		if !planned[k] {
			wrong.add("it is dead and is not in the plan: %s", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(planned)) {
		if kind, _, _ := strings.Cut(k, " "); kind != "repository" && !v.goes[k] && !v.stays[k] {
			wrong.add("it is in the plan and not in the store: %s", k)
		}
	}
	return wrong
}
