//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// manyOpen is a store that needs many directories at a time: names of many parts,
// links of several algorithms, and more repositories than jobs.
const manyOpen = `
age 30d
scale r repositories=40 images=2 layers=2 base=2
image a/app:v1,v2 as=x layers=base
image a/app:v2 as=y layers=base alias=2
image a/app:v3 as=z alg=sha512
referrer a/app of=x fallback
cosign a/app of=x kind=sig
upload a/app kind=patched size=5k
layer a/app o1 alias
image a/b/c/d/e/f/g/h/i:v1 as=deep
image a/b/c/d/e/f/g/h/i:v1 as=deep2
image a/b/c/d/e/f/g/h/i as=deep3
image a/b/c/d/e/f/g/h/j:v1 as=deep4
image a/b/c/d/e/f/g/h/j as=deep5
upload a/b/c/d/e/f/g/h/j kind=patched size=5k
delete-manifest a/app y
orphan as=o
`

// limited is a system in which a process may open only so many files.
func limited(files int) system {
	return system{before: []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, files), "sh"}}
}

// However few files may be open, a run does all of its work with fewer jobs, or
// is refused before it does any.
func TestFewDescriptors(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	binary(t) // building it is not part of a run
	want := fewFiles(t, 4096)
	for _, step := range want {
		if strings.Contains(step, "refused") {
			t.Fatalf("with enough files: %s", step)
		}
	}
	for _, files := range []int{12, 22, 28, 40, 64} {
		t.Run(fmt.Sprint(files), func(t *testing.T) {
			t.Parallel()
			got := fewFiles(t, files)
			for i, step := range got {
				if step != "refused" && step != want[i] {
					t.Errorf("step %d (-with enough files +got):\n%s", i, cmp.Diff(want[i], step))
				}
				if files >= 40 && step == "refused" {
					t.Errorf("step %d is refused", i)
				}
			}
		})
	}
}

// fewFiles runs commands one after another on a new store, and returns what each
// came to.
func fewFiles(t *testing.T, files int) (steps []string) {
	t.Helper()
	s, err := layouttest.Build(filepath.Join(t.TempDir(), "reg"), manyOpen, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	y := limited(files)
	run := func(args ...string) result {
		t.Helper()
		before := s.Snapshot(t)
		r := y.run(t, append(args, "--root", s.Root)...)
		if strings.Contains(r.stderr, "too many open files") {
			t.Errorf("%d files, %q: %s", files, args, clip(r.stderr))
		}
		if strings.Contains(r.stderr, "can be opened, and one job needs") {
			if r.status != statusFailed {
				t.Errorf("%d files, %q: status %d", files, args, r.status)
			}
			same(t, fmt.Sprintf("%d files, %q: the store", files, args), before, s.Snapshot(t))
			steps = append(steps, "refused")
		}
		return r.result
	}
	told := func(r result, text string) {
		if n := len(steps); n == 0 || steps[n-1] != "refused" || r.status != statusFailed {
			steps = append(steps, fmt.Sprintf("status %d %s", r.status, text))
		}
	}
	r := run("ls", "-q")
	told(r, r.stdout)
	r = run("ls", "a/app", "-q")
	told(r, r.stdout)
	r = run("check", "--read-data", "-q")
	told(r, "")
	r = run("why", "a/app:v3", "-q")
	told(r, "")
	r = run("gc", "-d", "-m", "-o", "json", "--older-than", "1h")
	told(r, fmt.Sprint(r.report.Removed.Blobs, r.report.Removed.Manifests, r.report.Removed.LayerLinks))
	r = run("rm", "a/b/c/d/e/f/g/h/i:v1", "-y", "--trash", "-o", "json")
	told(r, fmt.Sprint(r.report.Removed.Blobs, r.report.Removed.Manifests))
	if list := run("trash", "ls", "-q"); steps[len(steps)-1] != "refused" {
		r = run("trash", "restore", strings.TrimSpace(list.stdout), "-y")
		told(r, fmt.Sprint(len(s.Missing("a/b/c/d/e/f/g/h/i:v1"))))
	} else {
		steps = append(steps, "refused") // there is nothing to restore
	}
	r = run("gc", "-m", "-o", "json", "--older-than", "1h")
	told(r, fmt.Sprint(r.report.Removed.Blobs, r.report.Removed.Manifests, r.report.Removed.LayerLinks))
	r = run("trash", "empty", "-y")
	told(r, "")
	return steps
}
