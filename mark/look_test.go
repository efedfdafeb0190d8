package mark_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// look reads a store as gc -m does after a run that was stopped.
func look(t *testing.T, s *layouttest.Store, fault func(disk.Op, string) error) (*mark.Look, *walker.Findings) {
	t.Helper()
	files := &disk.FS{Fault: fault}
	dir, err := files.OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	findings := new(walker.Findings)
	w := walker.New(dir, walker.Options{Findings: findings, Resumed: true})
	defer w.Close()
	store := mark.Read(t.Context(), w, mark.Rules{
		Now: s.Now, Grace: time.Hour, DeleteUntagged: true, UploadsOlderThan: time.Hour, Resumed: true,
	})
	return store.Look(t.Context(), w, nil), findings
}

// halfRemoved is an index whose child's link a stopped run has set aside.
const halfRemoved = `
	image a/b layers=1 as=child
	index a/b:multi of=child
	move repositories/a/b/_manifests/revisions/sha256/{child}/link repositories/a/b/_manifests/revisions/sha256/{child}/link.regsweep
`

func TestChildWhoseLinkIsAsideIsGivenBack(t *testing.T) {
	l, findings := look(t, layouttest.New(t, halfRemoved), nil)
	if len(l.Items) > 0 || findings.Serious() > 0 {
		t.Errorf("%d items are garbage, problems %v", len(l.Items), findings.Problems())
	}
	if len(l.Restore) != 1 || l.Restore[0].Kind != mark.Manifest {
		t.Errorf("to be given back: %v", l.Restore)
	}
}

func TestManifestWhoseLinkIsAsideAndThatCannotBeReadEndsTheRun(t *testing.T) {
	s := layouttest.New(t, halfRemoved)
	_, findings := look(t, s, func(op disk.Op, path string) error {
		if op == disk.OpRead && strings.Contains(path, s.Digest("child").Hex()+"/data") {
			return syscall.EIO
		}
		return nil
	})
	if findings.Unreadable() != 1 {
		t.Errorf("unreadable paths: %v", findings.Problems())
	}
}

func TestManifestWhoseLinkIsAsideAndThatIsBrokenKeepsItsRepository(t *testing.T) {
	l, findings := look(t, layouttest.New(t, halfRemoved+"damage truncated blob child\nlayer a/b unused"), nil)
	if len(l.Items) > 0 || findings.Serious() == 0 {
		t.Errorf("%d items are garbage, problems %v", len(l.Items), findings.Problems())
	}
}

// A manifest that a registry has stored during a sweep, and that cannot be
// read, may name whatever has been set aside.
func TestManifestStoredSinceTheWalkThatCannotBeReadEndsTheRun(t *testing.T) {
	s := layouttest.New(t, "image a/b:v1 layers=1")
	late := ""
	files := &disk.FS{Fault: func(op disk.Op, path string) error {
		if late != "" && op == disk.OpRead && strings.Contains(path, late) {
			return syscall.EIO
		}
		return nil
	}}
	dir, err := files.OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	w := walker.New(dir, walker.Options{})
	defer w.Close()
	store := mark.Read(t.Context(), w, mark.Rules{Now: s.Now, Grace: time.Hour})
	s.Apply("image a/b layers=1 as=late\nremove repositories/a/b/_manifests/revisions/sha256/{late}")
	late = s.Digest("late").Hex() + "/data"
	store.Look(t.Context(), w, &mark.Aside{})
	if n := w.Findings.Unreadable(); n != 1 {
		t.Errorf("%d paths cannot be read: %v", n, w.Findings.Problems())
	}
}
