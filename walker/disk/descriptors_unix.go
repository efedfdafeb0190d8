//go:build unix

package disk

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// usuallyOpen is how many descriptors a process has where it cannot be told.
const usuallyOpen = 8

// MoreFiles is how many files this process can still open. Go has raised its
// limit as far as it may by the time that a program runs.
func MoreFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || uint64(limit.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return max(0, int(limit.Cur)-openFiles())
}

// openFiles is how many files are open.
func openFiles() int {
	d, err := os.Open("/dev/fd")
	if err != nil {
		return usuallyOpen
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return usuallyOpen
	}
	return max(0, len(names)-1) // one of them is this directory
}
