package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// silent is a file server that never answers a request for a lock of a range, as one
// whose lock service has died. The kernel lets no process end whose request is open,
// so a process that is ending has its requests back.
type silent struct {
	fuse.RawFileSystem
	asked *atomic.Int32
}

func (s silent) SetLk(cancel <-chan struct{}, input *fuse.LkIn) fuse.Status {
	if input.LkFlags&fuse.FUSE_LK_FLOCK != 0 || input.Lk.Typ == syscall.F_UNLCK {
		return s.RawFileSystem.SetLk(cancel, input)
	}
	s.asked.Add(1)
	<-cancel
	return fuse.EINTR
}

// mountSilent shows a directory at another place, without locks. It is unmounted when
// the test ends.
func mountSilent(t *testing.T, dir string) (point string, asked *atomic.Int32) {
	t.Helper()
	if os.Getuid() != 0 {
		parts.Lacking(t, "to mount a filesystem needs root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		parts.Lacking(t, "a filesystem that is served by a program needs /dev/fuse: modprobe fuse")
	}
	point, asked = t.TempDir(), new(atomic.Int32)
	loopback := must[fs.InodeEmbedder](t)(fs.NewLoopbackRoot(dir))
	server, err := fuse.NewServer(silent{fs.NewNodeFS(loopback, &fs.Options{}), asked}, point,
		&fuse.MountOptions{Name: "silent", DirectMount: true, EnableLocks: true})
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve()
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	if err := server.WaitMount(); err != nil {
		t.Fatal(err)
	}
	return point, asked
}

// TestFileServerThatDoesNotAnswerForALock holds that a run does not wait for ever for a
// lock: such a server counts as one without locks. The run says that other hosts are
// not kept out, removes what is garbage, and a run on this host is still kept out.
func TestFileServerThatDoesNotAnswerForALock(t *testing.T) {
	t.Parallel() // it waits most of the time
	version := registry.Versions()[0]
	served := t.TempDir()
	point, asked := mountSilent(t, served)
	root := filepath.Join(point, "registry")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	m := &mounted{t: t, root: root, pusher: newPusher(t, registry.Start(t, version, root, registry.Options{}), 7)}
	m.pushAll()
	run := ok(t, m.gc("-o", "json")...)
	if asked.Load() == 0 {
		t.Error("the run has not asked the file server for a lock: this test shows nothing")
	}
	if !strings.Contains(run.Stderr, "does not keep other hosts") {
		t.Errorf("it does not warn of other hosts:\n%s", run.Stderr)
	}
	if run.Report.Removed["blobs"] == 0 {
		t.Errorf("it removes %v", run.Report.Removed)
	}
	m.restart() // it may remember what was removed
	m.allPulls(m.kept, "after the sweep")
	m.race() // and a second run here ends at once
}
