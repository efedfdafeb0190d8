package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/e2e/internal/mounts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestOnMounts runs a real registry on filesystems that are served by a program:
// pushes, a dry run, a sweep into the trash, a restore, a push that races, two
// runs at once, a run that is killed, a sweep, and each image pulled by digest.
func TestOnMounts(t *testing.T) {
	versions := registry.Versions()
	for i, kind := range mounts.Kinds() {
		version := versions[i%len(versions)]
		t.Run(kind.Name+"-"+version.Name, func(t *testing.T) {
			here, there := kind.Mount(t)
			m := &mounted{t: t, kind: kind, there: filepath.Join(there, "registry")}
			root := filepath.Join(here, "registry")
			m.check(os.Mkdir(root, 0o755))
			m.pusher = newPusher(t, registry.Start(t, version, root, registry.Options{}), 7)
			m.root = root
			m.pushAll()
			m.trashAndBack()
			m.race()
			m.killed()
			if kind.Hosts {
				m.deadHost()
			}
			m.sweep()
		})
	}
}

// mounted is a registry on a mount.
type mounted struct {
	*pusher
	t           *testing.T
	kind        mounts.Kind
	root, there string // the same root, as this host and another one see it
	kept, gone  []reference
}

func (m *mounted) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// pushAll pushes images, deletes some through the API and overwrites the tags of others.
func (m *mounted) pushAll() {
	for i, image := range m.album(8) {
		switch i % 4 {
		case 1:
			m.deleteManifest(image.repository, image.digest)
			m.gone = append(m.gone, image)
		case 2:
			m.image(image.repository, image.reference, m.artist.image(1))
			m.gone = append(m.gone, image)
		default:
			m.kept = append(m.kept, image)
		}
	}
}

// allPulls pulls what has to be there.
func (m *mounted) allPulls(images []reference, when string) {
	m.t.Helper()
	for _, image := range images {
		if digest, err := m.api.Pull(image.repository, image.digest); err != nil || digest != image.digest {
			m.t.Errorf("%s %s@%s: %s, %v", when, image.repository, image.digest, digest, err)
		}
	}
}

// gc are the arguments of a sweep that spares nothing for its age.
func (m *mounted) gc(more ...string) []string {
	return append([]string{"gc", "-m", "--yes", "--grace", "0", "--older-than", "0", "--root", m.root}, more...)
}

func (m *mounted) trashAndBack() {
	before := regsweep(m.t, m.gc("-d", "-o", "json")...)
	if before.Status != 0 || before.Report.Removed["blobs"] == 0 {
		m.t.Fatalf("the dry run: status %d, removes %v\n%s", before.Status, before.Report.Removed, before.Stderr)
	}
	run := ok(m.t, m.gc("--trash", "-o", "json")...)
	if run.Report.Removed["blobs"] != before.Report.Removed["blobs"] {
		m.t.Errorf("the dry run said %v, the run %v", before.Report.Removed, run.Report.Removed)
	}
	if warned := strings.Contains(run.Stderr, "does not keep other hosts"); warned == m.kind.Hosts {
		m.t.Errorf("it warns of other hosts: %v\n%s", warned, run.Stderr)
	}
	m.allPulls(m.kept, "after the move to the trash")
	name := strings.TrimSpace(ok(m.t, "trash", "ls", "-q", "--root", m.root).Stdout)
	ok(m.t, "trash", "restore", name, "--yes", "--root", m.root)
	m.restart() // it may have remembered that something is not there
	m.allPulls(m.kept, "after the restore")
	if again := regsweep(m.t, m.gc("-d", "-o", "json")...); again.Report.Removed["blobs"] != before.Report.Removed["blobs"] {
		m.t.Errorf("before the trash a run would remove %v, after the restore %v", before.Report.Removed, again.Report.Removed)
	}
}

// stopped starts a sweep, and stops it when it has set names aside.
func (m *mounted) stopped() (*exec.Cmd, *bytes.Buffer) {
	m.t.Helper()
	cmd := exec.Command(must[string](m.t)(build()), m.gc()...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	m.check(cmd.Start())
	m.t.Cleanup(func() { _ = cmd.Process.Kill() }) // most have ended by then
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if aside := asideIn(m.root); len(aside) > 0 {
			m.check(cmd.Process.Signal(syscall.SIGSTOP))
			return cmd, &said
		}
		if time.Now().After(end) {
			m.t.Fatalf("a sweep sets nothing aside:\n%s", said.String())
		}
	}
}

// asideIn finds the links that a run has set aside.
func asideIn(root string) (paths []string) {
	_ = filepath.WalkDir(filepath.Join(root, "docker/registry/v2/repositories"), func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "/link.regsweep") {
			paths = append(paths, path)
		}
		return nil // what is gone by now is not there
	})
	return paths
}

// race pushes an image again while a run removes it, and starts a second run
// beside it, here and on the other host.
func (m *mounted) race() {
	image := m.garbage("album/back")
	cmd, said := m.stopped()
	roots := []string{m.root}
	if m.kind.Hosts {
		roots = append(roots, m.there)
	}
	for _, root := range roots {
		second := regsweep(m.t, "gc", "--yes", "--root", root)
		if second.Status != 1 || !strings.Contains(second.Stderr, "another regsweep works on this store") {
			m.t.Errorf("a second run on %s: status %d\n%s", root, second.Status, second.Stderr)
		}
	}
	m.kept = append(m.kept, reference{"album/back", "again", m.image("album/back", "again", image)})
	m.check(cmd.Process.Signal(syscall.SIGCONT))
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		m.t.Errorf("a run with a push beside it: %v\n%s", err, said.String())
	}
	m.allPulls(m.kept, "after the run with a push beside it")
}

// garbage is an image that was pushed and deleted.
func (m *mounted) garbage(repository string) v1.Image {
	image := m.artist.image(2)
	m.deleteManifest(repository, m.untagged(repository, image))
	return image
}

// killed kills a run at its worst moment. The next one ends what it began.
func (m *mounted) killed() {
	image := m.garbage("album/killed")
	cmd, _ := m.stopped()
	m.check(cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait() // killed
	m.kept = append(m.kept, reference{"album/killed", "back", m.image("album/killed", "back", image)})
	ok(m.t, m.gc()...)
	if aside := asideIn(m.root); len(aside) > 0 {
		m.t.Errorf("names stay set aside: %q", aside)
	}
	m.restart()
	m.allPulls(m.kept, "after a run that was killed")
}

// deadHost holds the lock as a host does that will never give it back. The
// refusal says what cures that.
func (m *mounted) deadHost() {
	file, err := os.OpenFile(filepath.Join(m.there, "docker/registry/v2/.regsweep/lock"), os.O_RDWR, 0)
	m.check(err)
	defer file.Close()
	m.check(unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	refused := regsweep(m.t, m.gc()...)
	_, cure, ok := strings.Cut(strings.TrimSpace(refused.Stderr), "remove the lock: ")
	if refused.Status != 1 || !ok {
		m.t.Fatalf("another host has the lock: status %d\n%s", refused.Status, refused.Stderr)
	}
	if said, err := exec.Command("sh", "-c", cure).CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v\n%s", cure, err, said)
	}
}

func (m *mounted) sweep() {
	ok(m.t, m.gc()...)
	ok(m.t, "check", "--read-data", "--root", m.root)
	m.restart()
	m.allPulls(m.kept, "at the end")
	for _, image := range m.gone {
		if _, err := m.api.Manifest(image.repository, image.digest); err == nil {
			m.t.Errorf("%s@%s is still there", image.repository, image.digest)
		}
	}
	if left := regsweep(m.t, m.gc("-d", "-o", "json")...); left.Report.Removed["blobs"] != 0 {
		m.t.Errorf("a sweep leaves %v", left.Report.Removed)
	}
}
