//go:build linux && !portable

package disk

import "golang.org/x/sys/unix"

// exchange gives each of two names in the directory the file of the other. known
// is false where the filesystem, or the system, cannot do that: then nothing has
// been done.
func (d *Locked) exchange(name, other string) (known bool, err error) {
	err = d.rename(name, d, other, unix.RENAME_EXCHANGE)
	if isUnknownFlag(err) {
		return false, nil
	}
	return true, err
}
