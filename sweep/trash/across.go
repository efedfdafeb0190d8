package trash

import (
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Copy copies a file to the trash, which may be on another filesystem. The copy is
// on the disk when it returns. fn is called with the content; its error ends the copy.
func (r *Replaced) Copy(d *disk.Locked, name string, fn func([]byte) error) error {
	to, base, err := r.place(d, name)
	if err != nil {
		return err
	}
	from, err := d.OpenSource(name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	if _, err = to.CopyNew(base, from, fn); err != nil {
		return err
	}
	to.Adopt(base, d.Dir)
	r.bin.moved.Add(1)
	if err = to.Sync(); err != nil {
		r.Drop(d, name)
	}
	return err
}

// across puts a file back that is on another filesystem or mount than its place, as
// a copy. The copy is on the disk before the file is removed from the trash.
func (w *putter) across(d *disk.Locked, name string, to *disk.Locked, base string, replaces bool) error {
	from, err := d.OpenSource(name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	temporary := tree.Temporary(base)
	if _, err := to.CopyNew(temporary, from, func([]byte) error { return w.x.ctx.Err() }); err != nil {
		return err
	}
	to.Adopt(temporary, d.Dir)
	if replaces {
		err = to.Rename(temporary, to, base)
	} else {
		err = to.RenameNoReplace(temporary, to, base)
	}
	if err != nil {
		_ = to.Unlink(temporary) // what is left of it a repair removes
		return err
	}
	if err := to.Sync(); err != nil {
		return err
	}
	return d.Unlink(name)
}
