package containers

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// daemon is a Docker daemon in namespaces of its own, or Podman in such, which needs
// no daemon. It has no way out: its network is its own bridge and its own loopback.
type daemon struct {
	dir     string // all that it writes, the volumes among it
	group   string // its control group, below each hierarchy
	volumes string // where its volumes are
	client  string // docker or podman
	env     []string
	spaces  []string // options of nsenter: those of its namespaces that the client has to be in
	unshare *exec.Cmd
}

// boot is what runs as the first process of the namespaces. It stays a shell, which
// waits for whatever loses its parent.
const boot = `mount -t tmpfs tmpfs /run && busybox ip link set lo up && { dockerd "$@" & wait; }`

// start starts a daemon, which ends with the test.
func start(t *testing.T) *daemon {
	t.Helper()
	d := prepare(t, "docker", "dockerd", "docker", "containerd", "runc")
	d.volumes = d.path("data/volumes")
	d.env = []string{"DOCKER_HOST=" + d.host(), "DOCKER_CONFIG=" + d.path("config"), "DOCKER_BUILDKIT=0"}
	d.begin(t, boot, "--data-root", d.path("data"), "--exec-root", d.path("exec"), "--pidfile", d.path("pid"), "-H", d.host(),
		"--storage-driver", "overlay2", "--iptables=false", "--ip6tables=false", "--log-level", "warn",
		"--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", "/"+d.group)
	d.spaces = []string{"--net=/proc/" + fmt.Sprint(d.unshare.Process.Pid) + "/ns/net"}
	await(t, "the Docker daemon answers", func() bool { return d.command("docker", "version").Run() == nil })
	return d
}

// prepare makes the directory, which goes with the test, where all parts are there.
func prepare(t *testing.T, client string, needs ...string) *daemon {
	t.Helper()
	for _, part := range append(needs, "unshare", "nsenter", "busybox") {
		parts.Need(t, part)
	}
	if os.Getuid() != 0 {
		parts.Lacking(t, "containers in namespaces of their own need root")
	}
	dir, err := os.MkdirTemp("", "box") // short: the path of a socket has 108 bytes
	must(t, err)
	d := &daemon{dir: dir, group: "regsweep-" + filepath.Base(dir), client: client}
	t.Cleanup(func() { d.end(t) })
	return d
}

// begin makes the namespaces, and runs a script as their first process.
func (d *daemon) begin(t *testing.T, script string, args ...string) {
	t.Helper()
	log, err := os.Create(d.path("log"))
	must(t, err)
	defer log.Close()
	d.unshare = exec.Command("unshare", append([]string{
		"--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child",
		"--mount-proc", "--propagation", "private", "sh", "-c", script, "sh",
	}, args...)...)
	d.unshare.Stdout, d.unshare.Stderr = log, log
	// With unshare all of it is killed, also where the test is.
	d.unshare.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, d.unshare.Start())
}

func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

func (d *daemon) host() string { return "unix://" + d.path("docker.sock") }

// volume is where the files of a named volume are on this machine.
func (d *daemon) volume(name string) string { return filepath.Join(d.volumes, name, "_data") }

// end kills all that the daemon started, and removes all that it wrote.
func (d *daemon) end(t *testing.T) {
	t.Helper()
	if d.unshare != nil && d.unshare.Process != nil {
		_ = d.unshare.Process.Kill()
		_ = d.unshare.Wait() // it was killed, and says so
	}
	if said, err := os.ReadFile(d.path("log")); err == nil && t.Failed() {
		t.Logf("what runs the containers said at the end:\n%s", said[max(0, len(said)-2000):])
	}
	var err error
	for range 100 { // the kernel takes a moment to end a namespace
		if err = errors.Join(os.RemoveAll(d.dir), d.ungroup()); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s has left something: %v", d.client, err)
}

// ungroup removes the control groups, which hold no process any more.
func (d *daemon) ungroup() error {
	var failed []error
	for _, top := range d.groups() {
		var dirs []string
		_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := os.Remove(dirs[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

func (d *daemon) groups() []string {
	one, _ := filepath.Glob("/sys/fs/cgroup/" + d.group)
	each, _ := filepath.Glob("/sys/fs/cgroup/*/" + d.group)
	return append(one, each...)
}

// command is a program that talks to the daemon, with the project as its directory,
// and sees the daemon's network.
func (d *daemon) command(program string, args ...string) *exec.Cmd {
	return d.in(project, program, args...)
}

// in is such a program in another directory, which it enters last: a namespace of
// mounts begins in its root.
func (d *daemon) in(dir, program string, args ...string) *exec.Cmd {
	if path, err := filepath.Abs(dir); err == nil {
		dir = path
	}
	inside := append(slices.Clone(d.spaces), "env", "--chdir="+dir, program)
	cmd := exec.Command("nsenter", append(inside, args...)...)
	cmd.Env = append(append(os.Environ(), d.env...), "DOCKER="+d.client, "REGSWEEP="+filepath.Join(buildDir, "bin", "regsweep"))
	return cmd
}

// said is how a program ended and what it wrote.
type said struct {
	Stdout, Stderr string
	Status         int
}

func (s said) String() string {
	return fmt.Sprintf("status %d\n%.3000s\n%.3000s", s.Status, s.Stdout, s.Stderr)
}

func outcome(t *testing.T, cmd *exec.Cmd) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// run runs a program, which has to succeed.
func (d *daemon) run(t *testing.T, program string, args ...string) said {
	t.Helper()
	got := outcome(t, d.command(program, args...))
	if got.Status != 0 {
		t.Fatalf("%s %s: %s", program, strings.Join(args, " "), got)
	}
	return got
}

// docker runs docker, or podman, which has to succeed.
func (d *daemon) docker(t *testing.T, args ...string) string {
	t.Helper()
	return strings.TrimSpace(d.run(t, d.client, args...).Stdout)
}

// types runs a line as it stands in the documentation, in a directory. Who has Podman
// types that name instead of docker.
func (d *daemon) types(t *testing.T, dir, line string) said {
	t.Helper()
	line = strings.ReplaceAll(line, "docker ", d.client+" ")
	got := outcome(t, d.in(dir, "sh", "-c", line))
	if got.Status != 0 {
		t.Fatalf("%s: %s", line, got)
	}
	return got
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}
