//go:build !portable

package disk

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is no regular file is not read, and nobody waits for it.
func TestSpecialFilesAreNotReadAndKeepNobodyWaiting(t *testing.T) {
	root, d := tempStore(t, &FS{}, "file", "dir/")
	at := func(name string) string { return filepath.Join(root, name) }
	if err := unix.Mkfifo(at("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	symlink(t, "file", at("link"))
	symlink(t, "nothing", at("dangling"))
	symlink(t, "fifo", at("to-fifo"))
	names := []string{"fifo", "socket", "dir", "to-fifo"}
	if unix.Mknod(at("terminal"), unix.S_IFCHR|0o600, int(unix.Mkdev(5, 0))) == nil { // root may, mostly
		names = append(names, "terminal")
	}
	buf := make([]byte, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, name := range names {
			if n, info, err := d.ReadFile(name, buf); n != 0 || !errors.Is(err, ErrNotFile) || info.Type == File || info.Type == 0 {
				t.Errorf("%s: read %d bytes of a %v: %v", name, n, info.Type, err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("somebody waits for a special file")
	}
	if n, info, err := d.ReadFile("link", buf); string(buf[:n]) != "file" || !info.Behind || err != nil {
		t.Errorf("behind a link: %q, %+v, %v", buf[:n], info, err)
	}
	if _, info, err := d.ReadFile("dangling", buf); !errors.Is(err, ErrDangling) || Gone(err) {
		t.Errorf("a dangling link: %+v, %v", info, err)
	}
	n, info, err := d.ReadFile("file", buf)
	st, serr := os.Stat(at("file"))
	if string(buf[:n]) != "file" || err != nil || serr != nil || info.MTime != st.ModTime().UnixNano() || info.Type != File || info.Behind {
		t.Errorf("a file: %q, %+v, %v", buf[:n], info, errors.Join(err, serr))
	}
	if _, info, err := d.ReadFile("none", buf); !Gone(err) || info.Type != 0 {
		t.Errorf("nothing: %+v, %v", info, err)
	}
}

// Only what is known to change a file's times with the file is local.
func TestOnlyKnownFilesystemsAreLocal(t *testing.T) {
	_, d := tempStore(t, &FS{}, "file")
	info, err := d.Stat("file")
	if err != nil {
		t.Fatal(err)
	}
	if d.Local(info.ID.Dev) {
		t.Error("a device is local before anybody has asked")
	}
	for magic, want := range map[uint32]bool{
		unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.TMPFS_MAGIC: true, zfsMagic: true,
		unix.NFS_SUPER_MAGIC: false, unix.FUSE_SUPER_MAGIC: false, unix.CIFS_SUPER_MAGIC: false, unix.CEPH_SUPER_MAGIC: false,
		unix.OVERLAYFS_SUPER_MAGIC: false, unix.MSDOS_SUPER_MAGIC: false, 0: false,
	} {
		if keepsTimes(magic) != want {
			t.Errorf("%#x keeps times: %v", magic, !want)
		}
	}
	for line, want := range map[string]int{
		"1 2 0:3 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d": 3,
		"1 2 0:3 / / rw - overlay overlay rw,lowerdir=/a":                           0,
		"1 2 0:3 / / rw - overlay overlay rw,upperdir=/c":                           0,
		`1 2 0:3 / / rw - overlay overlay rw,lowerdir=/a\040b,upperdir=/c`:          0,
		"1 2 0:3 / / rw - ext4 /dev/sda rw,lowerdir=/a,upperdir=/c":                 0,
		"":                         0,
		"1 2 0:3 / / rw - overlay": 0,
	} {
		if got := overlayLayers(line); len(got) != want {
			t.Errorf("%q has the layers %q", line, got)
		}
	}
	if layersAreLocal(nil) || layersAreLocal([]string{"relative"}) || layersAreLocal([]string{"/proc"}) || layersAreLocal([]string{"/is/not/there"}) {
		t.Error("layers that are not known are local")
	}
}
