// Package registry runs real registries over a directory, and their own garbage
// collectors.
package registry

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
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

// Version is one of the registries whose storage regsweep sweeps.
type Version struct {
	Name    string // for subtests
	Program string // what .ci/parts installs
}

// V2 is Debian's 2.8.2, V3 is v3.1.2.
var (
	V2 = Version{Name: "2.8", Program: "docker-registry"}
	V3 = Version{Name: "3.1", Program: "registry"}
)

// Versions are all of them.
func Versions() []Version { return []Version{V2, V3} }

// Registry is a registry over a root directory. It may run or not: Root outlives
// every run.
type Registry struct {
	Version
	Root   string // the directory that holds docker/registry/v2
	Config string // the configuration's path; only present once it was started

	tb      testing.TB
	program string
	options Options
	under   []string // a program to run it with
	addr    string
	logPath string
	cmd     *exec.Cmd
	done    chan struct{} // closed when cmd has ended
}

// Start runs a registry over root and waits until it answers. It is stopped
// when the test ends; if that failed, its log is shown.
func Start(tb testing.TB, version Version, root string, options Options) *Registry {
	tb.Helper()
	return StartUnder(tb, version, root, options)
}

// StartUnder runs it as the last arguments of another program, such as a tracer,
// which has to become the registry or to pass signals on.
func StartUnder(tb testing.TB, version Version, root string, options Options, under ...string) *Registry {
	tb.Helper()
	dir := tb.TempDir()
	r := &Registry{
		Version: version,
		Root:    root,
		Config:  filepath.Join(dir, "config.yml"),
		tb:      tb,
		program: parts.Need(tb, version.Program),
		options: options,
		under:   under,
		logPath: filepath.Join(dir, "registry.log"),
	}
	tb.Cleanup(func() {
		r.Kill()
		if tb.Failed() {
			tb.Logf("the end of the log of registry %s:\n%s", r.Name, r.Log(12))
		}
	})
	r.Run()
	return r
}

// HasCache reports whether the registry remembers which blobs it has.
func (r *Registry) HasCache() bool { return r.options.InMemory }

// Addr is host:port of the run that is going on, or of the last one.
func (r *Registry) Addr() string { return r.addr }

// Run starts a registry that was stopped, on a new port and with nothing in its
// memory. A port that somebody else took in the meantime is tried again.
func (r *Registry) Run() {
	r.tb.Helper()
	if r.cmd != nil {
		r.tb.Fatal("registry: it is running already")
	}
	for range 3 {
		if r.run() {
			return
		}
	}
	r.tb.Fatalf("registry %s does not answer:\n%s", r.Name, r.Log(12))
}

func (r *Registry) run() bool {
	r.tb.Helper()
	r.addr = freeAddr(r.tb)
	writeConfig(r.tb, r.Config, r.Root, r.addr, r.Version, r.options)
	log, err := os.OpenFile(r.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.tb.Fatal(err)
	}
	defer log.Close()
	r.cmd = command(append(slices.Clone(r.under), r.program, "serve", r.Config))
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		r.tb.Fatal(err)
	}
	r.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // a registry that a signal stops says so, which is no news
		close(done)
	}(r.cmd, r.done)
	if r.ready(15 * time.Second) {
		return true
	}
	r.Kill()
	return false
}

func (r *Registry) ready(limit time.Duration) bool {
	url := "http://" + r.addr + "/v2/"
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-r.done:
			return false
		default:
		}
		answer, err := http.Get(url)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return true
		}
	}
	return false
}

// Stop ends the registry as an administrator does.
func (r *Registry) Stop() { r.end(syscall.SIGTERM) }

// Kill ends it without warning. Both do nothing if it does not run.
func (r *Registry) Kill() { r.end(syscall.SIGKILL) }

// Restart empties every cache of the registry.
func (r *Registry) Restart() {
	r.tb.Helper()
	r.Stop()
	r.Run()
}

func (r *Registry) end(signal syscall.Signal) {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(signal) // it may have ended by itself
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.done
	}
	r.cmd = nil
}

// Log returns the last lines that the registry wrote, without those of clients that
// asked whether something is there and were told that it is not.
func (r *Registry) Log(lines int) string {
	text, err := os.ReadFile(r.logPath)
	if err != nil {
		return err.Error()
	}
	all := slices.DeleteFunc(strings.Split(string(bytes.TrimSpace(text)), "\n"), func(line string) bool {
		return strings.Contains(line, "http.request.method=HEAD")
	})
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		all[i] = line[:min(len(line), 400)]
	}
	return strings.Join(all, "\n")
}

// LogFile is where the registry writes what it has to say, over all its runs.
func (r *Registry) LogFile() string { return r.logPath }

func command(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	// a test binary that times out must not leave registries behind
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func freeAddr(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	addr := fmt.Sprint(listener.Addr())
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	return addr
}
