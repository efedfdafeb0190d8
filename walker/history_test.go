package walker_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

const retagged = `
	image a:t layers=x as=one
	image a:t layers=y as=two
	image a:t layers=z as=three`

// withTag calls fn with a repository and its only tag. What other algorithms the
// repository has is known only if revisions is true.
func withTag(t *testing.T, f *disk.FS, dir string, revisions bool, fn func(*walker.Repository, *walker.Tag)) {
	t.Helper()
	called := false
	w := open(t, f, dir, walker.Options{Jobs: 2})
	w.Repositories(t.Context(), func(r *walker.Repository) {
		if r.Empty {
			return
		}
		if revisions {
			r.Revisions(t.Context(), func([]walker.Revision) {})
		}
		tags := r.Tags(t.Context(), nil)
		called = true
		fn(r, &tags[0])
	})
	if !called {
		t.Fatal("there is no repository")
	}
}

func sorted(digests []layout.Digest) []layout.Digest {
	slices.SortFunc(digests, layout.Digest.Compare)
	return digests
}

// TestHistoryIsTheSameHoweverItIsOpened has three ways to ask for a history, in one
// call or by steps, with entries under another algorithm and behind symbolic links.
func TestHistoryIsTheSameHoweverItIsOpened(t *testing.T) {
	for _, c := range []struct {
		name, more string
		change     func(t *testing.T, s *layouttest.Store, index string)
		direct     int // entries that no symbolic link leads to
		all        int
	}{
		{name: "plain", direct: 3, all: 3},
		{name: "another algorithm", more: "\nimage a:t layers=w as=four alg=sha512", direct: 4, all: 4},
		{name: "an entry is a symbolic link", change: func(t *testing.T, s *layouttest.Store, index string) {
			behindLink(t, filepath.Join(index, "sha256", s.Digest("two").Hex()))
		}, direct: 2, all: 3},
		{name: "the index is a symbolic link", change: func(t *testing.T, _ *layouttest.Store, index string) {
			behindLink(t, index)
		}, direct: 0, all: 3},
		{name: "no history", change: func(t *testing.T, _ *layouttest.Store, index string) {
			if err := os.RemoveAll(index); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := layouttest.New(t, retagged+c.more)
			if c.change != nil {
				c.change(t, s, filepath.Join(s.Dir, "repositories/a/_manifests/tags/t/index"))
			}
			for _, revisions := range []bool{true, false} {
				withTag(t, &disk.FS{}, s.Dir, revisions, func(r *walker.Repository, tag *walker.Tag) {
					direct := sorted(r.History(tag))
					var read, named, wanted []layout.Digest
					r.ReadHistory(t.Context(), tag, func(entries []walker.Revision) {
						for _, e := range entries {
							read = append(read, e.Link.Target)
						}
					})
					for _, e := range r.ReadWantedHistory(t.Context(), tag, math.MinInt64, func(d layout.Digest, linked bool) bool {
						if !linked {
							named = append(named, d)
						}
						return d == s.Digest("two")
					}) {
						wanted = append(wanted, e.Link.Target)
					}
					if len(direct) != c.direct || len(read) != c.all {
						t.Errorf("revisions known %t: %d entries, and %d read", revisions, len(direct), len(read))
					}
					if !slices.Equal(direct, sorted(named)) {
						t.Errorf("revisions known %t: %v are shown, not %v", revisions, named, direct)
					}
					if !slices.Equal(sorted(read), sorted(wanted)) {
						t.Errorf("revisions known %t: %v are read, not %v", revisions, wanted, read)
					}
				})
			}
		})
	}
}

// behindLink puts a symbolic link in a directory's place that leads to it.
func behindLink(t *testing.T, dir string) {
	t.Helper()
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(dir, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, dir); err != nil {
		t.Fatal(err)
	}
}

// TestHistoryThatNobodyWantsIsListedAndNotRead counts what is asked of the disk.
func TestHistoryThatNobodyWantsIsListedAndNotRead(t *testing.T) {
	s := layouttest.New(t, retagged)
	var lists, reads atomic.Int64
	f := &disk.FS{Fault: func(op disk.Op, path string) error {
		switch {
		case !strings.Contains(path, "/tags/t/index"):
		case op == disk.OpList:
			lists.Add(1)
		case op == disk.OpRead:
			reads.Add(1)
		}
		return nil
	}}
	for _, wanted := range []bool{false, true} {
		withTag(t, f, s.Dir, true, func(r *walker.Repository, tag *walker.Tag) {
			lists.Store(0)
			reads.Store(0)
			got := r.ReadWantedHistory(t.Context(), tag, math.MinInt64, func(d layout.Digest, _ bool) bool {
				return wanted && d == s.Digest("one")
			})
			want := 0
			if wanted {
				want = 3
			}
			// Where the system cannot open several names at once, two directories are listed.
			if len(got) != want || reads.Load() != int64(want) || lists.Load() > 2 {
				t.Errorf("wanted %t: %d entries, %d links read, %d directories listed", wanted, len(got), reads.Load(), lists.Load())
			}
		})
	}
}

// TestHistoryThatIsTooOldIsNotRead asks for what was written after a time, and dates the
// entries, the tag, or one entry later. What is not a plain file is read.
func TestHistoryThatIsTooOldIsNotRead(t *testing.T) {
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		change func(t *testing.T, tag, entry string) // directories of the tag, and of an entry
		reads  bool
	}{
		{name: "all old"},
		{name: "a young tag", change: func(t *testing.T, tag, _ string) { date(t, tag+"/current/link", since.Add(1)) }, reads: true},
		{name: "a young entry", change: func(t *testing.T, _, entry string) { date(t, entry+"/link", since.Add(1)) }, reads: true},
		{name: "an entry behind a symbolic link", change: func(t *testing.T, _, entry string) { behindLink(t, entry) }, reads: true},
		{name: "an entry that is a symbolic link", change: func(t *testing.T, _, entry string) { behindLink(t, entry+"/link") }, reads: true},
		{name: "an entry without a link", change: func(t *testing.T, _, entry string) {
			if err := os.Remove(entry + "/link"); err != nil {
				t.Fatal(err)
			}
		}, reads: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := layouttest.New(t, retagged)
			dir := filepath.Join(s.Dir, "repositories/a/_manifests/tags/t")
			entries, err := filepath.Glob(dir + "/index/sha256/*")
			if err != nil || len(entries) != 3 {
				t.Fatal(entries, err)
			}
			for _, link := range append([]string{dir + "/current"}, entries...) {
				date(t, link+"/link", since)
			}
			if c.change != nil {
				c.change(t, dir, entries[1])
			}
			withTag(t, &disk.FS{}, s.Dir, true, func(r *walker.Repository, tag *walker.Tag) {
				if got := r.ReadWantedHistory(t.Context(), tag, since.UnixNano(), func(layout.Digest, bool) bool { return true }); len(got) == 0 {
					t.Error("nothing was read, though nobody had asked whether another host may write here")
				}
				local := r.TagsAreLocal()
				got := r.ReadWantedHistory(t.Context(), tag, since.UnixNano(), func(layout.Digest, bool) bool { return true })
				if reads := len(got) > 0; reads != (c.reads || !local) {
					t.Errorf("%d entries", len(got))
				}
			})
		})
	}
}

// date sets the time of a file.
func date(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestSymlinksInATagAreFound puts a symbolic link in each place of the layout, and in
// others: what a tag with one of these leaves would be half a tag.
func TestSymlinksInATagAreFound(t *testing.T) {
	for _, where := range []string{
		"", "/extra", "/current", "/current/link", "/index", "/index/sha256", "/index/sha256/{one}", "/index/sha256/{one}/link",
		"/extra-link", "/current/extra-link", "/index/extra-link", "/index/sha256/extra-link", "/index/sha256/{one}/extra-link",
	} {
		t.Run(where, func(t *testing.T) {
			s := layouttest.New(t, retagged)
			path := filepath.Join(s.Dir, "repositories/a/_manifests/tags/t", strings.ReplaceAll(where, "{one}", s.Digest("one").Hex()))
			switch {
			case where == "":
			case strings.HasSuffix(where, "/extra-link"):
				if err := os.Symlink("/etc", path); err != nil {
					t.Fatal(err)
				}
			case where == "/extra":
				if err := os.WriteFile(path, []byte("not the registry's"), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				behindLink(t, path)
			}
			want := where != "" && where != "/extra"
			for _, revisions := range []bool{true, false} {
				withTag(t, &disk.FS{}, s.Dir, revisions, func(r *walker.Repository, tag *walker.Tag) {
					if got := r.HasSymlink(tag); got != want {
						t.Errorf("revisions known %t: %t", revisions, got)
					}
				})
			}
		})
	}
}
