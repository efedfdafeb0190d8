package containers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDaemonEndsWithOneProcess: whatever becomes of a test, no process, mount or
// file of its daemon is left.
func TestDaemonEndsWithOneProcess(t *testing.T) {
	for client, start := range map[string]func(*testing.T) *daemon{"docker": start, "podman": startPodman} {
		t.Run(client, func(t *testing.T) { endsWithOneProcess(t, start) })
	}
}

func endsWithOneProcess(t *testing.T, start func(*testing.T) *daemon) {
	var d *daemon
	t.Run("a container runs", func(t *testing.T) {
		d = start(t)
		three.load(t, d)
		d.docker(t, "run", "--detach", "--name", "registry", three.image)
		if len(d.processes(t)) == 0 || d.client == "docker" && len(d.groups()) == 0 {
			t.Error("nothing is found while the container runs: this test shows nothing")
		}
	})
	if d == nil || t.Skipped() {
		return
	}
	await(t, "no process is left", func() bool { return len(d.processes(t)) == 0 })
	if left := d.groups(); len(left) > 0 {
		t.Errorf("control groups are left: %v", left)
	}
	if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", d.dir, err)
	}
	if mounts := read(t, "/proc/self/mountinfo"); strings.Contains(mounts, d.dir) {
		t.Errorf("mounts are left:\n%s", mounts)
	}
}

// processes are those that name the daemon's directory in their command line, or
// are in its control group.
func (d *daemon) processes(t *testing.T) (found []string) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may have ended
		group, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		if strings.Contains(string(line), d.dir) || strings.Contains(string(group), d.group) {
			found = append(found, string(line))
		}
	}
	return found
}
