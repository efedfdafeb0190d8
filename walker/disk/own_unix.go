//go:build unix

package disk

import (
	"os"
	"syscall"
)

// ownAs gives an open file or directory that was made, as far as we may, the owner
// of a directory, and a directory its rights, too.
func ownAs(made *os.File, like string) {
	want, err := os.Stat(like)
	if err != nil {
		return
	}
	have, err := made.Stat()
	if err != nil {
		return
	}
	to, ok := want.Sys().(*syscall.Stat_t)
	is, also := have.Sys().(*syscall.Stat_t)
	if ok && also && (to.Uid != is.Uid || to.Gid != is.Gid) {
		_ = made.Chown(int(to.Uid), int(to.Gid))
	}
	if have.IsDir() && have.Mode().Perm() != want.Mode().Perm() {
		_ = made.Chmod(want.Mode().Perm())
	}
}

// ownDirectory is ownAs for a directory that was made.
func ownDirectory(made, like string) {
	d, err := os.OpenFile(made, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer d.Close()
	ownAs(d, like)
}
