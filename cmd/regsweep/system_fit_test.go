//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// TestFullFilesystemIsFitted has random stores on a filesystem that they fill to
// 95 %. Afterwards the target is free, and at most one image more; or the status
// is 1, and nothing is left that may go. REGSWEEP_FIT_DISKS says how many stores.
func TestFullFilesystemIsFitted(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm") // for the image, which is synced often
	}
	dir := image32(t, "-O", "^has_journal")
	stores := 48
	if n, err := strconv.Atoi(os.Getenv("REGSWEEP_FIT_DISKS")); err == nil {
		stores = n
	}
	met, missed := 0, 0
	for _, n := range layouttest.Steps(stores) {
		r := rand.New(rand.NewPCG(uint64(n), 95))
		root := filepath.Join(dir, "store")
		text, largest := crowd(r)
		if _, err := layouttest.Build(root, text, layouttest.Options{}); err != nil {
			t.Fatal(err)
		}
		filler := filepath.Join(dir, "filler")
		free, size := spaceOf(t, dir)
		if err := os.WriteFile(filler, make([]byte, max(free-size/20, 0)), 0o600); err != nil {
			t.Fatal(err)
		}
		wanted := size*int64(5+r.IntN(46))/100 + r.Int64N(size/100)
		report, status := fitted(t, root, wanted, r.IntN(2) == 0)
		free, _ = spaceOf(t, dir)
		switch over := free - wanted; {
		case status == statusDone && over >= 0 && over < largest:
			met++
		case status == statusFailed && over < 0 && report.Fit.Shortfall > 0 && report.Fit.Chosen == report.Fit.Images:
			missed++
		default:
			t.Errorf("store %d: status %d, %d bytes over the target of %d, the largest image has %d: %+v\n%s", n, status, over, wanted, largest, report.Fit, text)
		}
		// The estimate is what du and the filesystem say: a block here and there.
		if d := report.Fit.FreeBefore + report.Freed.DiskBytes - free; d < -64<<10 || d > 64<<10 {
			t.Errorf("store %d: %d were free, %d have been freed, and %d are free", n, report.Fit.FreeBefore, report.Freed.DiskBytes, free)
		}
		for _, path := range []string{root, filler} {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d targets were met, %d missed", met, missed)
	if met == 0 {
		t.Error("no target was met")
	}
}

// TestFilesystemOfTheBlobsAloneIsFitted has the blobs on a filesystem of their own,
// which is the one that is to have space: links that go win nothing there.
func TestFilesystemOfTheBlobsAloneIsFitted(t *testing.T) {
	t.Parallel()
	dir := image32(t, "-O", "^has_journal")
	met := 0
	for n := range 3 {
		r := rand.New(rand.NewPCG(uint64(n), 17))
		text, largest := crowd(r)
		s := build(t, filepath.Join(t.TempDir(), "store"), text)
		blobs, there := filepath.Join(s.Dir, "blobs"), filepath.Join(dir, "blobs")
		mustRun(t, "mv", blobs, there)
		if err := os.Mkdir(blobs, 0o755); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "mount", "--bind", there, blobs)
		t.Cleanup(func() { _ = exec.Command("umount", blobs).Run() }) // if the test ends early
		filler := filepath.Join(dir, "filler")
		free, size := spaceOf(t, dir)
		if err := os.WriteFile(filler, make([]byte, max(free-size/20, 0)), 0o600); err != nil {
			t.Fatal(err)
		}
		wanted := size*int64(10+r.IntN(30))/100 + r.Int64N(size/100)
		report, status := fitted(t, s.Root, wanted, n%2 == 0)
		free, _ = spaceOf(t, dir)
		switch over := free - wanted; {
		case status == statusDone && over >= 0 && over < largest:
			met++
		case status == statusFailed && over < 0 && report.Fit.Shortfall > 0 && report.Fit.Chosen == report.Fit.Images:
		default:
			t.Errorf("store %d: status %d, %d bytes over the target of %d, the largest image has %d: %+v\n%s", n, status, over, wanted, largest, report.Fit, text)
		}
		layouttest.Unmount(t, blobs)
		for _, path := range []string{there, filler} {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if met == 0 {
		t.Error("no target was met")
	}
}

// crowd is the text of a store of about 20 MB whose images share layers, and the
// most that the removal of one image can free.
func crowd(r *rand.Rand) (text string, largest int64) {
	var b strings.Builder
	shared := map[string]int{}
	for i := range 36 {
		own := 8 + r.IntN(1<<(6+r.IntN(6)))
		base := fmt.Sprint("base", r.IntN(6))
		if shared[base] == 0 {
			shared[base] = 100 + r.IntN(900)
		}
		fmt.Fprintf(&b, "image %c:v%d layers=%s:%dk,own%d:%dk as=i%d age=%dd\n", 'a'+r.IntN(4), i, base, shared[base], i, own, i, 10+r.IntN(300))
		largest = max(largest, int64(own+shared[base]+200)<<10) // 200k is more than links and directories take
	}
	fmt.Fprintf(&b, "orphan size=%dk age=9d\n", 1+r.IntN(900))
	return b.String(), largest
}

// fitted runs prune with a target.
func fitted(t *testing.T, root string, wanted int64, flags bool) (rep sweep.Report, status int) {
	t.Helper()
	may := []string{"--policy", writeLog(t, filepath.Join(t.TempDir(), "policy.yml"), onlyLast)}
	if flags {
		may = []string{"--filter", ".*:.*", "--keep", "1"}
	}
	r := runProgram(t, "", append([]string{"prune", "--root", root, "--target-free", fmt.Sprint(wanted), "--yes", "-o", "json"}, may...)...)
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil || rep.Fit == nil {
		t.Fatalf("%v: %s", err, r.stderr)
	}
	return rep, r.status
}

const onlyLast = `
version: 1
rules: [{name: all, repositories: ["**"], tags: [{match: ["*"], keep: {last: 1}}]}]
`

// spaceOf is what is free on a filesystem, and its size.
func spaceOf(t *testing.T, dir string) (free, size int64) {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		t.Fatal(err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail * uint64(st.Frsize)), int64(st.Blocks * uint64(st.Frsize))
}
