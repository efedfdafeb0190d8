package walker_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

func open(t *testing.T, f *disk.FS, dir string, opts walker.Options) *walker.Walker {
	t.Helper()
	d, err := f.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	w := walker.New(d, opts)
	t.Cleanup(w.Close)
	return w
}

// seen is what a walk calls back with.
type seen struct {
	mu           sync.Mutex
	blobs        map[layout.Digest]walker.BlobState
	repositories map[string][]string // tags
}

func walk(ctx context.Context, w *walker.Walker) *seen {
	s := &seen{blobs: map[layout.Digest]walker.BlobState{}, repositories: map[string][]string{}}
	w.Top()
	w.Blobs(ctx, nil, func(b walker.Blob) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.blobs[b.Digest] = b.State
	})
	w.Repositories(ctx, func(r *walker.Repository) {
		var tags []string
		for _, tag := range r.Tags(ctx, nil) {
			tags = append(tags, strings.Clone(tag.Name))
		}
		slices.Sort(tags)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !r.Empty {
			s.repositories[strings.Clone(r.Name)] = tags
		}
	})
	return s
}

const several = `
	image a/b:v1 layers=l1,l2
	image a/b:v2 layers=l1,l3
	image a:v1 layers=l4
	image deep/er/and/deeper:x layers=l5`

// TestWalkIsTheSameWithAnyNumberOfJobs holds that nothing is left out or found
// twice, however many workers there are.
func TestWalkIsTheSameWithAnyNumberOfJobs(t *testing.T) {
	s := layouttest.New(t, several)
	want := walk(t.Context(), open(t, &disk.FS{}, s.Dir, walker.Options{Jobs: 1}))
	if tags := want.repositories; len(want.blobs) < 10 || !slices.Equal(tags["a/b"], []string{"v1", "v2"}) || len(tags) != 3 {
		t.Fatalf("one worker finds %d blobs, and %v", len(want.blobs), tags)
	}
	for _, jobs := range []int{2, 7, 64, -1, -3} { // less than 0: in the order of inodes
		var findings walker.Findings
		got := walk(t.Context(), open(t, &disk.FS{}, s.Dir, walker.Options{Jobs: max(jobs, -jobs), InOrder: jobs < 0, Findings: &findings}))
		if !maps.Equal(want.blobs, got.blobs) {
			t.Errorf("%d workers find other blobs", jobs)
		}
		if diff := cmp.Diff(want.repositories, got.repositories); diff != "" {
			t.Errorf("%d workers find other tags (-want +got)\n%s", jobs, diff)
		}
		if problems := findings.Problems(); len(problems) > 0 {
			t.Errorf("%d workers find problems: %v", jobs, problems)
		}
	}
}

// TestWalkEndsWhenItIsCancelled cancels at every call, and holds that the walk
// returns, makes no more than a few calls after that, and leaves no goroutine.
func TestWalkEndsWhenItIsCancelled(t *testing.T) {
	s := layouttest.New(t, several)
	var calls atomic.Int64
	counting := &disk.FS{Fault: func(disk.Op, string) error { calls.Add(1); return nil }}
	walk(t.Context(), open(t, counting, s.Dir, walker.Options{Jobs: 4}))
	total := calls.Load()
	before := runtime.NumGoroutine()
	for at := int64(1); at < total; at += 5 {
		ctx, cancel := context.WithCancel(t.Context())
		var made, after atomic.Int64
		f := &disk.FS{Fault: func(disk.Op, string) error {
			if made.Add(1) == at {
				cancel()
			}
			if ctx.Err() != nil {
				after.Add(1)
			}
			return nil
		}}
		walk(ctx, open(t, f, s.Dir, walker.Options{Jobs: 4, InOrder: at%2 == 0}))
		cancel()
		if after.Load() > 100 {
			t.Errorf("cancelled at call %d of %d, and %d were made after that", at, total, after.Load())
		}
	}
	if now := runtime.NumGoroutine(); now > before+5 {
		t.Errorf("%d goroutines were left", now-before)
	}
}

// TestOwnNamesAreKnown holds that what a run makes beside blobs and repositories is
// not reported as unknown.
func TestOwnNamesAreKnown(t *testing.T) {
	s := layouttest.New(t, several+"\nraw .regsweep-lock \nraw .regsweep-unfinished \nmkdir .regsweep-probe\nmkdir .regsweep\nraw .regsweep-other x")
	var findings walker.Findings
	walk(t.Context(), open(t, &disk.FS{}, s.Dir, walker.Options{Findings: &findings}))
	if p := findings.Problems(); len(p) != 1 || p[0].Kind != walker.UnknownFile || p[0].Path != ".regsweep-other" {
		t.Errorf("found: %+v", p)
	}
}

// TestWhatCannotBeReadIsFound fails every call in its turn, and holds that the
// walk goes on, and that what it could not see is a finding: an error is never
// taken for absence.
func TestWhatCannotBeReadIsFound(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		t.Run(fmt.Sprintf("in order=%v", inOrder), func(t *testing.T) { whatCannotBeReadIsFound(t, inOrder) })
	}
}

func whatCannotBeReadIsFound(t *testing.T, inOrder bool) {
	s := layouttest.New(t, several)
	want := walk(t.Context(), open(t, &disk.FS{}, s.Dir, walker.Options{Jobs: 1}))
	for n := int64(2); ; n++ { // the first opens the store
		var made atomic.Int64
		failed := ""
		f := &disk.FS{Fault: func(op disk.Op, path string) error {
			if made.Add(1) != n {
				return nil
			}
			failed = fmt.Sprintf("%s %s", op, path)
			return syscall.EIO
		}}
		var findings walker.Findings
		got := walk(t.Context(), open(t, f, s.Dir, walker.Options{Jobs: 1, InOrder: inOrder, Findings: &findings}))
		if failed == "" {
			if n < 30 {
				t.Errorf("a walk makes %d calls only", n)
			}
			return
		}
		whole := maps.Equal(want.blobs, got.blobs) && cmp.Equal(want.repositories, got.repositories)
		if unreadable := slices.ContainsFunc(findings.Problems(), func(p walker.Problem) bool { return p.Kind == walker.IOError }); !whole && !unreadable {
			t.Errorf("%s fails, something is missing, and nothing says so", failed)
		}
	}
}

// TestSymbolicLinksAreFollowedOnce walks directories that lead to each other.
func TestSymbolicLinksAreFollowedOnce(t *testing.T) {
	s := layouttest.New(t, several)
	for at, to := range map[string]string{
		"repositories/circle":  ".",
		"repositories/a/back":  "..",
		"repositories/other":   "deep",
		"repositories/nowhere": "absent",
		"blobs/sha256/zz":      ".",
	} {
		if err := os.Symlink(to, filepath.Join(s.Dir, filepath.FromSlash(at))); err != nil {
			t.Skip("symbolic links cannot be made here")
		}
	}
	got := walk(t.Context(), open(t, &disk.FS{}, s.Dir, walker.Options{Jobs: 8}))
	if !slices.Equal(got.repositories["a/b"], []string{"v1", "v2"}) || !slices.Equal(got.repositories["deep/er/and/deeper"], []string{"x"}) {
		t.Errorf("what is behind no link is not found: %v", got.repositories)
	}
	if len(got.repositories) > 20 {
		t.Errorf("circles were walked: %d repositories", len(got.repositories))
	}
}
