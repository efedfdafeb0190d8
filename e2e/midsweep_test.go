package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestPushInMidSweep holds a sweep up at one system call and meanwhile pushes
// an image again whose blobs are about to go. The push may be refused; answered
// with 201, it has to be whole when the sweep is through.
func TestPushInMidSweep(t *testing.T) {
	cases := []struct{ name, calls string }{
		{"before the first name is taken", "renameat,renameat2"},
		{"between the links and the blobs", "syncfs"},
		{"before the first is unlinked", "unlinkat"},
	}
	for _, version := range registry.Versions() {
		for _, c := range cases {
			t.Run(version.Name+"/"+c.name, func(t *testing.T) {
				pushInMidSweep(t, version, c.calls)
			})
		}
	}
}

// held is how long the sweep stands, which has to be enough for a push.
const held = 3 * time.Second

func pushInMidSweep(t *testing.T, version registry.Version, calls string) {
	strace := parts.Need(t, "strace")
	program := must[string](t)(build())
	r := registry.Start(t, version, t.TempDir(), registry.Options{})
	b := newBeside(t, r, 1)
	i := b.album.take("again", "beside/again", "v1")
	i.draw(rand.New(rand.NewSource(2)), nil)
	b.pushKnown(i)
	b.remove(i)
	// what is always dead: links and blobs to take, a directory to remove
	other := b.album.take("other", "beside/other", "v1")
	other.draw(rand.New(rand.NewSource(3)), nil)
	b.pushKnown(other)
	b.remove(other)
	disk.Age(t, r.Root, month, nil)

	cmd := exec.Command(strace, "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"),
		"-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:delay_enter=%d:when=1", calls, held.Microseconds()),
		program, "gc", "-m", "--root", r.Root, "-y")
	cmd.Stderr = os.Stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(held / 3)
	b.pushKnown(i)
	pushed := time.Since(begin)
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("gc: %v", err)
	}
	if all := time.Since(begin); all < held || pushed > all {
		t.Fatalf("the push was through after %v, the sweep after %v: they did not overlap", pushed, all)
	}
	r.Restart()
	b.verify(client.New(r.Addr()), "after the sweep")
	t.Logf("%d requests refused", b.refused.Load())
}

// TestSweepInMidPush holds the registry up while it puts a manifest, after it has
// looked for its blobs and before the link to it has its name, and sweeps
// meanwhile. v3 has a temporary name for the link by then, in the directory that
// says which manifest it is; 2.8 writes in place, and has an empty one.
func TestSweepInMidPush(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) { sweepInMidPush(t, version) })
	}
}

func sweepInMidPush(t *testing.T, version registry.Version) {
	must[string](t)(build())
	root := t.TempDir()
	r := registry.Start(t, version, root, registry.Options{})
	b := newBeside(t, r, 1)
	i := b.album.take("again", "beside/again", "v1")
	i.draw(rand.New(rand.NewSource(2)), nil)
	b.pushKnown(i)
	b.remove(i)
	r.Stop()
	disk.Age(t, root, month, nil)

	slow := registry.StartUnder(t, version, root, registry.Options{}, parts.Need(t, "strace"),
		"-D", "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"),
		"-e", "trace=fsync", "-e", fmt.Sprintf("inject=fsync:delay_enter=%d", (held/3).Microseconds()))
	b.client.Store(client.New(slow.Addr()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.pushKnown(i)
	}()
	time.Sleep(held / 6)
	got := regsweep(t, "gc", "--root", root, "-o", "json")
	select {
	case <-done:
		t.Fatal("the push was through before the sweep: they did not overlap")
	default:
	}
	<-done
	t.Logf("status %d, %d blobs removed, %d requests refused", got.Status, got.Report.Removed["blobs"], b.refused.Load())
	slow.Stop()
	r.Run()
	b.verify(client.New(r.Addr()), "after the sweep")
}
