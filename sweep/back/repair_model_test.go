package back_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/regsweep/regsweep/sweep/trash"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// damagedStore is a random store, and one or two damages to it.
type damagedStore struct {
	whole   string
	damages []string
	refs    []string // REPOSITORY:TAG, or REPOSITORY NAME of a manifest
}

// randomDamage makes random stores. Each damage is of a kind that check finds.
func randomDamage() *rapid.Generator[damagedStore] {
	return rapid.Custom(func(t *rapid.T) damagedStore {
		d := damagedStore{}
		lines := []string{"age 30d"}
		var images, layers []string // REPOSITORY NAME
		pick := func(list []string, what string) string { return rapid.SampledFrom(list).Draw(t, what) }
		for r, n := 0, rapid.IntRange(1, 2).Draw(t, "repositories"); r < n; r++ {
			repository := fmt.Sprintf("r%d", r)
			for i, n := 0, rapid.IntRange(1, 3).Draw(t, "images"); i < n; i++ {
				name := fmt.Sprintf("r%dm%d", r, i)
				shared, own := pick([]string{"base", "base2"}, "shared"), name+"l"
				tag := ":" + pick([]string{"v1", "v2", "v3"}, "tag")
				age := 20 - i
				lines = append(lines, fmt.Sprintf("image %s%s layers=%s,%s as=%s age=%dd", repository, tag, shared, own, name, age))
				images = append(images, repository+" "+name)
				layers = append(layers, repository+" "+shared, repository+" "+own)
				d.refs = append(d.refs, repository+tag, repository+" "+name)
			}
			if rapid.Bool().Draw(t, "an index") {
				lines = append(lines, fmt.Sprintf("index %s:all of=r%dm0 as=r%di age=5d", repository, r, r))
				images = append(images, fmt.Sprintf("%s r%di", repository, r))
				d.refs = append(d.refs, repository+":all", fmt.Sprintf("%s r%di", repository, r))
			}
		}
		d.whole = strings.Join(lines, "\n") + "\n"
		for range rapid.IntRange(1, 2).Draw(t, "damages") {
			repository, image, _ := strings.Cut(pick(images, "image"), " ")
			of, layer, _ := strings.Cut(pick(layers, "layer"), " ")
			tag := pick(slices.DeleteFunc(slices.Clone(d.refs), func(ref string) bool { return !strings.Contains(ref, ":") }), "tag")
			bad := pick([]string{"zero", "garbage"}, "how")
			d.damages = append(d.damages, pick([]string{
				"damage wrong-digest blob " + layer, "damage truncated blob " + layer, "damage missing blob " + layer,
				"damage wrong-digest blob " + image, "damage truncated blob " + image, "damage missing blob " + image,
				"damage " + bad + " layer " + of + " " + layer, "damage mismatch layer " + of + " " + layer + " to=" + image,
				"remove repositories/" + of + "/_layers/sha256/{" + layer + "}",
				"damage " + bad + " revision " + repository + " " + image, "damage mismatch revision " + repository + " " + image + " to=r0m0",
				"damage " + bad + " tag " + tag, "damage half-tag tag " + tag,
				dangle(tag),
			}, "damage"))
		}
		return d
	})
}

// pairStore is what findings of every kind are made in, one or two at a time.
const pairStore = `age 30d
image r0:v1 layers=base,r0m0l as=r0m0 age=20d
image r0:v2 layers=base,r0m1l as=r0m1 age=19d
image r0:t layers=base as=r0m2 age=18d
image r0:t layers=base,r0m3l as=r0m3 age=17d
image r0 layers=base,r0m4l as=r0m4
index r0:all of=r0m0,r0m4 as=r0i age=5d
image r1:v1 layers=base,r1m0l as=r1m0
tag r0:was r0m4
tag r0:was r0m1
`

// pairRefs are its references.
func pairRefs() []string {
	return []string{
		"r0:v1", "r0:v2", "r0:t", "r0:all", "r0:was", "r1:v1",
		"r0 r0m0", "r0 r0m1", "r0 r0m2", "r0 r0m3", "r0 r0m4", "r0 r0i", "r1 r1m0",
	}
}

// findingsOfEachKind has a damage for each kind of finding, by what is found first.
func findingsOfEachKind() map[string]string {
	return map[string]string{
		"corruptBlob, shared":           "damage wrong-digest blob base",
		"corruptBlob":                   "damage wrong-digest blob r0m0l",
		"wrongSize":                     "damage truncated blob r0m1l",
		"missingBlob":                   "damage missing blob r0m0l",
		"brokenManifest":                "damage wrong-digest blob r0m1",
		"brokenManifest, of an index":   "damage truncated blob r0i",
		"missingManifest":               "damage missing blob r0m0",
		"missingLayerLink":              "remove repositories/r0/_layers/sha256/{r0m4l}",
		"missingLayerLink, of a DELETE": "remove repositories/r0/_layers/sha256/{r0m1l}/link",
		"brokenLink of a layer":         "damage zero layer r0 r0m0l",
		"linkMismatch of a layer":       "damage mismatch layer r0 r0m3l to=r0m0l",
		"brokenLink of a manifest":      "damage garbage revision r0 r0m4",
		"linkMismatch of a manifest":    "damage mismatch revision r0 r0m1 to=r0m0",
		"brokenLink of a tag":           "damage zero tag r0:t",
		"halfTag":                       "damage half-tag tag r0:v1",
		"danglingTag":                   dangle("r0:v2"),
		"danglingTag, of a DELETE":      "remove repositories/r0/_manifests/revisions/sha256/{r0m3}/link",
		"unlinkedChild":                 "remove repositories/r0/_manifests/revisions/sha256/{r0m4}",
		"unlinkedChild, of a DELETE":    "remove repositories/r0/_manifests/revisions/sha256/{r0m0}/link",
	}
}

// Every kind of finding, alone and with each other one.
func TestRepairOfEachPairOfFindings(t *testing.T) {
	all := findingsOfEachKind()
	names := slices.Sorted(maps.Keys(all))
	var pairs [][]string
	for i, one := range names {
		pairs = append(pairs, []string{one})
		for _, other := range names[i+1:] {
			pairs = append(pairs, []string{one, other})
		}
	}
	steps := layouttest.Steps(len(pairs))
	var found sync.Map
	for shard := range 8 {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel() // much of it is waiting for a second answer
			for k := shard; k < len(steps); k += 8 {
				d := damagedStore{whole: pairStore, refs: pairRefs()}
				for _, name := range pairs[steps[k]] {
					d.damages = append(d.damages, all[name])
				}
				kinds := d.hold(t)
				if len(kinds) == 0 {
					t.Errorf("%q: nothing was found", pairs[steps[k]])
				}
				if len(pairs[steps[k]]) == 1 {
					want, _, _ := strings.Cut(strings.Split(pairs[steps[k]][0], ",")[0], " of ")
					if !slices.Contains(kinds, want) {
						t.Errorf("%q: found are %q", pairs[steps[k]], kinds)
					}
				}
				for _, kind := range kinds {
					found.Store(kind, true)
				}
			}
		})
	}
	t.Cleanup(func() {
		n := 0
		found.Range(func(any, any) bool { n++; return true })
		t.Logf("%d of %d stores, %d kinds of findings", len(steps), len(pairs), n)
	})
}

// dangle removes the directory of the link of what a tag names: see apply.
func dangle(tag string) string { return "dangle " + tag }

// apply damages a store.
func (d *damagedStore) apply(t *testing.T, s *layouttest.Store) {
	t.Helper()
	for _, line := range d.damages {
		if tag, ok := strings.CutPrefix(line, "dangle "); ok {
			repository, name, _ := strings.Cut(tag, ":")
			text, err := os.ReadFile(filepath.Join(s.Dir, layout.TagDir(repository, name), layout.Current, layout.Link))
			digest, perr := layout.ParseDigest(string(text))
			if err != nil || perr != nil {
				continue // the other damage is to this tag
			}
			line = "remove " + layout.RevisionDir(repository, digest)
			if !s.HasPath(layout.RevisionDir(repository, digest)) {
				continue
			}
		}
		s.MustApply(t, line)
	}
}

// whole are the references that can be pulled.
func (d *damagedStore) pullable(s *layouttest.Store) map[string]bool {
	can := map[string]bool{}
	for _, ref := range d.refs {
		full := ref
		if repository, name, ok := strings.Cut(ref, " "); ok {
			full = repository + "@" + s.Digest(name).String()
		}
		can[ref] = len(s.Missing(full)) == 0
	}
	return can
}

// After a repair with a replica a check that reads all data finds nothing, and all
// can be pulled that could be before the damage. Without one, nothing is lost that
// could be pulled before the repair, and no damaged data are left.
func TestModelRepair(t *testing.T) {
	stores := layouttest.Samples(192)
	var mu sync.Mutex
	kinds := map[string]int{}
	for shard := range 8 {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel() // much of it is waiting for a second answer
			for n := shard; n < stores; n += 8 {
				d := randomDamage().Example(n)
				found := d.hold(t)
				mu.Lock()
				for _, kind := range found {
					kinds[kind]++
				}
				mu.Unlock()
			}
		})
	}
	t.Cleanup(func() {
		t.Logf("found: %v", kinds)
		if len(kinds) < 8 && stores >= 24 && !t.Failed() {
			t.Errorf("only these kinds were found: %v", kinds)
		}
	})
}

// hold holds repair to what is promised, and returns what was found before.
func (d *damagedStore) hold(t *testing.T) (kinds []string) {
	t.Helper()
	replica := memoryStore(t, d.whole)
	all := d.pullable(replica)
	for _, from := range []string{"", replica.Root} {
		s := memoryStore(t, d.whole)
		d.apply(t, s)
		before := d.pullable(s)
		fail := func(format string, args ...any) {
			t.Errorf("%s%s\nfrom %q: %s", d.whole, strings.Join(d.damages, "\n"), from, fmt.Sprintf(format, args...))
		}
		var first, left []walker.Problem
		err := locked(s, nil, func(store *disk.Dir, lock *disk.Lock) (err error) {
			if first, err = findings(store); err != nil {
				return err
			}
			replaced := trash.NewReplaced(s.Root, time.Now())
			if err = errors.Join(repairBy(store, lock, replaced, from), replaced.Close()); err != nil {
				return err
			}
			left, err = findings(store)
			return err
		})
		if err != nil {
			fail("%v", err)
			continue
		}
		after := d.pullable(s)
		for ref := range all {
			switch {
			case before[ref] && !after[ref]:
				fail("%s cannot be pulled any more", ref)
			case from != "" && all[ref] && !after[ref]:
				fail("%s cannot be pulled", ref)
			}
		}
		for i := range left {
			if from != "" || left[i].Kind == walker.CorruptBlob {
				fail("there still is %s %s", left[i].Kind, left[i].Path)
			}
		}
		if from == "" {
			d.push(t, s, left, all, fail)
		}
		for i := range first {
			kinds = append(kinds, first[i].Kind)
		}
	}
	return kinds
}
