//go:build unix

package layouttest

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// readFile reads a regular file: a test may have put something else in its place.
// It makes as few calls as it can, since tests read thousands of stores.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	for err == unix.EINTR {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%q is not a file", path)
	}
	content := make([]byte, st.Size)
	for n := 0; n < len(content); {
		m, err := unix.Read(fd, content[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m == 0 {
			return content[:n], nil
		}
		n += m
	}
	return content, nil
}
