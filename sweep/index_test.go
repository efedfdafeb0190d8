//go:build unix

package sweep_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// later makes a run believe that it takes place when all that has just been written
// is old enough to be remembered. Nothing may change a store meanwhile.
const later = 10 * time.Second

// remembering is the memory of a run that has an index, or none if text is nil.
func remembering(text []byte) *mark.Memory {
	return mark.NewMemory(mark.ReadIndex(text), time.Now().Add(later))
}

// recalling is the memory of the next run, with the same index.
func recalling(m *mark.Memory) *mark.Memory { return m.Again(time.Now().Add(later)) }

// unit is how long after a change the filesystem's clock shows another time for
// sure: tests of edits have it in the place of three seconds.
const unit = 30 * time.Millisecond

// soon is the memory of a run that remembers what was changed a unit ago.
func soon(text []byte) *mark.Memory {
	return mark.NewMemory(mark.ReadIndex(text), time.Now().Add(3*time.Second-unit))
}

// opened counts the files that a run reads, and those that it opens again.
type opened struct {
	mu    sync.Mutex
	times map[string]int
}

func (o *opened) fault(op disk.Op, path string) error {
	if op == disk.OpRead {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.times == nil {
			o.times = map[string]int{}
		}
		o.times[path]++
	}
	return nil
}

// of are how often the files were read whose paths have a part.
func (o *opened) of(part string) (n int) {
	for path, times := range o.times {
		if strings.Contains(path, part) {
			n += times
		}
	}
	return n
}

const indexedStore = `
	image a/b:v1 as=m1 layers=l1 age=10d
	image a/b:v2 as=m2 layers=l1,l2 age=10d
	index a/b:all as=i of=m1,m2 age=10d
	image c:v1 as=m3 layers=l1,l3 age=10d
	image c as=old layers=l4 age=10d
	referrer c of=m3 as=sig age=10d
	orphan as=o age=10d`

// dryRun is a dry run of gc -m.
func dryRun(s *layouttest.Store, m *mark.Memory, o *opened) *outcome {
	p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 4, dry: true, memory: m}
	if o != nil {
		p.fault = o.fault
	}
	return p.run()
}

// difference is how two dry runs differ in what they plan and find.
func difference(a, b *outcome) string {
	if (a.err == nil) != (b.err == nil) {
		return fmt.Sprintf("one says %v, the other %v", a.err, b.err)
	}
	if a.err != nil {
		return ""
	}
	if diff := cmp.Diff(lines(a.plan, false), lines(b.plan, false)); diff != "" {
		return diff
	}
	return cmp.Diff(problemLines(a), problemLines(b))
}

func problemLines(o *outcome) (list []string) {
	for _, p := range o.findings.Problems() {
		list = append(list, fmt.Sprintf("%s %s %s", p.Kind, p.Path, p.Detail))
	}
	slices.Sort(list)
	return list
}

// filesystemOf says whether links are remembered where a store is.
func filesystemOf(t *testing.T, dir string) string {
	t.Helper()
	d, err := new(disk.FS).OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.LearnLocal() {
		return "local"
	}
	return "another one"
}

// rewriteInPlace writes a link as 2.8 does, and gives it the time that it had.
func rewriteInPlace(t testing.TB, path, text string) {
	t.Helper()
	if err := rewrite(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func rewrite(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}

// A link may only be left closed if it was changed last well before it was read.
func TestALinkThatWasJustWrittenIsNotRemembered(t *testing.T) {
	s := layouttest.New(t, indexedStore)
	first := dryRun(s, mark.NewMemory(nil, time.Now()), nil)
	if n := mark.ReadIndex(first.index).Links(); n != 0 {
		t.Errorf("%d links are remembered that were written a moment ago", n)
	}
	var o opened
	dryRun(s, mark.NewMemory(mark.ReadIndex(first.index), time.Now()), &o)
	if o.of("/tags/") != 4 || o.of("/revisions/") == 0 {
		t.Errorf("the links were not all opened: %v", o.times)
	}
}

// A restore brings back what was there, with the times that it had.
func TestAnIndexOfWhatWasThereBeforeARestoreChangesNoPlan(t *testing.T) {
	s := layouttest.New(t, indexedStore)
	link := filepath.Join(s.Dir, "repositories/c/_manifests/tags/v1/current/link")
	backup := filepath.Join(t.TempDir(), "link")
	copyWithTimes(t, link, backup)
	rewriteInPlace(t, link, s.Digest("old").String())
	first := dryRun(s, remembering(nil), nil)
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	copyWithTimes(t, backup, link)
	if diff := difference(dryRun(s, nil, nil), dryRun(s, remembering(first.index), nil)); diff != "" {
		t.Error(diff)
	}
}

func copyWithTimes(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(to, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func TestAnIndexOfAnotherStoreChangesNoPlan(t *testing.T) {
	s := layouttest.New(t, indexedStore)
	// The same names name other things there.
	other := layouttest.New(t, strings.NewReplacer("a/b:v1", "c:v1", "c:v1", "a/b:v1").Replace(indexedStore))
	theirs := dryRun(other, remembering(nil), nil)
	if diff := difference(dryRun(s, nil, nil), dryRun(s, remembering(theirs.index), nil)); diff != "" {
		t.Error(diff)
	}
}

// Whatever byte is another one: the plan is that without an index.
func TestAnIndexThatWasTamperedWithIsNotUsed(t *testing.T) {
	s := layouttest.New(t, "image a:v1 as=m1 age=10d\nimage a as=old age=10d")
	first := dryRun(s, remembering(nil), nil)
	if mark.ReadIndex(first.index) == nil {
		t.Fatal("the index cannot be read")
	}
	for i := range first.index {
		bad := slices.Clone(first.index)
		bad[i] ^= byte(1 << (i % 8))
		if mark.ReadIndex(bad) != nil {
			t.Fatalf("byte %d of %d is another one, and the index is used", i, len(bad))
		}
	}
	for n := range len(first.index) {
		if mark.ReadIndex(first.index[:n]) != nil {
			t.Fatalf("%d of %d bytes are there, and the index is used", n, len(first.index))
		}
	}
}

// TestIndexModel edits random stores, and compares the plans with an index of what
// was there some edits ago with those without. For 10,000 edits:
// go test ./sweep -run TestIndexModel -rapid.checks=1008.
func TestIndexModel(t *testing.T) {
	c, made := randomStores(t, 96, (*census).checkIndexed)
	t.Logf("in the stores: %v", c.counts)
	if t.Failed() || made < 12 {
		return
	}
	counted := []string{"edits", "plans"}
	if filesystemOf(t, t.TempDir()) == "local" {
		counted = append(counted, "recalled")
	}
	for _, what := range counted {
		if c.counts[what] < 100 {
			t.Errorf("only %d of %q", c.counts[what], what)
		}
	}
}

// edits are ways to change a store that a registry, a person or a disk has.
var edits = []string{"in place", "renamed", "deleted", "pushed again", "exchanged", "damaged", "data again", "data gone", "tag renamed", "line"}

func (c *census) checkIndexed(t *rapid.T, dir string) {
	before := rapid.SliceOfN(rapid.Custom(drawOp), 1, 14).Draw(t, "before")
	after := rapid.SliceOfN(rapid.Custom(drawOp), 1, 6).Draw(t, "after")
	text, changes := renderTwo(before, after)
	root := filepath.Join(dir, "indexed"+strconv.Itoa(c.add("stores", 1)))
	defer func() { _ = os.RemoveAll(root) }() // what is left of it is no part of the test
	store, text, err := build(root, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	more := strings.Split(changes, "\n")
	time.Sleep(unit)
	index := dryRun(store, soon(nil), nil).index
	var done []string
	for range rapid.IntRange(10, 12).Draw(t, "edits") {
		what := rapid.SampledFrom(edits).Draw(t, "edit")
		n, x := rapid.IntRange(0, 1<<20).Draw(t, "at"), rapid.IntRange(0, 1<<20).Draw(t, "to")
		if what == "line" && len(more) > 0 {
			done = append(done, more[0])
			_ = store.Apply(more[0]) // what is not there cannot be deleted
			more = more[1:]
		} else if path := edit(store.Dir, what, n, x); path != "" {
			done = append(done, what+" "+path)
		}
		c.add("edits", 1)
		var o opened
		plain, with := dryRun(store, nil, &o), soon(index)
		read := len(o.times)
		o = opened{}
		recalled := dryRun(store, with, &o)
		if diff := difference(plain, recalled); diff != "" {
			t.Fatalf("after %d edits (-without +with an index): %s\nedits:\n%s\nin\n%s", len(done), withNames(store, diff), strings.Join(done, "\n"), text)
		}
		c.add("recalled", read-len(o.times))
		if plain.err == nil {
			c.add("plans", 1)
		}
		if rapid.Bool().Draw(t, "remember") && recalled.index != nil {
			index = recalled.index
		}
	}
}

// edit changes one file of a store, and returns its path; "" if there is none.
func edit(dir, what string, n, x int) string {
	links, data, tags := filesOf(dir)
	pick := func(list []string, i int) string {
		if len(list) == 0 {
			return ""
		}
		return list[i%len(list)]
	}
	link, other, blob := pick(links, n), pick(links, x), pick(data, n)
	var err error
	switch what {
	case "in place", "renamed", "pushed again":
		text, rerr := os.ReadFile(other)
		if rerr != nil || link == "" {
			return ""
		}
		switch what {
		case "in place":
			err = rewrite(link, text)
		case "renamed":
			if err = os.WriteFile(link+".new", text, 0o644); err == nil {
				err = os.Rename(link+".new", link)
			}
		default:
			if err = os.Remove(link); err == nil {
				err = os.WriteFile(link, text, 0o644)
			}
		}
	case "deleted":
		err = os.Remove(link)
	case "exchanged":
		if link == other || link == "" {
			return ""
		}
		for _, step := range [][2]string{{link, link + ".x"}, {other, link}, {link + ".x", other}} {
			if err == nil {
				err = os.Rename(step[0], step[1])
			}
		}
	case "damaged", "data again":
		text, rerr := os.ReadFile(blob)
		if rerr != nil {
			return ""
		}
		if what == "damaged" && len(text) > 0 {
			text[x%len(text)] ^= 1
		}
		err = rewrite(blob, text)
		link = blob
	case "data gone":
		err = os.Remove(blob)
		link = blob
	case "tag renamed":
		if link = pick(tags, n); link != "" {
			err = os.Rename(link, link+"x")
		}
	}
	if err != nil {
		return ""
	}
	return link
}

// filesOf are the links, the data of small blobs, and the directories of tags.
func filesOf(dir string) (links, data, tags []string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what is not there is not edited
		}
		switch {
		case e.IsDir() && filepath.Base(filepath.Dir(path)) == "tags":
			tags = append(tags, path)
		case e.Type().IsRegular() && e.Name() == "link":
			links = append(links, path)
		case e.Type().IsRegular() && e.Name() == "data" && strings.Contains(path, "/blobs/"):
			data = append(data, path)
		}
		return nil
	})
	return links, data, tags
}
