//go:build !linux || portable

package disk

// rotates is false: here nobody tells of disks.
func (d *Dir) rotates() bool { return false }
