//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// damageStore has a repository that is healthy and one that is going to be damaged.
const damageStore = `
age 30d
image good/app:v1 layers=shared,g1 as=good
image good/app layers=g2 as=gone
layer good/app goodstray
orphan as=orphan
image bad/app:v1 layers=shared,b1 as=target
image bad/app:v2 layers=b2 as=other
image bad/app layers=b3 as=untagged
layer bad/app stray
image bad/app/below:v1 layers=b4 as=below
`

// verdict is what the contract says of a store with one thing damaged.
type verdict int

const (
	asNothing  verdict = 1 << iota // it is as if nothing were wrong: status 0
	keepsAll                       // status 3, and all that the repository links stays
	keepsBoth                      // status 3, and both digests of a link are live
	isReported                     // status 3, and what is not damaged stays as it would have
	isRefused                      // status 1, the path is named, and nothing at all is removed
)

func (v verdict) allows(status int) bool {
	switch status {
	case 0:
		return v&asNothing != 0
	case 1:
		return v&isRefused != 0
	case 3:
		return v&(keepsAll|keepsBoth|isReported) != 0
	}
	return false
}

// damageKinds are all kinds of damage to one file, and what each means for a
// link, or for a manifest's content.
func damageKinds() map[string]struct{ link, manifest verdict } {
	const either = keepsAll | isRefused // "holds no digest" or "an I/O error": both lose nothing
	return map[string]struct{ link, manifest verdict }{
		"zero":         {keepsAll, keepsAll},
		"garbage":      {keepsAll, keepsAll},
		"long":         {keepsAll, keepsAll},
		"newline":      {asNothing, keepsAll},
		"mismatch":     {keepsBoth, keepsAll},
		"truncated":    {keepsAll, keepsAll},
		"html":         {keepsAll, keepsAll},
		"wrong-digest": {keepsAll, keepsAll},
		"huge":         {keepsAll, keepsAll},
		"fifo":         {keepsAll, keepsAll},
		"socket":       {keepsAll, keepsAll},
		"dangling":     {isRefused, isRefused},
		"circle":       {isRefused, isRefused},
		"directory":    {either, either},
		"file":         {keepsAll, keepsAll},
		"missing":      {isReported, keepsAll},
		"unreadable":   {isRefused, isRefused},
	}
}

// damageTargets are what is damaged, its path, and where it differs from
// damageKinds. What gc does not open may be anything, and what is only content
// may be damaged in any way.
type damageTarget struct {
	name, text string
	path       func(s *layouttest.Store) string
	manifest   bool
	differs    map[string]verdict
	all        verdict // for every kind, if not 0
}

func damageTargets() []damageTarget {
	object := func(kind layout.Kind, name string) func(s *layouttest.Store) string {
		return func(s *layouttest.Store) string {
			return layout.Object{Kind: kind, Repository: "bad/app", Tag: "v1", Digest: s.Digest(name)}.Path()
		}
	}
	const anything = asNothing | isReported | keepsAll | isRefused
	return []damageTarget{
		{
			name: "revision", text: "revision bad/app target", path: object(layout.RevisionLink, "target"),
			differs: map[string]verdict{"missing": asNothing}, // the tag that it leaves behind goes
		},
		{
			name: "tag", text: "tag bad/app:v1", path: object(layout.TagCurrent, "target"),
			differs: map[string]verdict{"mismatch": asNothing}, // it is a tag of the other image then
		},
		{
			name: "layer", text: "layer bad/app stray", path: object(layout.LayerLink, "stray"),
			differs: map[string]verdict{"missing": asNothing},
		},
		{name: "layer in use", text: "layer bad/app b1", path: object(layout.LayerLink, "b1"), all: anything},
		{name: "manifest", text: "blob target", path: object(layout.BlobData, "target"), manifest: true},
		{
			name: "content", text: "blob b1", path: object(layout.BlobData, "b1"), all: asNothing,
			differs: map[string]verdict{
				"dangling": isRefused, "circle": isRefused, "missing": isReported,
				"fifo": anything, "socket": anything, "directory": anything,
			},
		},
	}
}

func (d *damageTarget) verdict(kind string) verdict {
	if v, ok := d.differs[kind]; ok {
		return v
	}
	k := damageKinds()[kind]
	switch {
	case d.all != 0:
		return d.all
	case d.manifest:
		return k.manifest
	}
	return k.link
}

// TestDamage damages every kind of file in every way, and judges gc and gc -m.
func TestDamage(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	type one struct {
		damageTarget
		kind string
		args []string
	}
	var all []one
	for _, target := range damageTargets() {
		for kind := range damageKinds() {
			for _, args := range [][]string{nil, {"-m"}} {
				all = append(all, one{target, kind, args})
			}
		}
	}
	binary(t)
	dir := memory(t)
	several(len(all), func(i int) {
		d := all[i]
		t.Run(strings.Join(append([]string{d.name, d.kind}, d.args...), "/"), func(t *testing.T) {
			d.test(t, filepath.Join(dir, fmt.Sprint(i)), d.kind, d.args)
		})
	})
}

// several runs fn for a sample of the numbers below n, several at a time: most of a
// run is waiting, for writes and pushes that may be under way.
func several(n int, fn func(i int)) {
	sample := layouttest.Sample(n)
	severalOf(24, len(sample), func(i int) { fn(sample[i]) })
}

// atOnce bounds how many of the calls of severalOf run at a time in all tests
// together, which may be parallel: more of them only wait for each other.
var atOnce = make(chan struct{}, 24)

// severalOf is several with a number of workers.
func severalOf(workers, n int, fn func(i int)) {
	var wg sync.WaitGroup
	numbers := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range numbers {
				atOnce <- struct{}{}
				func() {
					defer func() { <-atOnce }()
					fn(i)
				}()
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
}

func (d *damageTarget) test(t *testing.T, root, kind string, args []string) {
	y := system{measure: kind == "huge" || kind == "long"}
	s := build(t, root, damageStore)
	whatWas := s.Snapshot(t)
	if kind == "socket" {
		s.MustApply(t, "damage missing "+d.text)
		if err := syscall.Mknod(filepath.Join(s.Dir, d.path(s)), syscall.S_IFSOCK|0o644, 0); err != nil {
			t.Fatal(err)
		}
	} else {
		s.MustApply(t, fmt.Sprintf("damage %s %s to=other", kind, d.text))
	}
	if kind == "unreadable" {
		y.uid = ordinary(t, s)
	}
	before := lstats(t, s)
	want := d.verdict(kind)

	dry := y.gc(t, s, append(args, "--dry-run")...)
	if diff := changed(before, lstats(t, s)); diff != nil {
		t.Fatalf("a dry run has changed the store: %q", diff)
	}
	r := y.gc(t, s, args...)
	after := lstats(t, s)
	said := fmt.Sprintf("status %d\n%s%s", r.status, clip(r.stdout), clip(r.stderr))
	if dry.status != r.status {
		t.Errorf("the dry run's status is %d: %s", dry.status, said)
	}
	if !want.allows(r.status) {
		t.Errorf("want %b, got %s", want, said)
	}
	if r.peak > 64<<20 {
		t.Errorf("%d MiB of memory: %s", r.peak>>20, said)
	}
	s.Unlock()

	// Whatever happened, nothing else is lost.
	whole(t, s, "good/app:v1", "bad/app:v2", "bad/app/below:v1")
	if r.status == 1 {
		if diff := changed(before, after); diff != nil {
			t.Errorf("it failed and has changed the store: %q", diff)
		}
		if !strings.Contains(r.stderr, filepath.Dir(d.path(s))) {
			t.Errorf("stderr does not name %s: %s", d.path(s), said)
		}
		return
	}
	if s.Has("orphan") || s.Has("goodstray") {
		t.Errorf("the run did not go on elsewhere: %s", said)
	}
	stays := []string{"other", "b2", "b4", "below"} // and what the verdict adds
	switch {
	case want == keepsAll:
		stays = append(stays, "shared", "b1", "b3", "untagged", "stray")
		if !d.manifest {
			stays = append(stays, "target")
		}
	case want == keepsBoth:
		stays = append(stays, strings.Fields(d.text)[2])
	case d.name == "tag" && kind == "missing":
		stays = append(stays, "target", "b1", "shared")
	case args == nil:
		stays = append(stays, "untagged", "b3")
	}
	for _, name := range stays {
		if !s.Has(name) {
			t.Errorf("%s is lost: %s", name, said)
		}
	}
	if want == keepsAll {
		for path := range whatWas {
			if !s.HasPath(path) && strings.HasPrefix(path, "repositories/bad/app/_") && path != d.path(s) {
				t.Errorf("%s is lost: %s", path, said)
			}
		}
	}
	if kind == "newline" && d.all == 0 && !d.manifest {
		whole(t, s, "bad/app:v1")
	}
}

// ordinary gives a store to an ordinary user, and returns the user.
func ordinary(t testing.TB, s *layouttest.Store) int {
	t.Helper()
	needRoot(t)
	const nobody = 65534
	err := filepath.WalkDir(s.Root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	return nobody
}

// lstats is a store's snapshot, without contents: a damaged file may be of any kind and size.
func lstats(t testing.TB, s *layouttest.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(s.Dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if rel, _ := filepath.Rel(s.Dir, path); err == nil && path != s.Dir && !s.IsIndex(rel) {
			all[rel] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
