package containers

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const script = "deploy/docker-exec.sh"

// withoutCache is what the compose file says about a registry without one.
var withoutCache = []string{"--env", "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR="}

// scriptWithCache: what the script sweeps beside a cache can be pushed again at
// once, though nobody reads a warning.
func scriptWithCache(t *testing.T, d *daemon) {
	volume, root := d.on(t)
	d.serve(t, three.image, "--volume", volume)
	s := d.fill(t, root)
	before := d.started(t)
	asked := d.run(t, script, "registry")
	contains(t, "the script without a command", asked.Stdout, "would be removed")
	if d.started(t) != before {
		t.Error("a dry run has restarted the registry")
	}
	s.untouched(t, d, root)
	did := d.run(t, script, "registry", "gc", "-q", "-m", "--older-than", "7d", "--yes")
	if did.Stdout != "" {
		t.Errorf("gc -q says %q", did.Stdout)
	}
	if d.started(t) == before {
		t.Error("the registry was not restarted: it remembers what has been removed")
	}
	d.ready(t)
	s.swept(t, d, root)
	d.push(t, s.dead, "team/app:again")
	if err := d.pull(t, s.dead, "team/app:again"); err != nil {
		t.Error(err)
	}
}

// scriptWithoutCache: such a registry goes on, and takes back what was removed.
func scriptWithoutCache(t *testing.T, d *daemon) {
	volume, root := d.on(t)
	d.serve(t, two.image, append(withoutCache, "--volume", volume)...)
	s := d.fill(t, root)
	before := d.started(t)
	did := d.run(t, "env", "RESTART=never", script, "registry", "gc", "-m", "--older-than", "7d", "--yes")
	if strings.Contains(did.Stderr, "cache") {
		t.Errorf("a warning about a cache that there is not:\n%s", did.Stderr)
	}
	if d.started(t) != before {
		t.Error("the registry was restarted in spite of RESTART=never")
	}
	s.swept(t, d, root)
	d.push(t, s.dead, "team/app:again")
	if err := d.pull(t, s.dead, "team/app:again"); err != nil {
		t.Error(err)
	}
}

// scriptKilled: with the script its run in the container is stopped, in the midst
// of its work, and the next one does the rest.
func scriptKilled(t *testing.T, d *daemon) {
	volume, root := d.on(t)
	d.serve(t, three.image, "--volume", volume)
	s := d.fill(t, root)
	hexes := litter(t, root, 4000)
	age(t, root)
	d.run(t, script, "registry") // copies the program
	before := d.started(t)
	d.docker(t, "update", "--cpus", slow, "registry")
	cmd := d.command(script, "registry", "gc", "-m", "--older-than", "7d", "--yes")
	ended := background(t, cmd)
	few := some(hexes)
	await(t, "something is set aside", func() bool { return gone(root, few) > 0 })
	d.docker(t, "update", "--cpus", hurried, "registry")
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	got := <-ended
	d.docker(t, "update", "--cpus", "2", "registry")
	if got.Status == 0 {
		t.Errorf("the script was stopped and ends with %s", got)
	}
	if d.started(t) == before {
		t.Error("the registry was not restarted after a run that may have removed something")
	}
	if top := d.docker(t, "top", "registry", "-o", "pid,args"); strings.Contains(top, "regsweep gc") {
		t.Errorf("the run goes on in the container:\n%s", top)
	}
	d.ready(t)
	s.whole(t, d)
	if n := gone(root, hexes); n == len(hexes) {
		t.Error("the run was through before it was stopped: this test shows nothing")
	}
	d.run(t, script, "registry", "gc", "-q", "-m", "--older-than", "7d", "--yes")
	d.ready(t)
	if n := gone(root, hexes); n != len(hexes) {
		t.Errorf("after another run %d of %d blobs have gone", n, len(hexes))
	}
	s.swept(t, d, root)
}

// A run is met in its midst with so much of a processor, and still has some seconds
// of work before it when it hears a signal with as much as the second.
const slow, hurried = "0.05", "0.4"

// background starts a program and gives its outcome later.
func background(t *testing.T, cmd *exec.Cmd) <-chan said {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, cmd.Start())
	ended := make(chan said, 1)
	go func() {
		_ = cmd.Wait() // its status is what the test looks at
		ended <- said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	}()
	return ended
}
