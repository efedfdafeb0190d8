package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// tracer runs the program as its own process, with faults injected by strace.
type tracer struct {
	binary string
}

func newTracer(t *testing.T) tracer {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1" {
			t.Fatal("strace is not installed, and REGSWEEP_REQUIRE_PARTS is set")
		}
		t.Skip("strace is not installed: apt-get install strace")
	}
	binary := filepath.Join(t.TempDir(), "regsweep")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return tracer{binary: binary}
}

// fault is an error that some calls on one path get.
type fault struct {
	name  string
	path  string // below the store's directory
	calls string // such as openat, or several with commas
	errno string
	when  string // strace's: 1 is the first time in each thread, 1+ is always; or firstTry
}

// firstTry faults calls that are relative to a directory below the store's: a
// file is opened once more by its path, and that succeeds, in any thread.
const firstTry = "first try"

const statCalls = "newfstatat,statx,fstat"

// run runs gc with the fault and says how often it fired. Which path a call is
// about is known by its descriptor, or by the end of a relative path, since
// directories are opened once. A name on its own is too little to go by.
func (tr tracer) run(t *testing.T, s *layouttest.Store, f fault, args ...string) (result, int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	inject := fmt.Sprintf("inject=%s:error=%s:when=%s", f.calls, f.errno, strings.Replace(f.when, firstTry, "1+", 1))
	command := []string{"-f", "-o", log, "-e", "trace=" + f.calls, "-e", inject}
	parts := strings.Split(f.path, "/")
	for i := 1; i < len(parts)-1; i++ {
		command = append(command, "-P", strings.Join(parts[i:], "/"))
	}
	if f.when != firstTry {
		command = append(command, "-P", f.path, "-P", filepath.Join(s.Dir, f.path))
	}
	command = append(command, tr.binary, "gc", "--root", s.Root, "--jobs", "1")
	cmd := exec.Command("strace", append(command, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1") // mostly one thread, for strace counts in each
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	traced, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return result{status: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}, strings.Count(string(traced), "(INJECTED)")
}

// fiveImages have tags that no other repository uses, so that a fault hits one path.
const fiveImages = `
	image a/b:one as=one layers=2
	image a/b:two as=two layers=2
	image a/b:three as=three layers=2 alias=1
	image a/b:four as=four layers=2
	image a/b:five as=five layers=2
	image FIRST:six as=six
	layer FIRST unused
	orphan as=o
`

// The registries' collectors take the rest of the repository's images for dead.
func TestL1VanishedManifestLinkDoesNotUnmarkTheRestOfItsRepository(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	tr := newTracer(t)
	link := "repositories/a/b/_manifests/revisions/sha256/{three}/link"
	tag := "repositories/a/b/_manifests/tags/three/current/link"
	for _, f := range []fault{
		{"a manifest's link at open", link, "openat", "ENOENT", firstTry},
		{"a manifest's link, stale at stat", link, statCalls, "ESTALE", "1"},
		{"a manifest's link, stale", link, "openat", "ESTALE", firstTry},
		{"a manifest's link, stale when it is read", link, "read,pread64", "ESTALE", "1"},
		{"a manifest at open", "blobs/sha256/{xx:three}/{three}/data", "openat", "ENOENT", "1"},
		{"a manifest, stale when it is read", "blobs/sha256/{xx:three}/{three}/data", "read,pread64", "ESTALE", "1"},
		{"a tag's link at open", tag, "openat", "ENOENT", firstTry},
		{"a tag's link, stale at stat", tag, statCalls, "ESTALE", "1"},
		{"a tag's link, stale", tag, "openat", "ESTALE", firstTry},
		{"an alias's link", "repositories/a/b/_layers/sha512/ALIAS/link", "openat", "ENOENT", firstTry},
	} {
		for _, first := range []string{"aaa/x", "zzz/x"} {
			t.Run(f.name+" "+first, func(t *testing.T) {
				t.Parallel()
				s := layouttest.New(t, strings.ReplaceAll(fiveImages, "FIRST", first))
				f.path = withDigests(s, f.path)
				r, fired := tr.run(t, s, f, "-m", "-o", "json")
				if fired == 0 {
					t.Fatalf("the fault has not happened\n%s", r.stderr)
				}
				refs := []string{"a/b:one", "a/b:two", "a/b:four", "a/b:five", first + ":six"}
				if fired == 1 || f.when == firstTry { // what was there the second time has not vanished
					refs = append(refs, "a/b:three")
					if r.status != 0 || s.Has("o") {
						t.Errorf("status %d, the orphan is there: %t\n%s", r.status, s.Has("o"), r.stderr)
					}
				}
				for _, ref := range refs {
					if missing := s.Missing(ref); missing != nil {
						t.Errorf("%s lacks %v\n%s", ref, missing, r.stderr)
					}
				}
			})
		}
	}
}

// withDigests writes digits for {NAME} and {xx:NAME}, as the store's text does,
// and for ALIAS those by which three calls its layer.
func withDigests(s *layouttest.Store, path string) string {
	path = strings.ReplaceAll(path, "ALIAS", s.Alias("three.alias1").Hex())
	for _, name := range s.Names() {
		if s.Digest(name).IsZero() { // an upload
			continue
		}
		hex := s.Digest(name).Hex()
		path = strings.NewReplacer("{"+name+"}", hex, "{xx:"+name+"}", hex[:2]).Replace(path)
	}
	return path
}

// A link that stays away is counted as deleted: alone.
func TestL1ManifestLinkThatStaysAwayIsTheOnlyOneThatGoes(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	tr := newTracer(t)
	s := layouttest.New(t, strings.ReplaceAll(fiveImages, "FIRST", "c/d"))
	f := fault{path: withDigests(s, "repositories/a/b/_manifests/revisions/sha256/{three}/link"), calls: "openat," + statCalls, errno: "ENOENT", when: "1+"}
	r, fired := tr.run(t, s, f, "-m", "-o", "json")
	if fired == 0 {
		t.Fatal("the fault has not happened")
	}
	for _, ref := range []string{"a/b:one", "a/b:two", "a/b:four", "a/b:five", "c/d:six"} {
		if missing := s.Missing(ref); missing != nil {
			t.Errorf("%s lacks %v\n%s", ref, missing, r.stderr)
		}
	}
}

// lateLook is what a run says whose last look failed: it was not in the mark phase.
const lateLook = "have their names back"

func TestLiveNothingGoesAfterAnInputOutputErrorOrAListingThatBreaksOff(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	tr := newTracer(t)
	var faults []fault
	for _, path := range []string{
		"repositories/a/b/_manifests/revisions/sha256/{three}/link", "repositories/a/b/_manifests/tags/three/current/link",
		"blobs/sha256/{xx:three}/{three}/data", "repositories/a/b/_layers/sha512/ALIAS/link",
	} {
		faults = append(faults, fault{path + " at open", path, "openat", "EIO", "1+"}, fault{path + " when it is read", path, "read,pread64", "EIO", "1+"},
			fault{path + " that is forbidden", path, "openat", "EACCES", "1+"}, fault{path + " without descriptors", path, "openat", "EMFILE", "1+"})
	}
	for _, path := range []string{"blobs/sha256/{xx:o}/{o}/data", "blobs/sha256/{xx:one}/{one}/data", "repositories/a/b/_layers/sha256/{unused}/link"} {
		faults = append(faults, fault{path + " at stat", path, statCalls, "EIO", "1+"})
	}
	for _, path := range []string{
		"blobs", "blobs/sha256", "blobs/sha256/{xx:three}", "repositories", "repositories/a", "repositories/a/b",
		"repositories/a/b/_manifests", "repositories/a/b/_manifests/revisions", "repositories/a/b/_manifests/revisions/sha256",
		"repositories/a/b/_manifests/tags", "repositories/a/b/_layers", "repositories/a/b/_layers/sha256", "repositories/a/b/_layers/sha512",
		"repositories/a/b/_uploads", "repositories/a/b/_uploads/00000000-0000-7000-8000-000000000001",
	} {
		faults = append(faults, fault{path + " at once", path, "getdents64", "EIO", "1+"}, fault{path + " in the middle", path, "getdents64", "EIO", "2+"})
		if strings.Contains(path, "/") {
			faults = append(faults, fault{path + " at open", path, "openat", "EIO", "1+"})
		}
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			var s *layouttest.Store
			var before map[string]string
			var r result
			var fired int
			// Of a listing's calls each may be another thread's first, and a thread's
			// second be one of the last look, when uploads have gone.
			for range 10 {
				s = layouttest.New(t, strings.ReplaceAll(fiveImages, "FIRST", "a/b")+"upload a/b age=30d")
				f := f
				f.path = withDigests(s, f.path)
				before = s.Snapshot(t)
				if r, fired = tr.run(t, s, f, "-m"); fired > 0 && !strings.Contains(r.stderr, lateLook) {
					break
				}
			}
			if fired == 0 || strings.Contains(r.stderr, lateLook) {
				t.Fatalf("the fault has not happened in the mark phase\n%s", r.stderr)
			}
			// A blob may be called by its directory.
			if r.status != 1 || !strings.Contains(r.stderr+r.stdout, strings.TrimSuffix(withDigests(s, f.path), "/data")) {
				t.Errorf("status %d, want 1 and the path\n%s%s", r.status, r.stdout, r.stderr)
			}
			if diff := cmp.Diff(before, s.Snapshot(t)); diff != "" {
				t.Errorf("the store has changed (-before +after)\n%s", diff)
			}
		})
	}
}
