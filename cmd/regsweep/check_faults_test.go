package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// checkWith runs check --read-data over files that fail.
func checkWith(t *testing.T, s *layouttest.Store, fault func(disk.Op, string) error, more ...string) (result, checkResult) {
	t.Helper()
	var out, errs strings.Builder
	p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: &disk.FS{Fault: fault}}
	r := result{status: p.main(append([]string{"check", "--root", s.Root, "--read-data", "--jobs", "1", "-o", "json"}, more...))}
	r.stdout, r.stderr = out.String(), errs.String()
	var c checkResult
	if r.stdout != "" {
		if err := json.Unmarshal([]byte(r.stdout), &c); err != nil {
			t.Fatal(err)
		}
	}
	return r, c
}

const faultStore = "image a:v1 layers=l1 alias=1 as=x\nindex a:v2 of=x\nimage b type=schema1 layers=l1 signatures=1\nlayer a stray\nupload a kind=patched size=1k"

// Whatever cannot be read, a check never says that all is well: it lists the
// path, or says why there is no report.
func TestCheckNeverTakesAnErrorForNoProblem(t *testing.T) {
	t.Parallel()
	s := newStore(t, faultStore)
	before := s.Snapshot(t)
	var calls [len(disk.Ops)]int
	r, _ := checkWith(t, s, func(op disk.Op, _ string) error {
		calls[op]++
		return nil
	}, "--index", "none")
	if r.status != 0 {
		t.Fatalf("without a fault: status %d\n%s", r.status, r.stderr)
	}
	var wg sync.WaitGroup
	for _, op := range disk.Ops {
		for n := 1; n <= calls[op]; n++ {
			wg.Go(func() { checkFault(t, s, op, n, syscall.EIO) })
		}
	}
	wg.Wait()
	for _, op := range []disk.Op{disk.OpLock, disk.OpTouch, disk.OpRename, disk.OpUnlink, disk.OpRmdir, disk.OpSync} {
		if calls[op] > 0 {
			t.Errorf("a check calls %s", op)
		}
	}
	same(t, "the store", before, s.Snapshot(t))
}

// checkFault makes one call of a check fail, and returns whether there is such a call.
func checkFault(t *testing.T, s *layouttest.Store, op disk.Op, n int, err error) (fired bool) {
	t.Helper()
	seen, what := 0, ""
	r, c := checkWith(t, s, func(o disk.Op, path string) error {
		if o != op {
			return nil
		}
		if seen++; seen != n {
			return nil
		}
		fired, what = true, fmt.Sprintf("%v of %s %q, the %d.", err, op, named(s, path), n)
		return err
	}, "--index", "none")
	unread := false
	for _, p := range c.Problems {
		// What could be read is judged, and wrongly of nothing.
		if unread = unread || p.Kind == "ioError"; p.Kind != "ioError" {
			t.Errorf("%s: it says %s %s: %s", what, p.Kind, named(s, p.Path), p.Detail)
		}
	}
	switch {
	case err != syscall.EIO && r.status == 0 && !unread:
	case !fired && err != syscall.EIO:
	case !fired:
		t.Errorf("there is no %d. %s", n, op)
	case r.status != 1 || !strings.Contains(r.stderr, err.Error()) || r.stdout != "" && !unread:
		t.Errorf("%s: status %d\n%s%s", what, r.status, r.stdout, r.stderr)
	}
	return fired
}

// A check goes on if its index cannot be read or written. That is not a problem of
// the store.
func TestCheckGoesOnWithoutAnIndex(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"that is not there", "of the last run"} {
		s := newStore(t, faultStore)
		if kind == "of the last run" {
			checkWith(t, s, nil)
		}
		failed := 0
		r, c := checkWith(t, s, func(_ disk.Op, path string) error {
			if !strings.HasSuffix(path, ".regsweep/index") {
				return nil
			}
			failed++
			return syscall.EIO
		})
		if r.status != 0 || len(c.Problems) > 0 || failed == 0 {
			t.Errorf("an index %s: %d calls failed, status %d\n%s%s", kind, failed, r.status, r.stdout, r.stderr)
		}
	}
}

// One wrong answer of a filesystem that says that something is gone or stale is
// not believed: no image is called broken for it.
func TestCheckDoesNotBelieveOneWrongAnswer(t *testing.T) {
	t.Parallel()
	s := newStore(t, faultStore)
	var wg sync.WaitGroup
	for _, err := range []error{syscall.ENOENT, syscall.ESTALE} {
		for _, op := range []disk.Op{disk.OpOpen, disk.OpStat, disk.OpRead} {
			for first := range 10 {
				wg.Go(func() {
					for n := first + 1; checkFault(t, s, op, n, err); n += 10 {
					}
				})
			}
		}
	}
	wg.Wait()
}

// A sector that cannot be read is said with the images that it breaks, and all else is checked.
func TestCheckSaysWhatABadSectorBreaks(t *testing.T) {
	t.Parallel()
	s := newStore(t, aPair+"damage huge blob l4 size=1k")
	bad := s.Digest("l3").Hex() + "/data"
	r, c := checkWith(t, s, func(op disk.Op, path string) error {
		if op == disk.OpRead && strings.HasSuffix(path, bad) {
			return syscall.EIO
		}
		return nil
	})
	want := []string{
		"corruptBlob blobs/sha256/{}/{l4}/data breaks b:v1 cure repair last rm b@{z}",
		"ioError blobs/sha256/{}/{l3}/data breaks a:v1 a:v2 a@{y}",
	}
	same(t, "the problems", want, c.lines(s))
	if r.status != 1 || !strings.Contains(r.stderr, bad) || !strings.Contains(r.stderr, "1 path cannot be read; everything else has been checked") {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	if c.Checked.BlobsRead != c.Checked.Blobs-1 {
		t.Errorf("checked: %+v", c.Checked)
	}
}

// A blob that is deleted while it is read, by a sweep beside, is no problem.
func TestCheckBlobsThatGoMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 layers=l1 as=x\norphan as=o size=1k")
	gone := s.Digest("o").Hex() + "/data"
	reads := 0
	r, c := checkWith(t, s, func(op disk.Op, path string) error {
		if op == disk.OpOpen && strings.HasSuffix(path, gone) {
			reads++
			if err := os.RemoveAll(filepath.Dir(s.Path("o"))); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if r.status != 0 || len(c.Problems) > 0 || reads == 0 || c.Checked.BlobsRead != c.Checked.Blobs-1 {
		t.Errorf("status %d, %d reads: %s%s", r.status, reads, r.stdout, r.stderr)
	}
}

// What a registry is writing in place is looked at once more.
func TestCheckBlobsThatAreWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 layers=l1 as=x\norphan as=o size=1k")
	path := s.Path("o")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(part []byte) {
		if err := os.WriteFile(path, part, 0o644); err != nil {
			t.Error(err)
		}
	}
	write(content[:100])
	opened := 0
	r, c := checkWith(t, s, func(op disk.Op, name string) error {
		if op == disk.OpOpen && strings.HasSuffix(name, s.Digest("o").Hex()+"/data") {
			if opened++; opened == 2 {
				write(content)
			}
		}
		return nil
	})
	if r.status != 0 || opened != 2 || len(c.Problems) != 0 {
		t.Errorf("status %d, opened %d times: %s%s", r.status, opened, r.stdout, r.stderr)
	}
}

// A layer link that lacks is found, or what could not be read is, whichever
// single call fails or lies.
func TestCheckFindsAMissingLayerLinkThoughACallFails(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 layers=l1 as=x\nremove "+layerPath("a", "l1"))
	calls := 0
	if r, c := checkWith(t, s, func(op disk.Op, _ string) error {
		if op == disk.OpStat {
			calls++
		}
		return nil
	}); r.status != statusProblems || len(c.Problems) != 1 {
		t.Fatalf("without a fault: status %d, %+v", r.status, c.Problems)
	}
	for _, fault := range []error{syscall.EIO, syscall.ENOENT} {
		for n := 1; n <= calls; n++ {
			seen, what := 0, ""
			r, c := checkWith(t, s, func(op disk.Op, path string) error {
				if op != disk.OpStat {
					return nil
				}
				if seen++; seen != n {
					return nil
				}
				what = path
				return fault
			})
			if r.status == statusDone {
				t.Errorf("%v of stat %s: status 0, %+v", fault, named(s, what), c.Problems)
			}
		}
	}
}
