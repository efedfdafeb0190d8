//go:build unix

package sweep_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// TestModelWhy asks about every blob, manifest and tag of random stores: what it
// is told is what gc, gc -m and prune would do, and at the time that it is told
// to go it goes, and not a second before.
// To see one again: go test ./sweep -run TestModelWhy -rapid.seed=N.
func TestModelWhy(t *testing.T) {
	c := onRandomStores(t, 480, (*census).checkWhy)
	c.atLeast(t, 30, "gc removes", "gc keeps", "gc -m removes", "gc -m keeps", "prune removes", "prune keeps", "later")
}

func (c *census) checkWhy(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 2, 14).Draw(t, "ops"))
	seed, share := rapid.Uint32().Draw(t, "seed"), rapid.Uint32Range(1, 4).Draw(t, "share")
	store, text := c.newStore(t, dir, text)
	wrong := c.compareWhy(store, seed, share)
	if len(wrong) > 0 {
		t.Fatalf("%s\nin\n%s", withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// whyRules are the rules that are asked about.
func whyRules(now time.Time, command string, seed, share uint32) mark.Rules {
	rules := usual(now)
	switch rules.DeleteUntagged = false; command {
	case "gc -m":
		rules.DeleteUntagged = true
	case "prune":
		v := &verdicts{seed: seed, share: share, said: map[string]bool{}, goes: map[string]bool{}, held: map[string]bool{}}
		rules.Selected = mark.NewPruning(v.judge)
	}
	return rules
}

func (c *census) compareWhy(s *layouttest.Store, seed, share uint32) (wrong complaints) {
	everything, err := everythingIn(s)
	if err != nil {
		wrong.add("%v", err)
		return wrong
	}
	for _, command := range []string{"gc", "gc -m", "prune"} {
		answers, err := inquire(s.Dir, whyRules(s.Now, command, seed, share), everything)
		dry := pipeline{dir: s.Dir, rules: whyRules(s.Now, command, seed, share), jobs: 4, dry: true}.run()
		if err != nil || dry.said() {
			wrong.add("%s says %v and %v", command, err, dry.err)
			return wrong
		}
		goes := keysOf(dry)
		later := 0
		for i := range answers {
			a, f := everything[i], &answers[i].Fate
			if f.Removed != goes[whyKey(&a)] {
				wrong.add("%s of %s: why says that it goes: %v, the plan: %v (%+v)", command, whyKey(&a), f.Removed, !f.Removed, f.Keepers)
			}
			if f.Removed {
				c.add(command+" removes", 1)
				continue
			}
			c.add(command+" keeps", 1)
			if f.At.IsZero() || command == "prune" || later >= 3 {
				continue
			}
			later++
			wrong = append(wrong, c.compareAt(s, command, a, f)...)
		}
	}
	return wrong
}

// compareAt runs gc at the time at which something is told to go, and a second before.
func (c *census) compareAt(s *layouttest.Store, command string, a mark.Asked, f *mark.Fate) (wrong complaints) {
	c.add("later", 1)
	for _, late := range []time.Duration{-1001 * time.Millisecond, 0} {
		run := pipeline{dir: s.Dir, rules: whyRules(f.At.Add(late), command, 0, 0), jobs: 4, dry: true}.run()
		if run.said() {
			wrong.add("%s at %s: %v", command, f.At.Add(late), run.err)
			continue
		}
		if goes := keysOf(run)[whyKey(&a)]; goes != (late == 0) {
			wrong.add("%s of %s is to go at %s; %s after that it goes: %v (%+v)", command, whyKey(&a), f.At, late, goes, f.Keepers)
		}
	}
	return wrong
}

// whyKey is what a thing is among the items of a plan.
func whyKey(a *mark.Asked) string {
	switch {
	case a.Tag != "":
		return key("tag", a.Repository, a.Tag, a.Digest.String())
	case a.Repository != "":
		return key("manifest", a.Repository, "", a.Digest.String())
	}
	return key("blob", "", "", a.Digest.String())
}

// everythingIn is all that can be asked about in a store.
func everythingIn(s *layouttest.Store) (list []mark.Asked, err error) {
	names := inspect.NewNames(func(string) bool { return true })
	err = lookAt(s.Dir, usual(s.Now), names, func(l *mark.Look) {
		for _, in := range names.All() {
			for _, t := range in.Tags {
				list = append(list, mark.Asked{Repository: in.Repository, Tag: t.Name, Digest: t.Digest})
			}
			for _, d := range in.Manifests {
				list = append(list, mark.Asked{Repository: in.Repository, Digest: d})
			}
		}
		l.Store.EachBlob(func(b mark.BlobInfo) { list = append(list, mark.Asked{Digest: l.Digest(b.ID)}) })
	})
	return list, err
}

func inquire(dir string, rules mark.Rules, things []mark.Asked) (answers []mark.Answer, err error) {
	inquiry := mark.NewInquiry(things)
	err = lookAt(dir, rules, inquiry, func(l *mark.Look) { answers = inquiry.Answers(context.Background(), l) })
	return answers, err
}

// lookAt has an observer look at a store.
func lookAt(dir string, rules mark.Rules, o mark.Observer, then func(*mark.Look)) error {
	files := &disk.FS{}
	d, err := files.OpenStore(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	w := walker.New(d, walker.Options{})
	defer w.Close()
	ctx := context.Background()
	then(mark.Read(ctx, w, rules).ObserveBy(ctx, w, o, nil))
	return nil
}
