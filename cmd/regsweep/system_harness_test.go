//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// The system tests run the program as users do: as a process of its own, on
// filesystems that are full or read-only, as users who may not read all, under
// a system that answers with errors, and killed at any moment.

// system is how the program is run.
type system struct {
	uid     int      // the user, if not 0
	gid     int      // the user's group; 0 is the group with the user's number
	before  []string // a command that runs the program
	signal  syscall.Signal
	moment  func(done <-chan struct{}) // returns when the signal is to be sent, or the run is done
	measure bool                       // the peak of its memory
}

// ran is what one run of the program came to.
type ran struct {
	result
	took time.Duration
	peak int64 // bytes of memory, if it was measured
}

var built struct {
	once sync.Once
	dir  string
	held io.Closer
	err  error
}

// binary builds the program, once, and returns its path.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "regsweep-system-"); built.err != nil {
			return
		}
		built.err = errors.Join(os.Chmod(built.dir, 0o755), removeAtEnd(built.dir)) // ordinary users run it, too
		if built.err != nil {
			return
		}
		args := []string{"build", "-o", filepath.Join(built.dir, "regsweep")}
		if systemTags != "" {
			args = append(args, "-tags", systemTags)
		}
		cmd := exec.Command("go", append(args, ".")...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("build the program: %v", built.err)
	}
	return filepath.Join(built.dir, "regsweep")
}

// removeAtEnd removes a directory when this process has ended, however it does:
// whoever waits for the end of the pipe lives longer.
func removeAtEnd(dir string) error {
	cmd := exec.Command("sh", "-c", `cat; rm -rf "$0"`, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	held, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	built.held = held
	return cmd.Start()
}

// patience is how long a run may take: longer is a hang.
const patience = time.Minute

// run runs the program. A hang or a panic fails the test.
func (y system) run(t testing.TB, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	line := slices.Concat(y.before, []string{binary(t)}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = patience / 3 // other children may hold the pipes until they are what they will be
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if y.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(y.uid), Gid: uint32(cmp.Or(y.gid, y.uid))}
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := ran{}
	done := make(chan struct{})
	var watch sync.WaitGroup
	if y.signal != 0 {
		watch.Go(func() {
			y.moment(done)
			_ = syscall.Kill(-cmd.Process.Pid, y.signal) // with what it runs; it may have ended
		})
	}
	if y.measure {
		watch.Go(func() { r.peak = peakOf(cmd.Process.Pid, done) })
	}
	err := cmd.Wait()
	close(done)
	watch.Wait()
	r.took = time.Since(began)
	r.stdout, r.stderr = out.String(), errs.String()
	said := fmt.Sprintf("regsweep %s\n%s%s", strings.Join(args, " "), clip(r.stdout), clip(r.stderr))
	if ctx.Err() != nil {
		t.Fatalf("hung for %s: %s", patience, said)
	}
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %s", err, said)
	}
	r.status = cmd.ProcessState.ExitCode()
	if w := cmd.ProcessState.Sys().(syscall.WaitStatus); w.Signaled() {
		r.status = -int(w.Signal())
	}
	if strings.Contains(r.stderr, "panic:") || strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "fatal error:") {
		t.Errorf("a panic: %s", said)
	}
	if strings.HasPrefix(r.stdout, "{") {
		if err := json.Unmarshal([]byte(r.stdout), &r.report); err != nil && r.status >= 0 {
			t.Errorf("the report is not JSON: %v: %s", err, said)
		}
	}
	return r
}

func clip(s string) string {
	if len(s) > 3000 {
		return s[:3000] + "...\n"
	}
	return s
}

// gc runs gc with -o json -v and judges what every run has to keep to.
func (y system) gc(t testing.TB, s *layouttest.Store, args ...string) ran {
	t.Helper()
	return y.removing(t, s, append([]string{"gc"}, args...)...)
}

// removing is gc for any command that removes.
func (y system) removing(t testing.TB, s *layouttest.Store, args ...string) ran {
	t.Helper()
	r := y.run(t, append(slices.Clone(args), "--root", s.Root, "-o", "json", "-v")...)
	if p := &r.report; p.Live.Blobs+p.Removed.Blobs+p.Failed.Blobs != p.Store.Blobs ||
		p.Live.Bytes+p.Removed.Bytes+p.Failed.Bytes != p.Store.Bytes {
		t.Errorf("live %+v, removed %+v and failed %+v are not the store %+v", p.Live, p.Removed, p.Failed, p.Store)
	}
	if text := harmful(r.stdout + r.stderr); text != "" {
		t.Errorf("harmful output: %q", text)
	}
	return r
}

// harmful is the first line of an output that could steer a terminal.
func harmful(output string) string {
	for _, line := range strings.Split(output, "\n") {
		if !utf8.ValidString(line) || strings.IndexFunc(line, func(r rune) bool {
			return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		}) >= 0 {
			return line
		}
	}
	return ""
}

// peakOf follows the peak of a process' resident memory until it ends. The
// kernel's own figure for it would include this process', which started it.
func peakOf(pid int, done <-chan struct{}) (peak int64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
			if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
				if n, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64); err == nil {
					peak = max(peak, n<<10)
				}
			}
		}
		select {
		case <-done:
			return peak
		case <-tick.C:
		}
	}
}

// changed says what differs between two snapshots.
func changed(before, after map[string]string) (list []string) {
	for path, was := range before {
		if is, ok := after[path]; !ok {
			list = append(list, "gone: "+path)
		} else if is != was {
			list = append(list, fmt.Sprintf("%s: was %s, is %s", path, was, is))
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			list = append(list, "new: "+path)
		}
	}
	slices.Sort(list)
	return list
}

// whole fails the test if something is missing of an image.
func whole(t testing.TB, s *layouttest.Store, refs ...string) {
	t.Helper()
	for _, ref := range refs {
		if missing := s.Missing(ref); missing != nil {
			t.Errorf("%s lacks %q", ref, missing)
		}
	}
}
