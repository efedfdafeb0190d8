package disk

// Replace gives a file of the directory the name of another one, if that is what
// it was when it was looked at, and removes the other. If it is not, it keeps its
// name, replaced is false, and the first file stays, too: somebody else, who
// holds no lock, may write the same name at any time. Where a filesystem cannot
// exchange two names, it is looked at immediately before.
func (d *Locked) Replace(name, other string, was Info) (replaced bool, err error) {
	mine, err := d.Stat(name)
	if err != nil {
		return false, err
	}
	known, err := d.exchange(name, other)
	if err != nil {
		return false, err
	}
	if !known {
		now, err := d.Stat(other)
		if err != nil || !now.IsStill(was) {
			return false, err
		}
		err = d.Rename(name, d, other)
		return err == nil, err
	}
	out, err := d.Stat(name)
	if err == nil && out.IsStill(was) {
		_ = d.Unlink(name) // what is left of it a sweep removes
		return true, nil
	}
	// What has come out is newer than what it was, and goes back. If something newer
	// still has taken the name meanwhile, that comes out, and goes back as well.
	for range 2 {
		if _, xerr := d.exchange(name, other); xerr != nil {
			return false, xerr
		}
		if out, serr := d.Stat(name); serr != nil || out.ID == mine.ID {
			return false, err
		}
	}
	return false, err
}

// IsStill reports whether a file is what it was, as far as its size and its times tell.
func (i Info) IsStill(was Info) bool {
	return i.ID == was.ID && i.Size == was.Size && i.MTime == was.MTime && i.Type == was.Type
}
