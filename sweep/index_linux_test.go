//go:build !portable

package sweep_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
)

// On a filesystem whose times are seconds, a link that is rewritten in place within
// one has the times that it had.
func TestAnEditWithinASecondIsSeen(t *testing.T) {
	if os.Getuid() != 0 {
		lacks(t, "this needs root, for mounts")
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	image := mountedImage(t, "ext4", "-I", "128")
	const tags = 200
	text := []string{"image a as=m1 age=10d", "image a as=m2 age=10d"}
	for i := range tags {
		text = append(text, fmt.Sprintf("tag a:v%d m1 age=10d", i))
	}
	s, err := layouttest.Build(filepath.Join(image, "plain"), strings.Join(text, "\n"), layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if filesystemOf(t, s.Dir) != "local" {
		t.Fatal("no link would be remembered here")
	}
	now := func(text []byte) *mark.Memory { return mark.NewMemory(mark.ReadIndex(text), time.Now()) }
	first := dryRun(s, now(nil), nil)
	if n := mark.ReadIndex(first.index).Links(); n != 0 {
		t.Errorf("%d links are remembered that may be changed unseen", n)
	}
	unseen := 0
	for i := range tags {
		path := filepath.Join(s.Dir, layout.TagDir("a", fmt.Sprint("v", i)), "current/link")
		before := statOf(t, path)
		rewriteInPlace(t, path, s.Digest("m2").String())
		if statOf(t, path) == before {
			unseen++
		}
	}
	t.Logf("%d of %d links have the times that they had", unseen, tags)
	second := dryRun(s, now(first.index), nil)
	if diff := difference(dryRun(s, nil, nil), second); diff != "" {
		t.Error(diff)
	}
	// Once they are old enough they are remembered, and a change is seen.
	time.Sleep(4100 * time.Millisecond)
	third := dryRun(s, now(second.index), nil)
	if n := mark.ReadIndex(third.index).Links(); n < tags {
		t.Errorf("%d links are remembered, of %d", n, tags)
	}
	for i := range tags {
		rewriteInPlace(t, filepath.Join(s.Dir, layout.TagDir("a", fmt.Sprint("v", i)), "current/link"), s.Digest("m1").String())
	}
	if diff := difference(dryRun(s, nil, nil), dryRun(s, now(third.index), nil)); diff != "" {
		t.Error(diff)
	}
}

// statOf is all that the filesystem tells of a file.
func statOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("the system tells nothing")
	}
	return fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim)
}

func TestWhatHasNotChangedIsNotReadAgain(t *testing.T) {
	s := layouttest.New(t, indexedStore)
	first := dryRun(s, remembering(nil), nil)
	if first.said() || first.index == nil {
		t.Fatalf("%v, and %d bytes are remembered", first.err, len(first.index))
	}
	local := strings.Contains(filesystemOf(t, s.Dir), "local")
	var o opened
	second := dryRun(s, remembering(first.index), &o)
	if diff := difference(first, second); diff != "" {
		t.Error(diff)
	}
	// What nothing links is looked into each time: it may be a manifest.
	if n := o.of("blobs/") - o.of(s.Digest("o").Hex()); n != 0 {
		t.Errorf("%d manifests were read again: %v", n, o.times)
	}
	if n := o.of("/link"); local && n != o.of("_layers/") {
		t.Errorf("%d links were read again: %v", n, o.times)
	}
	if second.index != nil {
		t.Error("nothing is new, and an index is made")
	}
	// One tag is set to something else, in place.
	rewriteInPlace(t, filepath.Join(s.Dir, "repositories/a/b/_manifests/tags/v1/current/link"), s.Digest("m2").String())
	o = opened{}
	third := dryRun(s, remembering(first.index), &o)
	if diff := difference(dryRun(s, nil, nil), third); diff != "" {
		t.Error(diff)
	}
	if n := o.of("/tags/"); local && n != 1 {
		t.Errorf("%d tags were read, and one had changed: %v", n, o.times)
	}
}

func TestAnIndexThatIsYoungerThanTheClockIsNotUsed(t *testing.T) {
	s := layouttest.New(t, indexedStore)
	first := dryRun(s, remembering(nil), nil)
	if filesystemOf(t, s.Dir) != "local" {
		lacks(t, "links are remembered on local filesystems only: set TMPDIR to a directory on ext4, xfs, btrfs or tmpfs")
	}
	var o opened
	second := dryRun(s, mark.NewMemory(mark.ReadIndex(first.index), time.Now().Add(later-time.Second*5)), &o)
	if diff := difference(first, second); diff != "" {
		t.Error(diff)
	}
	if o.of("/tags/") != 4 || o.of("blobs/") == 0 {
		t.Errorf("an index from the future was used: %v", o.times)
	}
}

// From the second look on every tag is opened, and every link that this run has not
// opened itself, whatever the index says.
func TestTheLaterLooksOfASweepDoNotUseTheIndex(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		s := layouttest.New(t, indexedStore)
		m := remembering(nil)
		if indexed {
			m = remembering(dryRun(s, remembering(nil), nil).index)
		}
		if filesystemOf(t, s.Dir) != "local" {
			lacks(t, "links are remembered on local filesystems only: set TMPDIR to a directory on ext4, xfs, btrfs or tmpfs")
		}
		var o opened
		p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 4, memory: m, fault: o.fault}
		done := p.run()
		if done.said() || done.report().Removed.Blobs == 0 {
			t.Fatalf("%v, %v", done.err, done.failures)
		}
		looks := map[bool]int{false: 3, true: 2}[indexed]
		for _, tag := range []string{"a/b/_manifests/tags/v1", "a/b/_manifests/tags/v2", "a/b/_manifests/tags/all", "c/_manifests/tags/v1"} {
			if n := o.of("repositories/" + tag + "/"); n != looks {
				t.Errorf("indexed=%v: tag %s was read %d times, not %d", indexed, tag, n, looks)
			}
		}
		for _, name := range []string{"m1", "m2"} {
			if n := o.of("repositories/a/b/_manifests/revisions/sha256/" + s.Digest(name).Hex()); n != 1 {
				t.Errorf("indexed=%v: the link of %s was read %d times, not once", indexed, name, n)
			}
			if n := o.of(s.Digest(name).Hex() + "/data"); n != 1 {
				t.Errorf("indexed=%v: the manifest %s was read %d times, not once", indexed, name, n)
			}
		}
	}
}

// A link that has been rewritten since this run opened it is opened again.
func TestTheLaterLooksOfASweepSeeALinkThatWasRewritten(t *testing.T) {
	s := layouttest.New(t, "image a:v1 as=m1 age=10d\nimage a as=old age=10d\nimage a:v2 as=m2 age=10d")
	link := filepath.Join(s.Dir, "repositories/a/_manifests/revisions/sha256", s.Digest("m1").Hex(), "link")
	var o opened
	p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 4, memory: remembering(nil), fault: o.fault}
	p.planned = func() {
		time.Sleep(unit)
		rewriteInPlace(t, link, s.Digest("m1").String())
	}
	if done := p.run(); done.said() {
		t.Fatalf("%v, %v", done.err, done.failures)
	}
	if n := o.of("revisions/sha256/" + s.Digest("m1").Hex()); n != 2 {
		t.Errorf("the link was read %d times, not twice", n)
	}
}
