package disk

// Volume is what is known of the filesystem that a directory is on.
type Volume struct {
	// Free is the space in bytes that an ordinary user can still write to, of Size.
	Free, Size int64
	// FreeInodes of Inodes can still be made. Both are 0 where the filesystem
	// makes them when they are needed, or does not count them.
	FreeInodes, Inodes uint64
	// ReadOnly says that it is mounted so that nothing can be changed.
	ReadOnly bool
}

// Free is the space in bytes that an ordinary user can still write to the
// directory's filesystem.
func (d *Dir) Free() (int64, error) {
	v, err := d.Volume()
	return v.Free, err
}

// readOnlyFlag is ST_RDONLY of statvfs, and MNT_RDONLY of the BSDs.
const readOnlyFlag = 1
