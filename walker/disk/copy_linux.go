//go:build linux && !portable

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

func (d *Dir) openFile(name string) (*os.File, error) {
	fd, err := d.kernel.openat(d.fd, name, unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.Join(name)), nil
}

// createFile makes a file for writing and reading. One that is there is an error.
func (d *Locked) createFile(name string) (*os.File, error) {
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.Join(name)), nil
}

// clone has one file share the blocks of another, if the filesystem can do that.
func clone(to, from *os.File) bool {
	return retry(func() error { return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) }) == nil
}

func (d *Locked) linkFrom(from *Dir, name, to string) error {
	return retry(func() error { return unix.Linkat(from.fd, name, d.fd, to, unix.AT_SYMLINK_FOLLOW) })
}
