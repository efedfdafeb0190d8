//go:build unix

package sweep_test

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// write makes the files of a template below root. It makes as few calls as it
// can: tests write thousands of stores. What cannot be written is a panic.
func (tp *template) write(root string) {
	for _, f := range tp.files {
		if f.info.IsDir() {
			must(unix.Mkdir(root+f.path, 0o755))
			continue
		}
		fd, err := unix.Open(root+f.path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
		must(err)
		if len(f.content) > 0 {
			n, err := unix.Write(fd, f.content)
			must(err)
			if n != len(f.content) {
				panic("no space for " + filepath.Base(f.path))
			}
		}
		must(unix.Close(fd))
	}
	for i := len(tp.files) - 1; i >= 0; i-- {
		at := unix.NsecToTimespec(tp.files[i].info.ModTime().UnixNano())
		must(unix.UtimesNanoAt(unix.AT_FDCWD, root+tp.files[i].path, []unix.Timespec{at, at}, 0))
	}
}

func must(err error) {
	if err != nil {
		panic(err) // no place to write: no test
	}
}
