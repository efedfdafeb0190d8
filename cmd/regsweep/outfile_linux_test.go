package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"golang.org/x/sys/unix"
)

// One of the process's own descriptors is written where it stands, a file that
// has been redirected to as well, and the link that names it stays.
func TestFileOnADescriptor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.WriteString("before "); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "stdout")
	if err := os.Symlink("/proc/self/fd/"+fdOf(out), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, "/dev/fd/" + fdOf(out), "/proc/self/fd/" + fdOf(out)} {
		if err := writeTo(t, path, "plan "); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := out.WriteString("after"); err != nil {
		t.Fatal(err)
	}
	same(t, "the file", "before plan plan plan after", readFile(t, out.Name()))
	if _, err := os.Readlink(link); err != nil {
		t.Error(err)
	}
	in, err := os.Open(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := writeTo(t, "/dev/fd/"+fdOf(in), "plan"); err == nil {
		t.Error("a descriptor that is only read was accepted")
	}
}

// A pipe and a device are written to; a pipe that nobody reads is refused, since
// the run would wait for ever.
func TestFileIsAPipeOrADevice(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	if err := writeTo(t, pipe, "plan"); err == nil {
		t.Error("a pipe without a reader was accepted")
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := writeTo(t, pipe, "plan"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what came through the pipe", "plan", string(text))
	if err := writeTo(t, "/dev/null", "plan"); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().IsRegular() {
		t.Errorf("/dev/null is %v, %v", info.Mode(), err)
	}
}

// A file keeps its owner, and one that cannot be replaced is written over.
func TestFileKeepsItsOwnerAndPlace(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	file, mounted := filepath.Join(dir, "r.json"), filepath.Join(dir, "mounted.json")
	for _, name := range []string{file, mounted} {
		if err := os.WriteFile(name, []byte("a longer old text"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(file, 1234, 2345); err != nil {
		t.Fatal(err)
	}
	if err := writeTo(t, file, "new"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 1234 || s.Gid != 2345 || info.Mode().Perm() != 0o640 {
		t.Errorf("it belongs to %d and %d, mode %v", s.Uid, s.Gid, info.Mode())
	}
	if err := unix.Mount(file, mounted, "", unix.MS_BIND, ""); err != nil {
		lacking(t, "no mounts here: %v", err)
	}
	defer layouttest.Unmount(t, mounted)
	if err := writeTo(t, mounted, "newest"); err != nil {
		t.Fatal(err)
	}
	same(t, "what is mounted there", "newest", readFile(t, file))
	isAlone(t, dir, 2)
}

func fdOf(f *os.File) string { return strconv.Itoa(int(f.Fd())) }
