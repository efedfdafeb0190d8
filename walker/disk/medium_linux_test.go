//go:build !portable

package disk

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel says of a disk counts for its parts, and not for what another
// system lends.
func TestADiskRotatesIfTheKernelSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string // of /sys; "->" before what a symbolic link leads to
		want  bool
	}{
		"a disk":                {map[string]string{"block/sda/queue/rotational": "1\n", "dev/block/8:1": "->../../block/sda"}, true},
		"a part of a disk":      {map[string]string{"block/sda/queue/rotational": "1\n", "block/sda/sda1/size": "9", "dev/block/8:1": "->../../block/sda/sda1"}, true},
		"a solid disk":          {map[string]string{"block/sda/queue/rotational": "0\n", "dev/block/8:1": "->../../block/sda"}, false},
		"a virtual disk":        {map[string]string{"block/vda/queue/rotational": "1\n", "block/vda/device/driver": "->/x/drivers/virtio_blk", "dev/block/8:1": "->../../block/vda"}, false},
		"a real one's driver":   {map[string]string{"block/sda/queue/rotational": "1\n", "block/sda/device/driver": "->/x/drivers/sd", "dev/block/8:1": "->../../block/sda"}, true},
		"another disk":          {map[string]string{"block/sda/queue/rotational": "1\n", "dev/block/8:2": "->../../block/sda"}, false},
		"nothing is told":       {map[string]string{"dev/block/8:1": "->../../block/sda", "block/sda/size": "9"}, false},
		"there is no such tree": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			sys := t.TempDir()
			for path, text := range c.files {
				at := filepath.Join(sys, path)
				err := os.MkdirAll(filepath.Dir(at), 0o755)
				if to, ok := strings.CutPrefix(text, "->"); ok {
					err = errors.Join(err, os.Symlink(to, at))
				} else {
					err = errors.Join(err, os.WriteFile(at, []byte(text), 0o644))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := isRotating(sys, 8, 1); got != c.want {
				t.Errorf("it rotates: %v", got)
			}
		})
	}
}

// A real disk, of which the kernel is told that it rotates and that it does not.
func TestTheMediumIsThatOfTheDisk(t *testing.T) {
	if os.Getuid() != 0 {
		lacks(t, "this needs root, for mounts")
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	image, at := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if err := errors.Join(os.WriteFile(image, nil, 0o644), os.Truncate(image, 8<<20)); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, at}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			lacks(t, "%q: %v: %s: this needs e2fsprogs and a container with --privileged", command, err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Error(err)
		}
	})
	d, err := new(FS).OpenStore(at)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	device := strings.TrimPrefix(sourceOf(d.fd), "/dev/")
	for text, want := range map[string]Medium{"1": Rotating, "0": Solid} {
		if err := os.WriteFile("/sys/block/"+device+"/queue/rotational", []byte(text), 0o644); err != nil {
			lacks(t, "the kernel cannot be told that %q rotates: %v", device, err)
		}
		if got := d.Medium(); got != want {
			t.Errorf("rotational is %s: the store is on %s", text, got)
		}
	}
}

// Where no disk is to be seen, nothing is known of it.
func TestMemoryIsSolid(t *testing.T) {
	d, err := new(FS).OpenStore("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.Medium(); got != Solid {
		t.Errorf("the store is on %s", got)
	}
}

func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
