//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// lacking ends a test that needs a part which is not there: it is skipped, or
// has failed where all parts are required.
func lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	if os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "this needs root, for mounts and other users: run the tests in a container, or with sudo")
	}
}

// need finds a program.
func need(t testing.TB, program, pkg string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	lacking(t, "this needs %s: apt-get install %s", program, pkg)
	return ""
}

// openTemp is t.TempDir that ordinary users can enter.
func openTemp(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// build makes a store below a directory.
func build(t testing.TB, root, text string) *layouttest.Store {
	t.Helper()
	s, err := layouttest.Build(root, text, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Unlock)
	return s
}

// mustRun runs a command of the system.
func mustRun(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// mount mounts for as long as the test runs.
func mount(t testing.TB, at string, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", append(args, at)...).CombinedOutput(); err != nil {
		lacking(t, "mount %s: %v: %s: this needs a container with --privileged", strings.Join(args, " "), err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", at, err)
		}
	})
}

// memory is a new tmpfs, where the test may mount; elsewhere a directory.
func memory(t testing.TB) string {
	t.Helper()
	dir := openTemp(t)
	if os.Getuid() == 0 && exec.Command("mount", "-t", "tmpfs", "-o", "mode=755", "regsweep-test", dir).Run() == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", dir, err)
			}
		})
	}
	return dir
}
