//go:build linux && !portable

package disk

import "golang.org/x/sys/unix"

// noReplace is a rename that the kernel is told not to let replace anything.
func (d *Locked) noReplace(name string, dir *Locked, to string) error {
	return d.rename(name, dir, to, unix.RENAME_NOREPLACE)
}

// beside reports whether a file stands for the directory, which cannot be locked.
func (l *Lock) beside() bool { return l.file.file != nil }

// setMTime sets the directory's modification time, which only its owner may.
func (d *Locked) setMTime(nsec int64) error {
	at := unix.NsecToTimespec(nsec)
	return unix.UtimesNanoAt(d.fd, ".", []unix.Timespec{{Nsec: unix.UTIME_OMIT}, at}, 0)
}

func (d *Dir) access(name string) (owner int, err error) {
	if name == "" {
		name = "."
	}
	var st unix.Stat_t
	if err := d.kernel.fstatat(d.fd, name, &st, 0); err != nil {
		return -1, err
	}
	return int(st.Uid), retry(func() error {
		return unix.Faccessat(d.fd, name, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	})
}
