// Package mounts mounts filesystems that stand for those of a network: a program
// answers instead of the kernel, and some of them know nothing of what another
// host does.
package mounts

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// Kind is one of the filesystems.
type Kind struct {
	Name string
	// Hosts says that its locks keep other hosts out.
	Hosts bool
	mount func(tb testing.TB, dir string) func(point string)
	// Where it is mounted already.
	here, there string
}

// Kinds are those that are always tried, and with REGSWEEP_E2E_MOUNTS=all those
// that are slow or that few use, too. With REGSWEEP_E2E_MOUNTED=DIR it is the
// filesystem that somebody has mounted there, and with DIR:DIR one that is mounted
// twice, and whose locks keep the other mount out.
func Kinds() []Kind {
	if points := os.Getenv("REGSWEEP_E2E_MOUNTED"); points != "" {
		here, there, twice := strings.Cut(points, ":")
		if !twice {
			there = here
		}
		return []Kind{{Name: "mounted", Hosts: twice, here: here, there: there}}
	}
	kinds := []Kind{
		{Name: "sshfs", mount: sshfs},
		{Name: "rclone", mount: rclone},
		{Name: "glusterfs", Hosts: true, mount: glusterfs},
	}
	if os.Getenv("REGSWEEP_E2E_MOUNTS") == "all" {
		kinds = append(kinds, Kind{Name: "s3fs", mount: s3fs})
	}
	return kinds
}

// Mount mounts one filesystem twice, as two hosts would. Both are unmounted when
// the test ends.
func (k Kind) Mount(tb testing.TB) (here, there string) {
	tb.Helper()
	if k.here != "" {
		dir, err := os.MkdirTemp(k.here, "regsweep-")
		must(tb, err)
		tb.Cleanup(func() { must(tb, os.RemoveAll(dir)) })
		return dir, filepath.Join(k.there, filepath.Base(dir))
	}
	if os.Getuid() != 0 {
		tb.Fatal("to mount a filesystem needs root")
	}
	dir := tb.TempDir()
	mount := k.mount(tb, dir)
	var points []string
	for _, name := range []string{"here", "there"} {
		point := filepath.Join(dir, name)
		must(tb, os.Mkdir(point, 0o755))
		mount(point)
		tb.Cleanup(func() { unmount(tb, point) })
		points = append(points, point)
	}
	return points[0], points[1]
}

// sshfs needs no host: the server's half is a program that talks by its standard
// input and output.
func sshfs(tb testing.TB, dir string) func(string) {
	const server = "/usr/lib/openssh/sftp-server"
	program := parts.Need(tb, "sshfs")
	parts.Need(tb, server)
	source := filepath.Join(dir, "files")
	must(tb, os.Mkdir(source, 0o755))
	script := filepath.Join(dir, "ssh")
	must(tb, os.WriteFile(script, []byte("#!/bin/sh\nexec "+server+"\n"), 0o755))
	return func(point string) {
		run(tb, program, "-o", "ssh_command="+script, "x:"+source, point)
	}
}

// rclone keeps what is written in files of its own until they are closed.
func rclone(tb testing.TB, dir string) func(string) {
	program := parts.Need(tb, "rclone")
	source := filepath.Join(dir, "files")
	must(tb, os.Mkdir(source, 0o755))
	return func(point string) {
		start(tb, dir, program, "mount", source, point, "--vfs-cache-mode", "writes", "--vfs-write-back", "0",
			"--dir-cache-time", "0", "--cache-dir", point+".cache", "--config", filepath.Join(dir, "none"))
		awaitMount(tb, point)
	}
}

// s3fs has files as objects: no rename is one step, and nothing has two names.
func s3fs(tb testing.TB, dir string) func(string) {
	server, client := parts.Need(tb, "versitygw"), parts.Need(tb, "s3fs")
	address, objects := freeAddress(tb), filepath.Join(dir, "objects")
	must(tb, os.MkdirAll(filepath.Join(objects, "bucket"), 0o755))
	password := filepath.Join(dir, "password")
	must(tb, os.WriteFile(password, []byte("access:secretsecret"), 0o600))
	start(tb, dir, server, "--access", "access", "--secret", "secretsecret", "--port", address, "--quiet", "posix", objects)
	awaitServer(tb, address)
	return func(point string) {
		run(tb, client, "bucket", point, "-o", "url=http://"+address, "-o", "use_path_request_style", "-o", "passwd_file="+password)
		awaitMount(tb, point)
	}
}

// freeAddress is one of the loopback that nobody listens on.
func freeAddress(tb testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	must(tb, listener.Close())
	return listener.Addr().String()
}

func awaitServer(tb testing.TB, address string) {
	await(tb, "a server answers at "+address, func() bool {
		c, err := net.Dial("tcp", address)
		return err == nil && c.Close() == nil
	})
}

// glusterfs serves a directory by TCP. Who made the volumes by hand needs no
// daemon that manages them.
func glusterfs(tb testing.TB, dir string) func(string) {
	server, client := parts.Need(tb, "glusterfsd"), parts.Need(tb, "glusterfs")
	address := freeAddress(tb)
	_, port, err := net.SplitHostPort(address)
	must(tb, err)
	brick := filepath.Join(dir, "brick")
	must(tb, os.Mkdir(brick, 0o755))
	volume := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(tb, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	start(tb, dir, server, "-N", "-l", filepath.Join(dir, "server.log"), "-f", volume("server.vol", `volume files
  type storage/posix
  option directory `+brick+`
end-volume
volume brick
  type features/locks
  subvolumes files
end-volume
volume server
  type protocol/server
  option transport-type tcp
  option transport.socket.bind-address 127.0.0.1
  option transport.socket.listen-port `+port+`
  option auth.addr.brick.allow 127.0.0.1
  subvolumes brick
end-volume
`))
	awaitServer(tb, address)
	mine := volume("client.vol", `volume client
  type protocol/client
  option transport-type tcp
  option remote-host 127.0.0.1
  option remote-port `+port+`
  option remote-subvolume brick
end-volume
`)
	return func(point string) {
		run(tb, client, "-f", mine, "-l", point+".log", point)
		awaitMount(tb, point)
	}
}

// start starts a program that runs until the test ends, when what it serves is unmounted.
func start(tb testing.TB, dir, program string, args ...string) {
	tb.Helper()
	cmd := exec.Command(program, args...)
	log, err := os.Create(filepath.Join(dir, filepath.Base(program)+".out"))
	must(tb, err)
	cmd.Stdout, cmd.Stderr = log, log
	must(tb, cmd.Start())
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM) // it may have ended by itself
		_ = cmd.Wait()
		if said, err := os.ReadFile(log.Name()); tb.Failed() && err == nil && len(said) > 0 {
			tb.Logf("%s said at the end:\n%s", program, said[max(0, len(said)-1000):])
		}
		must(tb, log.Close())
	})
}

func run(tb testing.TB, program string, args ...string) {
	tb.Helper()
	if said, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, said)
	}
}

// awaitMount waits until another filesystem is mounted on a directory.
func awaitMount(tb testing.TB, point string) {
	tb.Helper()
	await(tb, "something is mounted on "+point, func() bool {
		var at, above unix.Stat_t
		return unix.Stat(point, &at) == nil && unix.Stat(filepath.Dir(point), &above) == nil && at.Dev != above.Dev
	})
}

func await(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("after a minute it is not so that %s", what)
		}
	}
}

// unmount waits for what still has files open there.
func unmount(tb testing.TB, point string) {
	err := errors.New("not tried")
	for range 100 {
		if err = unix.Unmount(point, 0); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	tb.Errorf("unmount %s: %v", point, err)
	_ = unix.Unmount(point, unix.MNT_DETACH) // or the directory could not be removed
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
