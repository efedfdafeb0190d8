//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// aBlindPlace is a way to run the program where the table of mounts is missing,
// or lacks the mount that the store is on.
type aBlindPlace struct {
	name string
	run  func(t *testing.T, dir string, args ...string) result
}

// blindPlaces run the program on the store in a directory.
func blindPlaces() []aBlindPlace {
	return []aBlindPlace{
		{"without /proc", func(t *testing.T, dir string, args ...string) result {
			hidden := []string{"sh", "-c", `mount -t tmpfs none /proc && exec "$0" "$@"`, binary(t)}
			return runBlind(t, syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}, append(append(hidden, args...), "--root", dir)...)
		}},
		{"behind chroot", func(t *testing.T, dir string, args ...string) result {
			return runBlind(t, syscall.SysProcAttr{Chroot: dir}, append(append([]string{"/regsweep"}, args...), "--root", "/")...)
		}},
		{"behind chroot, with /proc", func(t *testing.T, dir string, args ...string) result {
			if proc := filepath.Join(dir, "proc"); len(namesIn(proc)) == 0 {
				mustMkdir(t, proc)
				mount(t, proc, "-t", "proc", "none")
			}
			return runBlind(t, syscall.SysProcAttr{Chroot: dir}, append(append([]string{"/regsweep"}, args...), "--root", "/")...)
		}},
	}
}

func runBlind(t *testing.T, how syscall.SysProcAttr, args ...string) (r result) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var out, errs bytes.Buffer
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = &how, "/", &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{status: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: errs.String()}
}

// blindStore is a store in a directory that has the program, too.
func blindStore(t *testing.T) *layouttest.Store {
	t.Helper()
	s := build(t, openTemp(t), sharing)
	// A second name, and no copy: while another test starts a process, that may
	// hold a file that was just written, which then cannot be run.
	program := filepath.Join(s.Root, "regsweep")
	if err := os.Link(binary(t), program); err != nil {
		mustRun(t, "cp", binary(t), program)
	}
	return s
}

// bindOn shows a path of the store by another one that is there.
func bindOn(name, from, to string) aShared {
	return aShared{name, func(t testing.TB, s *layouttest.Store) {
		paths := expand(s, []string{from, to})
		mount(t, filepath.Join(s.Dir, paths[1]), "--bind", filepath.Join(s.Dir, paths[0]))
	}}
}

// Where nothing tells what a mount in the store shows, nothing is removed: it
// may be another part of the store.
func TestMountsThatNothingTellsOfAreNotOverlooked(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	ways := sharedByMounts()
	ways = append(ways,
		bindOn("a layer's link, a file", "repositories/a/_layers/sha256/{lc}/link", "repositories/b/_layers/sha256/{lc}/link"),
		bindOn("the directory of a blob", "blobs/sha256/{xx:o}/{o}", "blobs/sha256/{xx:lc}/{lc}"),
		aShared{"a symbolic link to a mount elsewhere", func(t testing.TB, s *layouttest.Store) {
			s.MustApply(t, "copy a b1 deep\ncopy a b2 deep\ncopy a b3 deep\nremove repositories/b/_layers\nsymlink repositories/b/_layers ../../../../../shown")
			shown := filepath.Join(s.Root, "shown")
			mustMkdir(t.(*testing.T), shown)
			mount(t, shown, "--bind", filepath.Join(s.Dir, "repositories/a/_layers"))
		}})
	for i, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := blindStore(t)
			way.do(t, s)
			before := s.Snapshot(t)
			place := blindPlaces()[i%3]
			line := []string{"gc -m --older-than 0", "rm b:v1 --yes"}[i%2]
			if way.name == "the blobs on themselves" {
				// What one of the store's own directories shows is no other part of it.
				r := place.run(t, s.Root, "gc", "--dry-run")
				if r.status != statusDone && r.status != statusProblems {
					t.Errorf("%s: status %d\n%s%s", place.name, r.status, r.stdout, r.stderr)
				}
				return
			}
			r := place.run(t, s.Root, strings.Fields(line)...)
			if r.status != statusFailed || !strings.Contains(r.stderr, "mount") {
				t.Errorf("%s: %s: status %d\n%s%s", place.name, line, r.status, r.stdout, r.stderr)
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}

// A kernel that does not say which mount a file is on is not taken for one that
// says that there is one mount.
func TestKernelsThatDoNotTellMountsAreRefused(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := blindStore(t)
	before := s.Snapshot(t)
	for _, line := range []string{"gc -m --older-than 0", "rm b:v1 --yes"} {
		args := append([]string{
			"sh", "-c", `mount -t tmpfs none /proc && exec "$0" "$@"`,
			need(t, "strace", "strace"), "-f", "--seccomp-bpf", "-qq", "-o", filepath.Join(t.TempDir(), "trace"), "-e", "trace=statx", "-e", "inject=statx:error=ENOSYS", binary(t),
		}, strings.Fields(line)...)
		r := runBlind(t, syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}, append(args, "--root", s.Root)...)
		if r.status != statusFailed || !strings.Contains(r.stderr, "mount") {
			t.Errorf("%s: status %d\n%s%s", line, r.status, r.stdout, r.stderr)
		}
		same(t, "the store", before, s.Snapshot(t))
	}
}

// A store in which nothing is mounted, or a disk of its own, is swept there, too.
func TestStoresWithoutATableOfMountsAreSwept(t *testing.T) {
	layouttest.Long(t)
	needRoot(t)
	for i, place := range blindPlaces() {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			s := blindStore(t)
			args := []string{"gc", "-m", "--older-than", "0"}
			switch i {
			case 0:
				at := filepath.Join(s.Dir, "repositories/own")
				mustMkdir(t, at)
				mount(t, at, "-t", "tmpfs", "none")
			case 1: // what is no part of the store may be mounted elsewhere
				mustMkdir(t, filepath.Join(s.Root, "elsewhere"))
				mount(t, filepath.Join(s.Root, "elsewhere"), "--bind", s.Dir)
				args = append(args, "--trash")
			}
			pulled := whatPulls(s)
			r := place.run(t, s.Root, args...)
			if r.status != statusDone && r.status != statusProblems || s.Has("o") {
				t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			for _, ref := range pulled {
				if lacks := s.Missing(ref); lacks != nil && !strings.Contains(ref, "@") {
					t.Error(ref, lacks)
				}
			}
		})
	}
}

// Without the table of mounts, too, --trash finds what cannot be moved before
// anything is.
func TestTrashFindsMountsThatNothingTellsOf(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := blindStore(t)
	mount(t, filepath.Join(s.Dir, "blobs"), "--bind", filepath.Join(s.Dir, "blobs"))
	before := s.Snapshot(t)
	r := blindPlaces()[1].run(t, s.Root, "gc", "--trash")
	if r.status != statusFailed || !strings.Contains(r.stderr, "nothing has been removed") {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	same(t, "the store", before, s.Snapshot(t))
}
