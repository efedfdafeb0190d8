package back_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// sample has an index that was deleted with its children and a layer link, and an
// image with tags that was not.
const sample = `
age 10d
image a:v1 layers=base as=kept
image a:latest layers=base,more as=was
image a:latest layers=base as=now
image a layers=base,armlayer as=arm
image a layers=base as=amd
index a:multi of=arm,amd as=multi
delete-manifest a arm
delete-manifest a amd
delete-manifest a multi
delete-blob a armlayer
`

var errKilled = errors.New("killed")

// disturbed makes one call fail, and, if it kills, all after it.
type disturbed struct {
	at    int // from 1
	err   error
	kills bool
	only  func(disk.Op) bool

	seen  int
	fired bool
}

func (f *disturbed) fault(op disk.Op, _ string) error {
	if !f.only(op) {
		return nil
	}
	f.seen++
	if f.seen == f.at || f.kills && f.seen > f.at && f.at > 0 {
		f.fired = true
		return f.err
	}
	return nil
}

// newStore is a store in memory, where a sync costs nothing.
func newStore(t *testing.T) *layouttest.Store {
	t.Helper()
	return memoryStore(t, sample)
}

func anyOp(disk.Op) bool { return true }

func changes(op disk.Op) bool {
	switch op {
	case disk.OpRename, disk.OpUnlink, disk.OpRmdir, disk.OpSync, disk.OpMkdir, disk.OpWrite, disk.OpLink:
		return true
	}
	return false
}

// undelete brings back all that a repository has lost.
func undelete(s *layouttest.Store, fault func(disk.Op, string) error) error {
	return locked(s, fault, func(store *disk.Dir, lock *disk.Lock) error {
		w := walker.New(store, walker.Options{Jobs: 1})
		defer w.Close()
		list, err := back.Find(context.Background(), w, func(string) bool { return true }, false)
		if err != nil {
			return err
		}
		multi := s.Digest("multi")
		if !slices.ContainsFunc(list, func(l back.Lost) bool { return l.Digest == multi }) {
			l, err := back.Named(context.Background(), store, "a", func(d layout.Digest) bool { return d == multi }, multi, nil)
			if err != nil && !errors.Is(err, back.ErrNotDeleted) {
				return err
			}
			list = append(list, l)
		}
		plan, err := back.New(context.Background(), store, list)
		if err != nil {
			return err
		}
		for _, i := range plan.Images {
			if i.Digest == multi {
				if err := plan.Give(i, "new"); err != nil && !errors.Is(err, back.ErrTagExists) {
					return err
				}
			}
		}
		err = plan.Execute(context.Background(), lock, false)
		for _, i := range plan.Images {
			err = errors.Join(err, i.Err)
		}
		return err
	})
}

// retag lets a tag name another image.
func retag(tag, image string) func(s *layouttest.Store, fault func(disk.Op, string) error) error {
	return func(s *layouttest.Store, fault func(disk.Op, string) error) error {
		return locked(s, fault, func(store *disk.Dir, lock *disk.Lock) error {
			t, err := back.NewTagging(store, "a", tag, s.Digest(image))
			if err != nil || t.Same() {
				return err
			}
			return t.Execute(context.Background(), lock)
		})
	}
}

func locked(s *layouttest.Store, fault func(disk.Op, string) error, do func(*disk.Dir, *disk.Lock) error) error {
	store, err := (&disk.FS{Fault: fault}).OpenStore(s.Dir)
	if err != nil {
		return err
	}
	defer store.Close()
	lock, err := store.Lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	return do(store, lock)
}

// references are all tags and linked manifests that can be pulled whole.
func references(s *layouttest.Store) (whole []string) {
	var all []string
	for _, d := range []string{"kept", "was", "now", "arm", "amd", "multi"} {
		all = append(all, "a@"+s.Digest(d).String())
	}
	tags, _ := filepath.Glob(filepath.Join(s.Dir, layout.TagDir("a", "*")))
	for _, tag := range tags {
		all = append(all, "a:"+filepath.Base(tag))
	}
	for _, ref := range all {
		if len(s.Missing(ref)) == 0 {
			whole = append(whole, ref)
		}
	}
	slices.Sort(whole)
	return whole
}

// leftovers are names that only a run that is at work has a use for, tags
// without a current link, and tags that cannot be pulled.
func leftovers(t *testing.T, s *layouttest.Store) (list []string) {
	for _, path := range s.Tree(t) {
		if strings.Contains(path, ".tmp") || strings.Contains(path, layout.GonePrefix) {
			list = append(list, path)
		}
	}
	return append(list, brokenTags(s)...)
}

func brokenTags(s *layouttest.Store) (list []string) {
	tags, _ := filepath.Glob(filepath.Join(s.Dir, layout.TagDir("a", "*")))
	for _, tag := range tags {
		if lacks := s.Missing("a:" + filepath.Base(tag)); len(lacks) > 0 {
			list = append(list, fmt.Sprintf("%s lacks %s", filepath.Base(tag), lacks))
		}
	}
	return list
}

// deed is a thing that brings something back.
type deed struct {
	do   func(s *layouttest.Store, fault func(disk.Op, string) error) error
	want []string // references that can be pulled when it is done, besides those before
}

func deeds() map[string]deed {
	return map[string]deed{
		"undelete":    {undelete, []string{"arm", "amd", "multi", "a:new"}},
		"a new tag":   {retag("stable", "was"), []string{"a:stable"}},
		"a moved tag": {retag("latest", "was"), nil},
	}
}

// wants are the references that can be pulled in the end.
func (d *deed) wants(s *layouttest.Store, before []string) []string {
	want := slices.Clone(before)
	for _, name := range d.want {
		if !strings.HasPrefix(name, "a:") {
			name = "a@" + s.Digest(name).String()
		}
		want = append(want, name)
	}
	slices.Sort(want)
	return want
}

// Whichever call fails, and wherever it is killed: what could be pulled before
// can be pulled after, no tag appears that cannot be pulled, a failure is said,
// and the same again, undisturbed, does all.
func TestEachCallFailsAndKilledAnywhere(t *testing.T) {
	for name, d := range deeds() {
		for _, kills := range []bool{false, true} {
			only, kind := anyOp, "fails"
			if kills {
				only, kind = changes, "is killed"
			}
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel() // much of it is waiting for a second answer
				count := &disturbed{only: only}
				if err := d.do(newStore(t), count.fault); err != nil {
					t.Fatal(err)
				}
				fired := 0
				for _, n := range layouttest.Steps(count.seen) {
					errs := []error{syscall.EIO}
					if kills {
						errs = []error{errKilled}
					} else if n%3 == 0 {
						errs = []error{syscall.ENOENT}
					}
					for _, err := range errs {
						f := &disturbed{at: n + 1, err: err, kills: kills, only: only}
						d.disturb(t, f)
						if f.fired {
							fired++
						}
					}
				}
				if fired == 0 {
					t.Error("nothing has failed")
				}
				t.Logf("%d calls, %d failed", count.seen, fired)
			})
		}
	}
}

func (d *deed) disturb(t *testing.T, f *disturbed) {
	t.Helper()
	s := newStore(t)
	before := references(s)
	want := d.wants(s, before)
	err := d.do(s, f.fault)
	after := references(s)
	for _, ref := range before {
		if !slices.Contains(after, ref) {
			t.Errorf("call %d (%v): %s cannot be pulled any more; it said %v", f.at, f.err, ref, err)
		}
	}
	if list := brokenTags(s); len(list) > 0 {
		t.Errorf("call %d (%v): %q", f.at, f.err, list)
	}
	if err == nil {
		if !slices.Equal(after, want) {
			t.Errorf("call %d (%v): it said nothing, and there is\n%q, not\n%q", f.at, f.err, after, want)
		}
	}
	if err := d.do(s, nil); err != nil {
		t.Errorf("call %d (%v): again: %v", f.at, f.err, err)
	}
	if after := references(s); !slices.Equal(after, want) {
		t.Errorf("call %d (%v): in the end there is\n%q, not\n%q", f.at, f.err, after, want)
	}
}

func TestNothingIsLeftOver(t *testing.T) {
	for name, d := range deeds() {
		s := newStore(t)
		if err := d.do(s, nil); err != nil {
			t.Fatal(name, err)
		}
		if list := leftovers(t, s); len(list) > 0 {
			t.Errorf("%s: %q", name, list)
		}
		tree := s.Tree(t)
		if err := d.do(s, nil); err != nil {
			t.Fatal(name, err)
		}
		if !slices.Equal(tree, s.Tree(t)) {
			t.Errorf("%s: a second time changes something", name)
		}
	}
}

// A registry deletes the image while the tag is written: the tag is what it was.
func TestImageIsDeletedWhileItIsTagged(t *testing.T) {
	for _, tag := range []string{"stable", "latest"} {
		s := newStore(t)
		before := references(s)
		was := layout.RevisionDir("a", s.Digest("was")) + "/" + layout.Link
		deleted := false
		// The current link has been written: by its rename, or that of the new tag.
		err := retag(tag, "was")(s, func(op disk.Op, path string) error {
			if op == disk.OpSync && !deleted && len(s.Missing("a:"+tag)) == 0 && s.HasPath("repositories/a/_manifests/tags/"+tag) && (tag == "stable" || currentIs(t, s, tag, "was")) {
				deleted = true
				s.MustApply(t, "remove "+was)
			}
			return nil
		})
		if err == nil || !deleted {
			t.Errorf("%s: deleted %t: %v", tag, deleted, err)
		}
		before = slices.DeleteFunc(before, func(ref string) bool { return ref == "a@"+s.Digest("was").String() })
		if after := references(s); !slices.Equal(before, after) || len(leftovers(t, s)) > 0 {
			t.Errorf("%s: %q, not %q; %q", tag, after, before, leftovers(t, s))
		}
	}
}

func currentIs(t *testing.T, s *layouttest.Store, tag, image string) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, layout.TagDir("a", tag), layout.Current, layout.Link))
	return err == nil && string(b) == s.Digest(image).String()
}
