package disk

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/windows"
)

const nonblock = 0

// errReadOnly is why nothing is removed here: directories cannot be locked,
// and names in use cannot be removed.
var errReadOnly = errors.New("removing is not supported on Windows")

// addSystem gives a directory an identity by its path: the file index would
// cost an open file each.
func (i *Info) addSystem(path string, _ os.FileInfo) {
	i.Disk, i.Links = i.Size, 1
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range []byte(strings.ToLower(path)) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	i.ID = ID{Ino: h}
}

func lockDirectory(string) (*os.File, error) { return nil, errReadOnly }

// NotEmpty reports whether err says that a directory was not removed because something is in it.
func NotEmpty(err error) bool { return errors.Is(err, windows.ERROR_DIR_NOT_EMPTY) }

// IsNoSpace reports whether err says that something cannot be made for want of space.
func IsNoSpace(err error) bool { return errors.Is(err, windows.ERROR_DISK_FULL) }

func setNow(string) error { return errReadOnly }

func syncDirectory(string) error { return nil }

func syncAll(string) error { return nil }

func volume(path string) (Volume, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return Volume{}, pathError(OpStat, path, "", err)
	}
	var free, size uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, &size, nil); err != nil {
		return Volume{}, pathError(OpStat, path, "", err)
	}
	return Volume{Free: space(free, 1), Size: space(size, 1)}, nil
}

// access is not asked: nothing is changed here.
func access(string) error { return nil }

func owner(os.FileInfo) int { return -1 }
