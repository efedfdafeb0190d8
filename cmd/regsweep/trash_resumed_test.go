package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// stoppedRestore is a store in which a run that filled the trash was stopped,
// and then the restore of it, before it had put anything back.
func stoppedRestore(t *testing.T) *layouttest.Store {
	t.Helper()
	var untagged strings.Builder
	for i := range 12 {
		fmt.Fprintf(&untagged, "image a/app layers=u%d as=i%d\n", i, i)
	}
	s := layouttest.New(t, `
age 30d
image a/app:v1 layers=l1
image a/app:v2 layers=l2,base as=second
image a/app:v3 layers=l3,base
image a/app:v4 layers=l4,base
image b:v1 layers=l5,base
`+untagged.String())
	if r := run(t, s, "rm", "a/app:v1", "--trash", "--yes"); r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	runs, err := filepath.Glob(filepath.Join(s.Dir, ".regsweep", "trash", "*"))
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	if err := os.Rename(filepath.Join(runs[0], "run.json"), filepath.Join(runs[0], "restoring.json")); err != nil {
		t.Fatal(err)
	}
	if err := markUnfinished(s.Dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// What is named is looked for in the store as it is when the restore that is
// completed first has ended, and nowhere else.
func TestRemovalAfterAStoppedRestoreTakesOnlyWhatIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		gone []string
	}{
		{[]string{"rm", "a/app:v2", "--yes"}, []string{"a/app:v2"}},
		{[]string{"rm", "a/app:v1", "--yes"}, []string{"a/app:v1"}},
		{[]string{"untag", "a/app:v3", "--yes"}, []string{"a/app:v3"}},
		{[]string{"rm", "--repository", "b", "--yes"}, []string{"b:v1"}},
		{[]string{"prune", "--filter", "a/app:v2", "--ago", "1d", "--yes"}, []string{"a/app:v2"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			s := stoppedRestore(t)
			r := run(t, s, c.args...)
			if r.status != statusDone {
				t.Errorf("status %d\n%s", r.status, r.stderr)
			}
			if r.report.Removed.Manifests > 1 {
				t.Errorf("%d manifests went", r.report.Removed.Manifests)
			}
			if revision := s.Missing("a/app@" + s.Digest("second").String()); slices.Contains(c.gone, "a/app:v2") && len(revision) == 0 {
				t.Error("the tag has gone, and not its image")
			}
			for i := range 12 {
				if ref := fmt.Sprintf("a/app@%s", s.Digest(fmt.Sprintf("i%d", i))); len(s.Missing(ref)) > 0 {
					t.Errorf("%s, which has no tag, lacks %v", ref, s.Missing(ref))
				}
			}
			for _, ref := range []string{"a/app:v1", "a/app:v2", "a/app:v3", "a/app:v4", "b:v1"} {
				whole := len(s.Missing(ref)) == 0
				if gone := slices.Contains(c.gone, ref); whole == gone {
					t.Errorf("%s: whole %v, it was to go %v: %v", ref, whole, gone, s.Missing(ref))
				}
			}
		})
	}
}

// A run that is named twice is put back once, and told once.
func TestARunThatIsNamedTwiceIsRestoredOnce(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\nimage a:v1\nimage c:v1")
	if r := run(t, s, "rm", "a:v1", "--trash", "--yes"); r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	name := strings.TrimSpace(runProgram(t, "", "trash", "ls", "-q", "--root", s.Root).stdout)
	r := runProgram(t, "", "trash", "restore", name, name, "--yes", "--root", s.Root)
	if r.status != statusDone || strings.Count(r.stdout, "run "+name) != 1 || !strings.Contains(r.stdout, "tag a:v1") {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if lacks := s.Missing("a:v1"); len(lacks) > 0 {
		t.Errorf("a:v1 lacks %v", lacks)
	}
}

// A tag that a stopped run had set aside, and a new one of its name that goes
// now, are each in the trash of its own run.
func TestATagSetAsideAndItsSuccessorKeepTheirTargetsInTheTrash(t *testing.T) {
	t.Parallel()
	const manifests = "repositories/a/_manifests"
	s := layouttest.New(t, "age 30d\nimage a:v1,x layers=l1 as=x\nimage a:y layers=l2 as=y")
	if r := run(t, s, "untag", "a:v1", "--trash", "--yes"); r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	trash := filepath.Join(s.Dir, ".regsweep", "trash")
	first := strings.TrimSpace(runProgram(t, "", "trash", "ls", "-q", "--root", s.Root).stdout)
	for from, to := range map[string]string{
		filepath.Join(trash, first, "run.json"):              filepath.Join(trash, first, "moving.json"),
		filepath.Join(trash, first, manifests, "tags", "v1"): filepath.Join(s.Dir, manifests, ".regsweep-v1"),
	} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	s.MustApply(t, "tag a:v1 y age=1d")
	if err := markUnfinished(s.Dir); err != nil {
		t.Fatal(err)
	}
	if r := run(t, s, "untag", "a:v1", "--trash", "--yes"); r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	runs := strings.Fields(runProgram(t, "", "trash", "ls", "-q", "--root", s.Root).stdout)
	if len(runs) != 2 {
		t.Fatalf("there are %v in the trash", runs)
	}
	for i, want := range []string{"x", "y"} {
		link := filepath.Join(trash, runs[i], manifests, "tags", "v1", "current", "link")
		if text, err := os.ReadFile(link); err != nil || string(text) != s.Digest(want).String() {
			t.Errorf("%s has %q: %v; want %s", runs[i], text, err, want)
		}
	}
}

// Emptying gives names back that a stopped run had set aside and that are live.
func TestEmptyingGivesBackWhatAStoppedRunHadSetAside(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\nimage a:v1 layers=l1 as=x\nimage b:v1 as=y\nimage c:v1,v2 layers=l3 as=z\n"+
		aside(revisionPath("a", "x"))+aside(layerPath("a", "l1"))+aside(blobPath("l1")))
	if r := run(t, s, "rm", "b:v1", "--trash", "--yes"); r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	stopped(t, s)
	r := runProgram(t, "", "trash", "empty", "--yes", "--root", s.Root)
	if r.status != statusDone {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if lacks := s.Missing("a:v1"); len(lacks) > 0 {
		t.Errorf("a:v1 lacks %v", lacks)
	}
}

// Where a rename takes two steps, a restore may have been stopped between them.
func TestRestoreOfWhatHasBothNamesAlready(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\nimage a:v1 layers=l1\nimage a as=x\nupload a kind=patched size=100\ntmp repositories/a/_manifests/revisions/sha256/{x}/link")
	if r := run(t, s, "gc", "-m", "--trash"); r.status != statusDone {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	runs, err := filepath.Glob(filepath.Join(s.Dir, ".regsweep", "trash", "*"))
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	var temporaries, uploads int
	for _, path := range files(runs[0]) {
		switch {
		case strings.HasSuffix(path, ".tmp"):
			temporaries++
		case strings.Contains(path, "/_uploads/"):
			uploads++
		case strings.HasSuffix(path, "/data"):
		default:
			continue
		}
		back := filepath.Join(s.Dir, path)
		if err := os.MkdirAll(filepath.Dir(back), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(runs[0], path), back); err != nil {
			t.Fatal(err)
		}
	}
	if temporaries != 1 || uploads == 0 {
		t.Fatal(temporaries, uploads)
	}
	r := runProgram(t, "", "trash", "restore", filepath.Base(runs[0]), "--yes", "--root", s.Root)
	if _, err := os.Stat(runs[0]); r.status != statusDone || !os.IsNotExist(err) {
		t.Errorf("status %d, %v\n%s%s", r.status, err, r.stdout, r.stderr)
	}
}

// files lists all that is no directory, without the trash.
func files(dir string) (list []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == layout.Own {
			return fs.SkipDir
		}
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, rel)
		}
		return nil
	})
	return list
}
