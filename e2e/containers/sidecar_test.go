package containers

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// narrow is how a sidecar runs: as an ordinary user, with nothing to write to but
// the volume, no rights, no network, little memory. Its image has no /tmp.
var narrow = []string{
	"--user", "1000:1000", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
	"--network", "none", "--memory", "64m", "--memory-swap", "64m", "--env", "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory",
}

// owned is a directory for a registry that runs as user 1000.
func owned(t *testing.T) (volume, root string) {
	t.Helper()
	root = t.TempDir()
	must(t, os.Chown(root, 1000, 1000))
	return root + ":/var/lib/registry", root
}

func sidecar(t *testing.T, d *daemon) {
	d.buildProgram(t)
	volume, root := owned(t)
	d.isNarrow(t)
	d.serve(t, three.image, "--user", "1000:1000", "--volume", volume)
	s := d.fill(t, root)
	hexes := litter(t, root, 3000)
	give(t, root)
	age(t, root)
	asked := d.aside(t, volume, "gc", "-m", "--older-than", "7d", "--dry-run")
	contains(t, "a dry run", asked.Stdout, "would be removed")
	s.untouched(t, d, root)
	did := d.aside(t, volume, "gc", "-m", "--older-than", "7d", "--yes")
	contains(t, "a sidecar of a registry with a cache", did.Stderr, "cache")
	if n := gone(root, hexes); did.Status != 0 || n != len(hexes) {
		t.Errorf("%d of %d blobs have gone: %s", n, len(hexes), did)
	}
	d.docker(t, "restart", "registry")
	d.ready(t)
	s.swept(t, d, root)
	d.push(t, s.dead, "team/app:again") // what it left belongs to the registry
	if err := d.pull(t, s.dead, "team/app:again"); err != nil {
		t.Error(err)
	}
}

// isNarrow shows that the daemon holds to each of the limits.
func (d *daemon) isNarrow(t *testing.T) {
	t.Helper()
	inside := func(script string) said {
		run := append(append([]string{"run", "--rm"}, narrow...), "--entrypoint", "sh", three.image, "-c", script)
		return outcome(t, d.command(d.client, run...))
	}
	seen := inside("id -u; touch /tmp/x || echo read-only; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status; ls /sys/class/net")
	if want := "1000\nread-only\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nlo\n"; seen.Stdout != want {
		t.Errorf("a sidecar sees %s, not %q", seen, want)
	}
	if greedy := inside("dd if=/dev/zero of=/dev/null bs=100M count=1"); greedy.Status != 137 {
		t.Errorf("100 MB of memory where there are 64 MiB: %s", greedy)
	}
}

// sidecarRefused: a user who may not remove the files is told so, and nothing is
// touched.
func sidecarRefused(t *testing.T, d *daemon) {
	d.buildProgram(t)
	volume, root := d.on(t)
	d.serve(t, two.image, "--volume", volume)
	s := d.fill(t, root)
	did := d.aside(t, volume, "gc", "-m", "--older-than", "7d", "--yes")
	if did.Status == 0 || did.Stderr == "" {
		t.Errorf("user 1000 sweeps a store of root: %s", did)
	}
	s.untouched(t, d, root)
}

// aside runs the program in a container as narrow as a sidecar.
func (d *daemon) aside(t *testing.T, volume string, args ...string) said {
	t.Helper()
	run := append(append([]string{"run", "--rm", "--volume", volume}, narrow...), "regsweep")
	return outcome(t, d.command(d.client, append(run, args...)...))
}

// give makes user 1000 the owner of all files.
func give(t *testing.T, root string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 1000, 1000)
	}))
}

// stopped: as the first process of its container, to which the kernel sends no
// signal that it does not ask for, the program hears docker stop, and gives back
// what it had set aside; a run after it does the rest.
func stopped(t *testing.T, d *daemon) {
	d.buildProgram(t)
	volume, root := owned(t)
	d.serve(t, three.image, "--user", "1000:1000", "--volume", volume)
	s := d.fill(t, root)
	hexes := litter(t, root, 4000)
	give(t, root)
	age(t, root)
	t.Cleanup(func() { d.docker(t, "rm", "--force", "sweep") })
	run := append([]string{"run", "--detach", "--name", "sweep", "--cpus", slow, "--volume", volume}, narrow...)
	d.docker(t, append(run, "regsweep", "gc", "-m", "--older-than", "7d", "--yes")...)
	few := some(hexes)
	await(t, "something is set aside", func() bool { return gone(root, few) > 0 })
	d.docker(t, "update", "--cpus", hurried, "sweep")
	d.docker(t, "stop", "sweep")
	state := d.docker(t, "inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", "sweep")
	t.Logf("status and whether memory ran out: %s; %d of %d blobs have gone", state, gone(root, hexes), len(hexes))
	if state == "0 false" || state == "137 false" {
		t.Errorf("status and whether memory ran out after docker stop: %s\n%s", state, d.docker(t, "logs", "sweep"))
	}
	d.docker(t, "restart", "registry")
	d.ready(t)
	s.whole(t, d)
	if did := d.aside(t, volume, "gc", "-m", "--older-than", "7d", "--yes"); did.Status != 0 || gone(root, hexes) != len(hexes) {
		t.Errorf("after another run %d of %d blobs have gone: %s", gone(root, hexes), len(hexes), did)
	}
	s.swept(t, d, root)
}
