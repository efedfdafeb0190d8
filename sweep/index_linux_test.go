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
