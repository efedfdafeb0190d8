//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// injected runs gc under strace, which makes a system call on one path fail.
// times says how many such calls there were.
func injected(t *testing.T, s *layouttest.Store, path, call, how string, args ...string) (r ran, times int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	before := []string{need(t, "strace", "strace"), "-f", "-qq", "-o", log, "-e", "trace=" + call, "-e", "inject=" + call + ":" + how}
	// The program opens most paths relative to a directory: any end of the path may be what it says.
	abs := filepath.Join(s.Dir, path)
	before = append(before, "-P", abs)
	parts := strings.Split(path, "/")
	for i := range max(1, len(parts)-1) {
		before = append(before, "-P", strings.Join(parts[i:], "/"))
	}
	r = system{before: before}.gc(t, s, args...)
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return r, strings.Count(string(b), "(INJECTED)")
}

// TestInjectedErrors makes one system call on one path fail while gc marks.
func TestInjectedErrors(t *testing.T) {
	layouttest.Long(t)
	const two = "repositories/a/two"
	blob := func(name string) string { return "blobs/sha256/{xx:" + name + "}/{" + name + "}" }
	table := []struct{ call, path string }{
		{"openat", "repositories"},
		{"openat", two + "/_manifests"},
		{"openat", two + "/_manifests/revisions/sha256/{two}/link"},
		{"openat", two + "/_manifests/tags/v1/current/link"},
		{"openat", two + "/_layers/sha256/{stray}/link"},
		{"openat", "blobs/sha256/{xx:l2}"},
		{"openat", blob("two") + "/data"},
		{"read", two + "/_manifests/revisions/sha256/{two}/link"},
		{"read", two + "/_manifests/tags/v1/current/link"},
		{"read", two + "/_layers/sha256/{stray}/link"},
		{"read", blob("two") + "/data"},
		{"newfstatat", blob("l2") + "/data"},
		{"newfstatat", blob("orphan") + "/data"},
		{"getdents64", "repositories"},
		{"getdents64", "repositories/a"},
		{"getdents64", two},
		{"getdents64", two + "/_manifests"},
		{"getdents64", two + "/_manifests/tags"},
		{"getdents64", two + "/_manifests/revisions"},
		{"getdents64", two + "/_manifests/revisions/sha256"},
		{"getdents64", two + "/_layers"},
		{"getdents64", two + "/_layers/sha256"},
		{"getdents64", two + "/_uploads"},
		{"getdents64", "blobs"},
		{"getdents64", "blobs/sha256"},
		{"getdents64", "blobs/sha256/{xx:l2}"},
	}
	type one struct{ call, path, how string }
	var all []one
	for _, c := range table {
		all = append(all, one{c.call, c.path, "error=EIO"})
		if c.call == "getdents64" {
			// The listing breaks off after all that fits into one call has been said.
			all = append(all, one{c.call, c.path, "error=EIO:when=2"})
		}
	}
	binary(t)
	need(t, "strace", "strace")
	dir := memory(t)
	several(len(all), func(i int) {
		c := all[i]
		t.Run(c.call+"/"+strings.ReplaceAll(c.path, "/", ":")+"/"+c.how, func(t *testing.T) {
			var s *layouttest.Store
			var path string
			var before map[string]string
			var r ran
			// strace counts the calls of each thread by itself, so a second call may be missed.
			for try, fired := 0, false; !fired; try++ {
				if try == 10 {
					t.Fatalf("no %s on %s: nothing was tested\n%s", c.call, path, r.stderr)
				}
				s = build(t, filepath.Join(dir, fmt.Sprintf("%d.%d", i, try)), readStore)
				path, before = pathOf(s, c.path), lstats(t, s)
				var times int
				r, times = injected(t, s, path, c.call, c.how, "-m", "--jobs", "2")
				fired = times > 0 && !strings.Contains(r.stderr, lateLook)
			}
			name := path
			if c.call == "newfstatat" {
				name = filepath.Dir(path) // a blob is its directory
			}
			refuses(t, s, before, r, name)
			whole(t, s, "a/one:v1", "a/two:v1", "a/two:old")
		})
	})
}

// TestOneWrongAnswer is L1: a single ENOENT while marking must not un-mark
// what follows it.
func TestOneWrongAnswer(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	const two = "repositories/a/two"
	table := []struct{ call, path string }{
		{"openat", two + "/_manifests/revisions/sha256/{two}/link"},
		{"openat", two + "/_manifests/tags/v1/current/link"},
		{"openat", two + "/_manifests"},
		{"openat", two + "/_layers/sha256"},
		{"openat", "repositories/a"},
		{"openat", "blobs/sha256/{xx:two}/{two}/data"},
		{"newfstatat", "blobs/sha256/{xx:l2}/{l2}/data"},
	}
	binary(t)
	need(t, "strace", "strace")
	dir := memory(t)
	several(2*len(table), func(i int) {
		c, errno := table[i/2], []string{"ENOENT", "ESTALE"}[i%2]
		t.Run(errno+"/"+c.call+"/"+strings.ReplaceAll(c.path, "/", ":"), func(t *testing.T) {
			// strace counts the calls of each thread by itself, so several threads may each be given a wrong answer. A run
			// looks twice, and asks twice for what is missing: it believes four of them.
			for try, times := 0, 0; times < 1 || times > 3; try++ {
				if try == 20 {
					t.Fatalf("%d times %s on %s: nothing was tested", times, c.call, c.path)
				}
				s := build(t, filepath.Join(dir, fmt.Sprintf("%d.%d", i, try)), readStore)
				var r ran
				r, times = injected(t, s, pathOf(s, c.path), c.call, "error="+errno+":when=1", "-m", "--jobs", "2")
				if times < 1 || times > 3 {
					continue
				}
				if r.status != 0 && r.status != 1 && r.status != 3 {
					t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
				}
				whole(t, s, "a/one:v1", "a/two:v1", "a/two:old")
			}
		})
	})
}
