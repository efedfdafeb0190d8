package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// stoppedSweep is a sweep that stands after each of its calls that change something.
type stoppedSweep struct {
	t      *testing.T
	cmd    *exec.Cmd // strace
	trace  string    // what it writes
	pid    int       // of the sweep
	stands int       // how often it has stood
	stderr bytes.Buffer
	ended  chan struct{}
}

func (s *stops) startSweep() *stoppedSweep {
	s.t.Helper()
	dir := s.t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	sweep := &stoppedSweep{t: s.t, trace: filepath.Join(dir, "trace"), ended: make(chan struct{})}
	// The shell says which process becomes the sweep.
	args := append([]string{
		"-f", "-y", "-qq", "-o", sweep.trace,
		"-e", "trace=getdents64," + changing + "," + removing, "-e", "inject=" + changing + ":signal=SIGSTOP", "-e", "inject=" + removing + ":signal=SIGSTOP:when=1+6", "--",
		"/bin/sh", "-c", `echo $$ >"$0"; exec "$@"`, pidFile,
		must[string](s.t)(build()),
	}, s.command...)
	sweep.cmd = exec.Command(parts.Need(s.t, "strace"), append(args, "--root", s.registry.Root, "-y", "--jobs", "1")...)
	sweep.cmd.Stderr = &sweep.stderr
	s.check(sweep.cmd.Start())
	go func() {
		_ = sweep.cmd.Wait() // its status is looked at
		close(sweep.ended)
	}()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(pidFile)
		if _, scanned := fmt.Sscanf(string(text), "%d\n", &sweep.pid); err == nil && scanned == nil {
			return sweep
		}
		if time.Now().After(deadline) {
			_ = sweep.cmd.Process.Kill()
			s.t.Fatalf("the sweep does not begin:\n%s", sweep.stderr.String())
		}
	}
}

// next waits until the sweep stands once more. It is false when the sweep has ended.
func (s *stoppedSweep) next() bool {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(500 * time.Microsecond) {
		select {
		case <-s.ended:
			return false
		default:
		}
		if s.stood() > s.stands && s.still() {
			s.stands++
			return true
		}
	}
	s.t.Fatal("the sweep neither stands nor ends")
	return false
}

// looks is how often the sweep has looked at all repositories: it lists their
// directory then, which takes a call for the names and one that finds no more.
func (s *stoppedSweep) looks() int {
	calls := 0
	for line := range strings.Lines(s.traced()) {
		if strings.Contains(line, " getdents64(") && strings.Contains(line, "/v2/repositories>") {
			calls++
		}
	}
	return calls / 2
}

// last is the name of the call that the sweep made last.
func (s *stoppedSweep) last() string {
	name := ""
	for line := range strings.Lines(s.traced()) {
		if _, call, ok := strings.Cut(line, " "); ok {
			if before, _, ok := strings.Cut(strings.TrimSpace(call), "("); ok && !strings.HasPrefix(before, "---") && before != "getdents64" {
				name = before
			}
		}
	}
	return name
}

// stood is how many signals to stop have reached the sweep.
func (s *stoppedSweep) stood() int { return strings.Count(s.traced(), "--- SIGSTOP {") }

// traced are the calls that the sweep has made.
func (s *stoppedSweep) traced() string {
	text, _ := os.ReadFile(s.trace) // not there at first
	return string(text)
}

// still reports whether all threads of the sweep stand.
func (s *stoppedSweep) still() bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.pid))
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		// pid (name) state ...
		_, after, ok := strings.Cut(string(text), ") ")
		if err != nil || !ok || after[0] != 't' && after[0] != 'T' {
			return false
		}
	}
	return err == nil && len(tasks) > 0
}

func (s *stoppedSweep) goOn() { _ = syscall.Kill(s.pid, syscall.SIGCONT) }

func (s *stoppedSweep) status() int {
	<-s.ended
	return s.cmd.ProcessState.ExitCode()
}

// end makes sure that the sweep is gone, whatever became of the test.
func (s *stoppedSweep) end() {
	select {
	case <-s.ended:
	default:
		_ = syscall.Kill(s.pid, syscall.SIGKILL)
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}
