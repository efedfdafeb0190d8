//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// disks are filesystems on files in memory: that of the store and, if there are
// two, that of its blobs. What a file holds is what a disk does: what the
// filesystem has not written yet is not there.
type disks struct {
	files []string
	at    string // where they are mounted
}

const blobsBelow = "docker/registry/v2/blobs"

// mountDisks mounts files at a directory. A filesystem that was cut off replays
// its journal.
func mountDisks(t *testing.T, at string, files []string, options string) *disks {
	t.Helper()
	d := &disks{files: files, at: at}
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		where := at
		if i > 0 {
			where = filepath.Join(at, blobsBelow)
		}
		if out, err := exec.Command("mount", "-t", "ext4", "-o", options, file, where).CombinedOutput(); err != nil {
			lacking(t, "mount %s: %v: %s: this needs a container with --privileged", file, err, out)
		}
	}
	return d
}

// unmount lets go of the filesystems, which are written in full by that.
func (d *disks) unmount(t *testing.T) {
	t.Helper()
	for i := range slices.Backward(d.files) {
		layouttest.Unmount(t, d.mountOf(i))
	}
}

func (d *disks) mountOf(i int) string {
	if i > 0 {
		return filepath.Join(d.at, blobsBelow)
	}
	return d.at
}

// flush writes all that one of the filesystems has in memory, as somebody
// else's sync or the passing of time does.
func (d *disks) flush(t *testing.T, i int) {
	t.Helper()
	dir, err := os.Open(d.mountOf(i))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		t.Error(err)
	}
}

// cut returns what is on the disks at one moment. A filesystem writes when it
// likes: but if what was copied is still there when all has been, then all of
// it was there at the moment between.
func (d *disks) cut(t *testing.T) [][]byte {
	t.Helper()
	for range 1000 {
		if copies, steady := d.read(t, nil); steady {
			if _, steady = d.read(t, copies); steady {
				return copies
			}
		}
	}
	t.Error("the filesystems never stop writing")
	return nil
}

// read reads the disks, and reports whether they are as they were.
func (d *disks) read(t *testing.T, was [][]byte) (contents [][]byte, same bool) {
	t.Helper()
	same = true
	for i, file := range d.files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			return nil, false
		}
		contents = append(contents, b)
		same = same && (was == nil || bytes.Equal(b, was[i]))
	}
	return contents, same
}

// outage is a killing whose runs lose what their filesystems have not written.
type outage struct {
	*killing
	pristine [][]byte // the filesystems before a run
	far      int64    // how far an undisturbed run comes
	serial   atomic.Int64
	moments  atomic.Int64
}

// newOutage puts the template on one filesystem, or on two, of which the second
// has the blobs.
func newOutage(t *testing.T, k *killing, filesystems int) *outage {
	t.Helper()
	needRoot(t)
	mkfs := need(t, "mkfs.ext4", "e2fsprogs")
	o := &outage{killing: k, far: k.all(t)}
	var files []string
	for i := range filesystems {
		file := filepath.Join(o.dir, fmt.Sprintf("disk%d", i))
		if err := errors.Join(os.WriteFile(file, nil, 0o644), os.Truncate(file, 8<<20)); err != nil {
			t.Fatal(err)
		}
		mustRun(t, mkfs, "-q", "-F", "-b", "1024", "-N", "2000", "-J", "size=1", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", file)
		files = append(files, file)
	}
	at := filepath.Join(o.dir, "first")
	d := mountDisks(t, at, files[:1], "loop")
	if err := os.MkdirAll(filepath.Join(at, blobsBelow), 0o755); err != nil {
		t.Fatal(err)
	}
	d.unmount(t)
	d = mountDisks(t, at, files, "loop")
	mustRun(t, "cp", "-a", o.template.Root+"/.", at)
	for i := range files {
		if err := os.Remove(filepath.Join(d.mountOf(i), "lost+found")); err != nil {
			t.Fatal(err)
		}
	}
	d.unmount(t)
	o.pristine, _ = d.read(t, nil)
	return o
}

// plug writes disks anew and mounts them.
func (o *outage) plug(t *testing.T, contents [][]byte, options string) (*disks, *layouttest.Store) {
	t.Helper()
	at := filepath.Join(o.dir, fmt.Sprintf("plug%d", o.serial.Add(1)))
	var files []string
	for i, b := range contents {
		file := fmt.Sprintf("%s.disk%d", at, i)
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	s := *o.template
	s.Root, s.Dir = at, filepath.Join(at, "docker/registry/v2")
	return mountDisks(t, at, files, options), &s
}

func (o *outage) unplug(t *testing.T, d *disks) {
	t.Helper()
	d.unmount(t)
	for _, file := range d.files {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	}
}

// run runs the command, slowly, and returns what was on the disks at some
// moments of it. Now and then somebody else makes a filesystem write what it
// has in memory: a run may not rely on it that what it did first is written first.
func (o *outage) run(t *testing.T, rnd *rand.Rand, most int) (cuts [][][]byte) {
	t.Helper()
	options := []string{"loop", "loop,commit=1", "loop,commit=300", "loop,data=journal"}[rnd.IntN(4)]
	d, s := o.plug(t, o.pristine, options)
	defer o.unplug(t, d)
	w := slowly(t, 300*time.Millisecond/time.Duration(len(o.goes)))
	done, ended := make(chan ran, 1), make(chan struct{})
	go func() {
		defer close(ended)
		done <- system{before: w.before}.run(t, append(slices.Clone(o.command), "--root", s.Root, "--config", o.readonly, "--jobs", "2")...)
	}()
	for n := range most {
		w.comes(o.far*int64(n)/int64(most)+rnd.Int64N(o.far/int64(most)), ended)
		for i := range d.files {
			if rnd.IntN(3) == 0 {
				d.flush(t, i)
			}
		}
		cuts = append(cuts, d.cut(t))
	}
	if r := <-done; r.status != o.ends {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	return append(cuts, d.cut(t))
}

// after mounts disks as they were when the power was cut.
func (o *outage) after(t *testing.T, rnd *rand.Rand, cut [][]byte) {
	t.Helper()
	if !o.isSound(t, cut) {
		return
	}
	o.moments.Add(1)
	d, s := o.plug(t, cut, "loop")
	defer o.unplug(t, d)
	// Whoever can be asked for a manifest has all that it names, by its name.
	for hex := range lacks(t, s.Dir, "data") {
		if !o.dangling[hex] {
			t.Errorf("a manifest link reaches %s, which is gone", hex)
		}
	}
	o.interrupted(t, s, nil, ran{}, syscall.SIGKILL)
	o.finish(t, rnd, s)
}

// TestPowerCut runs commands on filesystems that are cut off at random moments
// and mounted again with their journals replayed.
func TestPowerCut(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	commands := [][]string{{"gc", "-m"}, namedCommands[0], namedCommands[1]} // untag sweeps nothing
	for name, filesystems := range map[string]int{"one filesystem": 1, "blobs on another filesystem": 2} {
		for _, command := range commands {
			t.Run(name+"/"+command[0], func(t *testing.T) {
				t.Parallel()
				newOutage(t, newKilling(t, killText(6), command...), filesystems).test(t, 3, 6)
			})
		}
	}
}

// TestPowerCutOfTrash is the same of the commands about the trash, which is
// always on the store's own filesystem.
func TestPowerCutOfTrash(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for name, b := range map[string]func(t *testing.T) *trashing{
		"gc --trash":    func(t *testing.T) *trashing { return newTrashing(t, "gc", "-m") },
		"trash restore": newRestoring,
		"trash empty":   newEmptying,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newOutage(t, b(t).killing, 1).test(t, 3, 6)
		})
	}
}

func (o *outage) test(t *testing.T, runs, moments int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	runs = layouttest.Samples(runs)
	severalOf(3, runs, func(i int) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for n, cut := range o.run(t, rnd, moments) {
				t.Run(fmt.Sprint(n), func(t *testing.T) { o.after(t, rnd, cut) })
			}
		})
	})
	t.Logf("cut off at %d moments: %v", o.moments.Load(), o.phases)
	if o.moments.Load() < int64(runs*moments) { // of one more for each run
		t.Error("too few copies of the disks were sound")
	}
}

// isSound reports whether the filesystem's own check finds nothing in a copy of
// the disks but a journal to replay. No power cut leaves anything else: where it
// does, the copy is not of one moment, or a loop device has lost a write.
func (o *outage) isSound(t *testing.T, cut [][]byte) bool {
	t.Helper()
	fsck := need(t, "e2fsck", "e2fsprogs")
	for _, b := range cut {
		file := filepath.Join(o.dir, fmt.Sprintf("check%d", o.serial.Add(1)))
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(fsck, "-f", "-p", file).CombinedOutput()
		if rerr := os.Remove(file); rerr != nil {
			t.Error(rerr)
		}
		// 1 says that it has been mended: what was deleted but still open.
		if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Logf("this copy is not looked at: %v\n%s", err, out)
			return false
		}
	}
	return true
}
