//go:build linux

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// The image from scratch holds one file. So does the directory here that becomes
// the root, with the volume of a registry mounted below it; no /proc, no /dev, no
// /tmp, no /etc/passwd; and the user has a number only.
func TestScratch(t *testing.T) {
	if os.Getuid() != 0 {
		parts.Lacking(t, "this needs root, for chroot")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(regsweep(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "regsweep"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(dir, "var/lib")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(sampleStore(t), filepath.Join(lib, "registry")); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(dir, "var"), func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, 1000, 1000)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, says string }{
		{"gc --dry-run", "would be removed"},
		{"gc -m --older-than 7d --max-remove 80% --yes", "removed"},
		{"ls team/web", "v1.2"},
		{"version", "commit"},
		{"man gc", ".TH REGSWEEP"},
	} {
		cmd := exec.Command("/regsweep", strings.Fields(c.args)...)
		cmd.Dir, cmd.Env = "/", []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Chroot: dir, Credential: &syscall.Credential{Uid: 1000, Gid: 1000},
			Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.says) {
			t.Errorf("regsweep %s: %v\n%s", c.args, err, out)
		}
	}
}
