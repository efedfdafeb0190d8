//go:build linux && !portable

package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// sysfs is where the kernel tells of its devices.
const sysfs = "/sys"

// rotates reports whether the directory is on a disk of which the kernel says that
// it rotates.
func (d *Dir) rotates() bool {
	var st unix.Stat_t
	if retry(func() error { return unix.Fstat(d.fd, &st) }) != nil {
		return false
	}
	device := uint64(st.Dev)
	if unix.Major(device) == 0 { // as on btrfs, whose devices have numbers of their own
		if retry(func() error { return unix.Stat(sourceOf(d.fd), &st) }) != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
			return false
		}
		device = uint64(st.Rdev)
	}
	return isRotating(sysfs, unix.Major(device), unix.Minor(device))
}

// virtual are drivers of disks that another system lends to this one. What that
// keeps them on, it does not tell: the kernel then says that they rotate.
var virtual = map[string]bool{"virtio_blk": true, "vbd": true}

// isRotating reports what the kernel says of a block device, or of the disk of which
// it is a part.
func isRotating(sysfs string, major, minor uint32) bool {
	at, err := filepath.EvalSymlinks(fmt.Sprintf("%s/dev/block/%d:%d", sysfs, major, minor))
	if err != nil {
		return false
	}
	text, err := os.ReadFile(filepath.Join(at, "queue/rotational"))
	if err != nil {
		at = filepath.Dir(at) // it is a part of a disk
		if text, err = os.ReadFile(filepath.Join(at, "queue/rotational")); err != nil {
			return false
		}
	}
	driver, _ := os.Readlink(filepath.Join(at, "device/driver"))
	return strings.TrimSpace(string(text)) == "1" && !virtual[filepath.Base(driver)]
}

// sourceOf is the device that is mounted where an open directory is; "" if that is
// not clear.
func sourceOf(fd int) string {
	_, after, ok := strings.Cut(mountOf(fd), " - ")
	if fields := strings.Fields(after); ok && len(fields) >= 2 && strings.HasPrefix(fields[1], "/") {
		return fields[1]
	}
	return ""
}
