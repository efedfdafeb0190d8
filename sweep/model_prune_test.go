//go:build unix

package sweep_test

import (
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
)

// TestModelPrune lets a judge that knows nothing decide about random stores:
// exactly the tags go that it said, but for those that cannot be judged and
// those that go with their subject; whatever stays can be pulled as before; what
// was garbage before is left alone.
// To see one again: go test ./sweep -run TestModelPrune -rapid.seed=N.
func TestModelPrune(t *testing.T) {
	c := onRandomStores(t, 1600, (*census).checkPrune)
	c.atLeast(t, 4, "tag goes", "tag stays", "untagged goes", "untagged stays", "spared", "with its subject", "manifest", "blob", "whole")
}

func (c *census) checkPrune(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 2, 14).Draw(t, "ops"))
	seed, share := rapid.Uint32().Draw(t, "seed"), rapid.Uint32Range(1, 4).Draw(t, "share")
	store, text := c.newStore(t, dir, text)
	wrong := c.comparePrune(store, seed, share)
	if len(wrong) > 0 {
		t.Fatalf("%s\nin\n%s", withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// pruneRun is a pipeline in which a judge takes names away.
func pruneRun(s *layouttest.Store, judge mark.Selector) pipeline {
	rules := usual(s.Now)
	rules.DeleteUntagged = false
	rules.Selected = mark.NewPruning(judge)
	return pipeline{dir: s.Dir, rules: rules, jobs: 4, dry: true}
}

// verdicts are what a judge said, and what became of it.
type verdicts struct {
	seed, share uint32

	mu   sync.Mutex
	said map[string]bool // by reference: it is to go
	goes map[string]bool
	held map[string]bool
}

func (v *verdicts) judge(r *mark.Selectable) (func(), error) {
	says := func(name string) bool {
		h := fnv.New32a()
		_, _ = h.Write(strconv.AppendUint([]byte(name), uint64(v.seed), 10))
		return h.Sum32()>>8%4 < v.share
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range r.Tags {
		t := &r.Tags[i]
		name := r.Repository + ":" + t.Name
		t.Remove = says(name) // held ones too: those must stay all the same
		v.said[name], v.held[name] = t.Remove, t.Undecidable != ""
	}
	for i := range r.Untagged {
		m := &r.Untagged[i]
		name := r.Repository + "@" + m.Digest.String()
		m.Remove = says(name)
		v.said[name], v.held[name] = m.Remove, m.Undecidable != ""
	}
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for i := range r.Tags {
			v.goes[r.Repository+":"+r.Tags[i].Name] = r.Tags[i].Remove
		}
		for i := range r.Untagged {
			v.goes[r.Repository+"@"+r.Untagged[i].Digest.String()] = r.Untagged[i].Remove
		}
	}, nil
}

// comparePrune prunes a store, and says what the contract would have otherwise.
func (c *census) comparePrune(s *layouttest.Store, seed, share uint32) (wrong complaints) {
	plain := usual(s.Now)
	plain.DeleteUntagged = false
	garbage := keysOf(pipeline{dir: s.Dir, rules: plain, jobs: 4, dry: true}.run())
	fresh := func() *verdicts {
		return &verdicts{seed: seed, share: share, said: map[string]bool{}, goes: map[string]bool{}, held: map[string]bool{}}
	}
	v := fresh()
	dry := pruneRun(s, v.judge).run()
	if dry.said() {
		wrong.add("the dry run says %v, %v", dry.err, dry.failures)
		return wrong
	}
	if dry.plan.Look().Borrowed != "" {
		return nil // the command refuses
	}
	removed := map[string]bool{}
	for _, l := range lines(dry.plan, false) {
		c.add(l.Kind, 1)
		switch l.Kind {
		case "tag":
			removed[l.Repository+":"+l.Name] = true
		case "manifest":
			removed[l.Repository+"@"+l.Digest] = true
		}
	}
	wrong = append(wrong, c.verdict(v, removed)...)
	mayLeave := dangles(s, removed)
	before, disk := missing(s), measure(s.Dir)
	run := pruneRun(s, fresh().judge)
	run.dry = false
	done := run.run()
	if done.said() {
		wrong.add("the run says %v, %v", done.err, done.failures)
		return wrong
	}
	if !slices.Equal(lines(done.plan, true), lines(dry.plan, false)) {
		wrong.add("the run removed other things than the dry run said")
	}
	wrong = append(wrong, numbers(dry, done, disk, measure(s.Dir))...)
	wrong = append(wrong, c.stillThere(s, before, removed)...)
	wrong = append(wrong, partition(s, garbage, keysOf(dry), keysOf(pipeline{dir: s.Dir, rules: plain, jobs: 4, dry: true}.run()), nil, mayLeave)...)
	return wrong
}

// verdict holds the plan against what the judge said.
func (c *census) verdict(v *verdicts, removed map[string]bool) (wrong complaints) {
	for name, said := range v.said {
		kind := "tag "
		if strings.Contains(name, "@") {
			kind = "untagged "
		}
		switch goes := v.goes[name]; {
		case goes != removed[name]:
			wrong.add("%s: it is told that it goes: %v; the plan has it: %v", name, goes, removed[name])
		case goes && v.held[name]:
			wrong.add("%s goes and cannot be judged", name)
		case goes && !said && kind == "tag ":
			c.add("with its subject", 1)
			if !strings.Contains(name, ":sha") {
				wrong.add("%s was to stay and goes", name)
			}
		case goes && !said:
			wrong.add("%s was to stay and goes", name)
		case !goes && said:
			c.add("spared", 1)
		case goes:
			c.add(kind+"goes", 1)
		default:
			c.add(kind+"stays", 1)
		}
	}
	for name := range removed {
		if _, judged := v.said[name]; !judged && !strings.Contains(name, "@") {
			wrong.add("%s goes and was not judged", name)
		}
	}
	return wrong
}

// stillThere demands that whatever was not removed lacks nothing that it had.
func (c *census) stillThere(s *layouttest.Store, before map[string][]string, removed map[string]bool) (wrong complaints) {
	after := missing(s)
	for _, ref := range slices.Sorted(maps.Keys(before)) {
		lacks, there := after[ref]
		switch {
		case removed[ref] && there:
			wrong.add("%s was removed and is there", ref)
		case removed[ref]:
		case !there:
			wrong.add("%s was not removed and is gone", ref)
		default:
			c.add("whole", 1)
			for _, part := range lacks {
				if !slices.Contains(before[ref], part) {
					wrong.add("%s stays and lacks %s", ref, part)
				}
			}
		}
	}
	return wrong
}
