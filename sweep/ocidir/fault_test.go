package ocidir

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// faults makes calls fail: that with the number fail, or all from there on.
type faults struct {
	mu    sync.Mutex
	calls int
	fail  int // 1 is the first; 0 is none
	stop  bool
	err   error
}

func (f *faults) fault(disk.Op, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.fail > 0 && (f.calls == f.fail || f.stop && f.calls > f.fail) {
		return f.err
	}
	return nil
}

// copyOnce adds a store's blobs to a layout, and lists one of them.
func copyOnce(t testing.TB, f *faults, s *layouttest.Store, dir, name string, method Method) error {
	t.Helper()
	store, err := (&disk.FS{}).OpenStore(filepath.Join(s.Root, layout.Store))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	to, err := Open(&disk.FS{Fault: f.fault}, dir)
	if err != nil {
		return err
	}
	defer to.Close()
	method.Jobs = 1
	if err := to.Add(context.Background(), store, blobsOf(s), method, new(Copied)); err != nil {
		return err
	}
	return to.Commit([]Entry{{Name: name, MediaType: "a/b", Digest: s.Digest("x"), Size: 3}})
}

func blobsOf(s *layouttest.Store) (list []Blob) {
	for _, name := range []string{"x", "one", "two"} {
		d := s.Digest(name)
		list = append(list, Blob{Digest: d, Path: layout.BlobDir(d) + "/" + layout.Data})
	}
	return list
}

// listed are the names in the index of a layout whose images are all there; nil
// if it has none yet.
func listed(t testing.TB, dir string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, indexFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var index struct {
		Manifests []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range index.Manifests {
		names = append(names, m.Annotations[refName])
	}
	return names
}

// whole counts the blobs of a layout, each of which must have its digest.
func whole(t testing.TB, dir string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "blobs/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := layout.FromBytes(layout.SHA256, text).Hex(); got != filepath.Base(file) {
			t.Errorf("the data of %s have the digest %s", filepath.Base(file), got)
		}
		n++
	}
	return n
}

// Whatever call fails, and wherever it stops, the index lists what was there
// before or all of it, every blob is whole, and the next run succeeds.
func TestCopyIsWholeWhereverItFailsOrStops(t *testing.T) {
	s := layouttest.New(t, "image a:v1 layers=one,two as=x size=400k")
	old := t.TempDir() // one blob is missing, so that there is something to copy
	if err := copyOnce(t, &faults{}, s, old, "old", Method{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(old, blobPath(s.Digest("two")))); err != nil {
		t.Fatal(err)
	}
	for _, method := range []Method{{}, {HardLink: true}} {
		count := &faults{}
		if err := copyOnce(t, count, s, t.TempDir(), "a:v1", method); err != nil {
			t.Fatal(err)
		}
		for _, n := range layouttest.Steps(3 * count.calls) {
			step := n/3 + 1
			f := []*faults{{fail: step, err: syscall.EIO}, {fail: step, err: syscall.ENOSPC}, {fail: step, err: syscall.EIO, stop: true}}[n%3]
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
				t.Fatal(err)
			}
			err := copyOnce(t, f, s, dir, "a:v1", method)
			names, blobs := strings.Join(listed(t, dir), " "), whole(t, dir)
			if names != "old" && names != "old a:v1" || names == "old a:v1" && blobs != 3 || err == nil && names != "old a:v1" {
				t.Errorf("step %d (%v): %v; it lists %q with %d blobs", step, f.err, err, names, blobs)
			}
			if err := copyOnce(t, &faults{}, s, dir, "a:v1", method); err != nil || whole(t, dir) != 3 {
				t.Errorf("step %d (%v): the next run: %v", step, f.err, err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".regsweep-*")); len(left) > 0 {
				t.Errorf("step %d: %q is left", step, left)
			}
		}
	}
}

func TestCopyStopsWhenItIsAskedTo(t *testing.T) {
	s := layouttest.New(t, "image a:v1 layers=one,two as=x")
	dir := t.TempDir()
	to, err := Open(&disk.FS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	store, err := (&disk.FS{}).OpenStore(filepath.Join(s.Root, layout.Store))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	asked := errors.New("somebody asked")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(asked)
	if err := to.Add(ctx, store, blobsOf(s), Method{Jobs: 4}, new(Copied)); !errors.Is(err, asked) {
		t.Errorf("it ends with %v", err)
	}
	if n := whole(t, dir); n != 0 {
		t.Errorf("%d blobs are there", n)
	}
	if _, err := Open(&disk.FS{}, dir); !errors.Is(err, ErrBusy) {
		t.Errorf("a second run gets %v", err)
	}
}
