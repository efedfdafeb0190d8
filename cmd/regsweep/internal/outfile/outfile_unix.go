//go:build unix

package outfile

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNow opens a pipe at once, with a reader or not.
const openNow = unix.O_NONBLOCK | unix.O_NOCTTY

// duplicate returns a descriptor of its own that writes where another does.
func duplicate(n int) (*os.File, error) {
	flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
		err = errors.New("it is open for reading only")
	}
	if err != nil {
		return nil, err
	}
	to, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(to), "/dev/fd/"+strconv.Itoa(n)), nil
}

// giveOwner gives a file the owner and group of another.
func giveOwner(f *os.File, like fs.FileInfo) error {
	want, ok := like.Sys().(*syscall.Stat_t)
	info, err := f.Stat()
	if err != nil || !ok {
		return err
	}
	if have, ok := info.Sys().(*syscall.Stat_t); ok && have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}

// giveMode gives a file the mode of another.
func giveMode(f *os.File, like fs.FileInfo) error { return f.Chmod(like.Mode().Perm()) }

func isQuota(err error) bool { return errors.Is(err, unix.EDQUOT) }
