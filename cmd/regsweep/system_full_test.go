//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// image32 mounts a new ext4 filesystem of 32 MiB.
func image32(t *testing.T, mkfs ...string) (dir string) {
	t.Helper()
	needRoot(t)
	need(t, "losetup", "mount")
	file := filepath.Join(t.TempDir(), "image")
	dir = openTemp(t)
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 32<<20); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-q", "-F", "-m", "0"}, mkfs...)
	mustRun(t, need(t, "mkfs.ext4", "e2fsprogs"), append(args, file)...)
	mount(t, dir, "-o", "loop", file)
	// What ext4 holds back for itself would let a few more things succeed.
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	reserved := fmt.Sprintf("/sys/fs/ext4/loop%d/reserved_clusters", st.Dev&0xff)
	if err := os.WriteFile(reserved, []byte("0"), 0); err != nil {
		lacking(t, "%v: this needs a container with --privileged", err)
	}
	return dir
}

// fullStore has much that goes: more tags of one repository than fit into one
// block of a directory, so that setting them aside would need space.
func fullStore() string {
	var b strings.Builder
	b.WriteString(`
age 30d
image a/app:v1 layers=shared:20k,l1:40k as=app
image a/app:v2 layers=shared,l2:40k as=app2
image a/app as=untagged layers=shared,u1:60k
index a/app:multi of=app,app2 as=multi
layer a/app stray size=50k
upload a/app kind=patched size=30k
image many/tags:keep layers=k1 as=keep
image many/tags:gone as=gone layers=g1:50k
`)
	for i := range 40 {
		fmt.Fprintf(&b, "tag many/tags:a-tag-with-a-name-that-is-rather-long-%03d gone\n", i)
	}
	b.WriteString("remove repositories/many/tags/_manifests/revisions/sha256/{gone}/link\n")
	for i := range 60 {
		fmt.Fprintf(&b, "orphan size=%dk\n", 1+i%20)
		fmt.Fprintf(&b, "image many/images as=untagged%d layers=1 size=3k\n", i)
	}
	return b.String()
}

// fill makes empty files until no more can be made.
func fill(t *testing.T, dir string) {
	t.Helper()
	for i := range 100_000 {
		err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o644)
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("it does not become full")
}

func TestFullDisk(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for name, c := range map[string]struct {
		mkfs []string
		full func(t *testing.T, dir string)
		free func(st *syscall.Statfs_t) uint64
	}{
		"no free block": {
			[]string{"-b", "1024", "-N", "20000"},
			func(t *testing.T, dir string) {
				file := filepath.Join(dir, "fill")
				if err := os.WriteFile(file, make([]byte, 40<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("it has space: %v", err)
				}
				f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_SYNC, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				for err == nil {
					_, err = f.Write(make([]byte, 1024))
				}
			},
			func(st *syscall.Statfs_t) uint64 { return st.Bfree },
		},
		"no free inode": {
			[]string{"-b", "1024", "-N", "2500"},
			func(t *testing.T, dir string) {
				if err := os.Mkdir(filepath.Join(dir, "fill"), 0o755); err != nil {
					t.Fatal(err)
				}
				fill(t, filepath.Join(dir, "fill"))
			},
			func(st *syscall.Statfs_t) uint64 { return st.Ffree },
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := image32(t, c.mkfs...)
			s := build(t, filepath.Join(dir, "registry"), fullStore())
			c.full(t, dir)
			free := func() uint64 {
				var st syscall.Statfs_t
				if err := syscall.Statfs(dir, &st); err != nil {
					t.Fatal(err)
				}
				return c.free(&st)
			}
			if n := free(); n > 8 {
				t.Fatalf("%d are free", n)
			}
			var before syscall.Statfs_t
			_ = syscall.Statfs(dir, &before)
			r := system{}.gc(t, s, "-m")
			t.Logf("swept in %s", r.took)
			if r.status != 0 { // the tags whose manifest is gone go, too
				t.Errorf("status %d\n%s", r.status, clip(r.stderr))
			}
			if r.report.Failed.Items != 0 || r.report.Removed.Tags != 41 || r.report.Removed.Blobs < 180 {
				t.Errorf("removed %+v, failed %+v\n%s", r.report.Removed, r.report.Failed, clip(r.stderr))
			}
			var after syscall.Statfs_t
			_ = syscall.Statfs(dir, &after)
			if got := int64(after.Bfree-before.Bfree) * int64(before.Bsize); got < r.report.Removed.DiskBytes { //nolint:unconvert // not on every platform
				t.Errorf("%d bytes are free, the report says %d", got, r.report.Removed.DiskBytes)
			}
			if free() < 100 {
				t.Errorf("%d are free", free())
			}
			whole(t, s, "a/app:v1", "a/app:v2", "a/app:multi", "many/tags:keep")
			if again := (system{}).gc(t, s, "-m"); again.status != 0 || len(again.report.Items) != 0 {
				t.Errorf("again: status %d, %v\n%s", again.status, again.report.Items, again.stderr)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	layouttest.Long(t)
	dir := image32(t)
	s := build(t, dir, readStore)
	mustRun(t, "mount", "-o", "remount,ro", dir)
	before := lstats(t, s)
	if r := (system{}).gc(t, s, "-m", "--dry-run"); r.status != 0 || r.report.Removed.Blobs == 0 {
		t.Errorf("a dry run: status %d\n%s", r.status, r.stderr)
	}
	r := system{}.gc(t, s, "-m")
	refuses(t, s, before, r, s.Dir, "read-only")
	for _, args := range [][]string{{"ls"}, {"ls", "a/one"}, {"why", "a/one:v1"}, {"check", "--read-data"}, {"rm", "a/one:v1", "-d"}} {
		if r := runProgram(t, "", append(args, "--root", s.Root)...); r.status != 0 || r.stdout == "" {
			t.Errorf("%v: status %d\n%s", args, r.status, r.stderr)
		}
	}
	for _, args := range [][]string{{"rm", "a/one:v1", "-y"}, {"untag", "a/one:v1", "-y"}} {
		if r := runProgram(t, "", append(args, "--root", s.Root)...); r.status != 1 || !strings.Contains(r.stderr, "read-only") {
			t.Errorf("%v: status %d\n%s", args, r.status, r.stderr)
		}
	}
	mustRun(t, "mount", "-o", "remount,rw", dir)
	if r := (system{}).gc(t, s, "-m"); r.status != 0 || s.Has("orphan") {
		t.Errorf("written again: status %d\n%s", r.status, r.stderr)
	}
	whole(t, s, "a/one:v1", "a/two:v1", "a/two:old")
}

// TestLock holds the store's lock.
func TestLock(t *testing.T) {
	t.Parallel()
	s := build(t, memory(t), readStore)
	before := lstats(t, s)
	for name, how := range map[string]int{"exclusive": syscall.LOCK_EX, "shared": syscall.LOCK_SH} {
		f, err := os.Open(s.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(f.Fd()), how); err != nil {
			t.Fatal(err)
		}
		r := system{}.gc(t, s, "-m")
		if r.status != 1 || r.took > 5*time.Second || !strings.Contains(r.stderr, s.Dir) || !strings.Contains(r.stderr, "--dry-run") {
			t.Errorf("%s: status %d after %s\n%s", name, r.status, r.took, r.stderr)
		}
		if diff := changed(before, lstats(t, s)); diff != nil {
			t.Errorf("%s: %q", name, diff)
		}
		if r := (system{}).gc(t, s, "-m", "--dry-run"); r.status != 0 {
			t.Errorf("a dry run needs no lock: status %d\n%s", r.status, r.stderr)
		}
		f.Close()
	}
	if r := (system{}).gc(t, s, "-m"); r.status != 0 || s.Has("orphan") {
		t.Errorf("status %d when it is free\n%s", r.status, r.stderr)
	}
}

// TestTwoRuns starts a second run while the first one sweeps: it ends at once,
// even where the first one was killed it does not wait for anything.
func TestTwoRuns(t *testing.T) {
	layouttest.Long(t)
	strace := need(t, "strace", "strace")
	s := build(t, memory(t), readStore)
	slow := system{before: []string{strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat,renameat2", "-e", "inject=renameat,renameat2:delay_enter=300000"}}
	first := make(chan ran)
	go func() { first <- slow.gc(t, s, "-m") }()
	// Once something is set aside, the first run is in its midst.
	for began := time.Now(); !setAside(s) && time.Since(began) < patience; {
		time.Sleep(time.Millisecond)
	}
	if r := (system{}).gc(t, s, "-m"); r.status != 1 || r.took > 2*time.Second {
		t.Errorf("the second run: status %d after %s\n%s", r.status, r.took, r.stderr)
	}
	if r := <-first; r.status != 0 || s.Has("orphan") || s.Has("untagged") {
		t.Errorf("the first run: status %d\n%s", r.status, r.stderr)
	}
	whole(t, s, "a/one:v1", "a/two:v1", "a/two:old")
}

// setAside reports whether any name in the store is set aside.
func setAside(s *layouttest.Store) (found bool) {
	_ = filepath.WalkDir(s.Dir, func(path string, _ os.DirEntry, _ error) error {
		found = found || strings.HasSuffix(path, ".regsweep") || strings.Contains(path, "/.regsweep-")
		return nil // names may vanish while we look
	})
	return found
}
