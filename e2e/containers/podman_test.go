package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// TestPodman does with Podman what the documentation says about Docker.
func TestPodman(t *testing.T) {
	regsweep(t)
	d := startPodman(t)
	two.load(t, d)
	three.load(t, d)
	for _, check := range []struct {
		name string
		run  func(*testing.T, *daemon)
	}{
		{"copied into registry 3", func(t *testing.T, d *daemon) {
			copied(t, d, three, filepath.Join(buildDir, "bin"), promised(t, "README.md", "docker cp regsweep registry:/usr/local/bin/"))
		}},
		{"copied into registry 2", func(t *testing.T, d *daemon) {
			copied(t, d, two, buildDir, promised(t, "docs/guide.md", "docker cp bin/regsweep registry:/usr/local/bin/"))
		}},
		{"script with registry 3 and its cache", scriptWithCache},
		{"script with registry 2 without a cache", scriptWithoutCache},
		{"image of the program", programImage},
		{"image of the registry with the program", registryImage},
		{"container beside the registry's", beside},
		{"sidecar of a user who may not", sidecarRefused},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(t, d) })
	}
}

// bootPodman makes what Podman needs of a system. Podman makes no control groups: it
// could not make them below one of the test. crun asks which kind of them there is,
// and refuses one with both, so it sees none.
const bootPodman = `mkdir -p /var/lib/containers && mount -t tmpfs tmpfs /var/lib/containers &&
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /sys/fs/cgroup && busybox ip link set lo up && touch "$1" &&
while :; do sleep 1000 & wait; done`

// startPodman makes namespaces in which Podman has a store, a configuration and a
// network of its own. All but the volumes is in memory: Podman waits for the disk
// after each step. What it starts when a container ends knows only where the images
// are, and looks for the rest below them, so static_dir is there.
func startPodman(t *testing.T) *daemon {
	t.Helper()
	d := prepare(t, "podman", "podman", "conmon", "crun")
	d.volumes = d.path("volumes")
	for name, text := range map[string]string{
		"registries.conf": "",
		"storage.conf":    "[storage]\ndriver = \"overlay\"\ngraphroot = \"/run/box/graph\"\nrunroot = \"/run/box/run\"\n",
		"containers.conf": fmt.Sprintf(`[containers]
cgroups = "disabled"
netns = "host"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
tmp_dir = "/run/box/tmp"
static_dir = "/run/box/graph/libpod"
volume_path = %q
`, d.volumes),
	} {
		must(t, os.WriteFile(d.path(name), []byte(text), 0o644))
	}
	d.env = []string{
		"CONTAINERS_CONF=" + d.path("containers.conf"), "CONTAINERS_STORAGE_CONF=" + d.path("storage.conf"),
		"CONTAINERS_REGISTRIES_CONF=" + d.path("registries.conf"),
		"BUILDAH_ISOLATION=chroot",
	} // crun wants a control group for a build
	d.begin(t, bootPodman, d.path("booted"))
	proc := fmt.Sprintf("/proc/%d/ns/", d.unshare.Process.Pid)
	d.spaces = []string{"--net=" + proc + "net", "--mount=" + proc + "mnt", "--ipc=" + proc + "ipc", "--uts=" + proc + "uts", "--pid=" + proc + "pid_for_children"}
	await(t, "the namespaces are there", func() bool {
		_, err := os.Stat(d.path("booted"))
		return err == nil
	})
	if got := outcome(t, d.command("podman", "info")); got.Status != 0 {
		parts.Lacking(t, "Podman does not start here; .ci/parts installs podman, conmon and crun, and its images need overlays over tmpfs: "+got.String())
	}
	return d
}
