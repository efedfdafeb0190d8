package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

func dataOf(s *layouttest.Store, name string) string {
	hex := s.Digest(name).Hex()
	return filepath.Join(s.Dir, "blobs/sha256", hex[:2], hex, "data")
}

// layoutOf is an OCI image layout with all blobs of a store, as they are.
func layoutOf(t *testing.T, s *layouttest.Store) (dir string) {
	t.Helper()
	dir = t.TempDir()
	blobs := filepath.Join(dir, "blobs/sha256")
	err := errors.Join(os.MkdirAll(blobs, 0o755), os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	list, gerr := filepath.Glob(filepath.Join(s.Dir, "blobs/sha256/*/*/data"))
	for _, path := range list {
		b, rerr := os.ReadFile(path)
		err = errors.Join(err, rerr, os.WriteFile(filepath.Join(blobs, filepath.Base(filepath.Dir(path))), b, 0o644))
	}
	if err = errors.Join(err, gerr); err != nil {
		t.Fatal(err)
	}
	return dir
}

// repairOver runs repair over files that fail.
func repairOver(t *testing.T, s *layouttest.Store, fault func(disk.Op, string) error, args ...string) (result, repairedResult) {
	t.Helper()
	var out, errs strings.Builder
	p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: &disk.FS{Fault: fault}}
	r := result{status: p.main(append([]string{"repair", "--root", s.Root, "-o", "json"}, args...))}
	r.stdout, r.stderr = out.String(), errs.String()
	var v repairedResult
	if r.stdout != "" {
		conforms(t, "repair", r.stdout)
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
			t.Fatal(err)
		}
	}
	return r, v
}

// badSectors makes reading of the files fail that have these names now. A file
// that takes the name of one can be read.
func badSectors(t *testing.T, errno error, bad ...string) func(disk.Op, string) error {
	t.Helper()
	was := map[string]os.FileInfo{}
	for _, path := range bad {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		was[path] = info
	}
	return func(op disk.Op, path string) error {
		if op != disk.OpRead {
			return nil
		}
		for at, info := range was {
			if strings.HasSuffix(at, "/"+path) {
				if now, err := os.Stat(at); err == nil && os.SameFile(now, info) {
					return errno
				}
			}
		}
		return nil
	}
}

// What a disk cannot read is exchanged for a verified copy, and kept in the
// trash: another day it may be read. Nothing is removed for it.
func TestRepairExchangesWhatTheDiskCannotRead(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	replica := layoutOf(t, replicaOf(t))
	for name, bad := range map[string][]string{"a layer": {"l2"}, "a manifest": {"x2"}, "both": {"x2", "l2"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := damaged(t, "damage missing blob l3\ndamage zero layer a/app base\n")
			var paths []string
			for _, name := range bad {
				paths = append(paths, dataOf(s, name))
			}
			fault := badSectors(t, syscall.EIO, paths...)
			if r, v := repairOver(t, s, fault, "--from", replica, "--dry-run"); r.status != statusDone && r.status != statusProblems || len(v.Repaired) == 0 {
				t.Errorf("dry run: status %d %+v\n%s", r.status, v, r.stderr)
			}
			r, v := repairOver(t, s, fault, "--from", replica, "--yes")
			if r.status != statusDone {
				t.Fatalf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			if list := checkFinds(t, s); len(list) > 0 {
				t.Errorf("there still is %q", list)
			}
			for _, path := range paths {
				rel, err := filepath.Rel(s.Dir, path)
				kept := filepath.Join(s.Dir, ".regsweep/trash", v.Trashed, rel)
				is, kerr := os.ReadFile(kept)
				now, nerr := os.ReadFile(path)
				if err = errors.Join(err, kerr, nerr); err != nil || string(is) != string(now) {
					t.Errorf("what could not be read is not in the trash: %v", err)
				}
				one, _ := os.Stat(kept)
				if two, _ := os.Stat(path); os.SameFile(one, two) {
					t.Error("it was not exchanged")
				}
			}
			undone(t, s, s, v)
		})
	}
}

// Without a copy, with one that is damaged, or where it is not the disk that
// fails, what cannot be read stays where it is.
func TestRepairLeavesWhatCannotBeReadWhereItIs(t *testing.T) {
	t.Parallel()
	good, bad := layoutOf(t, replicaOf(t)), layoutOf(t, damaged(t, "damage wrong-digest blob l2\ndamage wrong-digest blob x2\n"))
	for name, c := range map[string]struct {
		errno syscall.Errno
		from  []string
	}{
		"no replica":        {syscall.EIO, nil},
		"a damaged replica": {syscall.EIO, []string{"--from", bad}},
		"no rights":         {syscall.EACCES, []string{"--from", good}},
		"a stale handle":    {syscall.ESTALE, []string{"--from", good}},
	} {
		for _, what := range []string{"l2", "x2"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				s := damaged(t, "")
				before := s.Snapshot(t)
				r, _ := repairOver(t, s, badSectors(t, c.errno, dataOf(s, what)), append(c.from, "--yes")...)
				if r.status != statusFailed || !strings.Contains(r.stderr, s.Digest(what).Hex()) && !strings.Contains(r.stderr, "cannot be read") {
					t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
				}
				same(t, "the store", before, s.Snapshot(t))
			})
		}
	}
}
