//go:build linux && !portable

package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// isLocal reports whether a directory is on a filesystem of this host of which it is
// known that it changes a file's times with the file.
func (d *Dir) isLocal() bool {
	var st unix.Statfs_t
	if retry(func() error { return unix.Fstatfs(d.fd, &st) }) != nil {
		return false
	}
	if uint32(st.Type) == unix.OVERLAYFS_SUPER_MAGIC {
		return isLocalOverlay(d.fd)
	}
	return keepsTimes(uint32(st.Type))
}

// zfsMagic is ZFS_SUPER_MAGIC, which the kernel's own headers lack.
const zfsMagic = 0x2fc12fc1

func keepsTimes(magic uint32) bool {
	switch magic {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, zfsMagic:
		return true
	}
	return false
}

// isLocalOverlay reports whether all layers of the overlay that a directory is on
// can be seen and are on such filesystems. In a container they mostly cannot.
func isLocalOverlay(fd int) bool { return layersAreLocal(overlayLayers(mountOf(fd))) }

// mountOf is the line about the mount that an open directory is on, in the table of
// mounts; "" if there is none.
func mountOf(fd int) string {
	about, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		return ""
	}
	var id string
	for line := range strings.Lines(string(about)) {
		if rest, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			id = strings.TrimSpace(rest)
		}
	}
	table, err := readMountTable()
	if err != nil || id == "" {
		return ""
	}
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, id+" ") {
			return line
		}
	}
	return ""
}

// overlayLayers are the directories that a line of the table of mounts names as
// layers; nil if that is not clear.
func overlayLayers(line string) (layers []string) {
	_, after, ok := strings.Cut(line, " - overlay ")
	fields := strings.Fields(after)
	if !ok || len(fields) != 2 || strings.Contains(fields[1], `\`) {
		return nil
	}
	lower, upper := false, false
	for option := range strings.SplitSeq(fields[1], ",") {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "lowerdir", "lowerdir+":
			lower = true
			layers = append(layers, strings.Split(value, ":")...)
		case "upperdir":
			upper = true
			layers = append(layers, value)
		case "datadir+":
			return nil
		}
	}
	if !lower || !upper {
		return nil
	}
	return layers
}

func layersAreLocal(layers []string) bool {
	for _, layer := range layers {
		var st unix.Statfs_t
		if !filepath.IsAbs(layer) || retry(func() error { return unix.Statfs(layer, &st) }) != nil || !keepsTimes(uint32(st.Type)) {
			return false
		}
	}
	return len(layers) > 0
}
