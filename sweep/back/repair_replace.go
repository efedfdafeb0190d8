package back

import (
	"errors"
	"fmt"
	"path"
	"syscall"

	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// replace gives a name to another file. What had it has one in the trash first,
// so that the name is never without a file, where the filesystem can do that.
// A registry holds no lock: what it has written there since keeps the name.
func (x *repairing) replace(s *Step, at *disk.Locked) error {
	name := path.Base(s.Path)
	if err := s.isSame(at); err != nil {
		return err
	}
	err := x.replaced.Keep(at, name)
	if errors.Is(err, trash.ErrOneName) {
		if err := x.takeAway(s, at); err != nil {
			return err
		}
		err = at.RenameNoReplace(s.temporary, at, name)
		if errors.Is(err, disk.ErrExists) {
			return errChanged
		}
		if err != nil {
			return err
		}
		s.temporary = ""
		return x.stillWanted(s)
	}
	if err != nil {
		return err
	}
	mine, err := at.Stat(s.temporary)
	if err != nil {
		x.replaced.Drop(at, name)
		return err
	}
	replaced, err := at.Replace(s.temporary, name, s.was)
	if err != nil || !replaced {
		x.replaced.Drop(at, name)
		if now, serr := at.Stat(s.temporary); serr != nil || now.ID != mine.ID {
			s.temporary = "" // what has come out of the name is nobody's to remove
		}
		if err != nil {
			return err
		}
		return errChanged
	}
	s.temporary = ""
	// Registry 2.8 writes into the file that is there, which is in the trash now.
	if kept, err := x.replaced.Kept(at, name); err == nil && !kept.IsStill(s.was) {
		return errors.Join(errChanged, x.replaced.GiveBack(at, name, &mine))
	}
	return x.stillWanted(s)
}

// takeAway moves to the trash what is damaged. If that is something else by now,
// it is put back.
func (x *repairing) takeAway(s *Step, at *disk.Locked) error {
	name := path.Base(s.Path)
	if err := s.isSame(at); err != nil {
		return err
	}
	err := x.replaced.Take(at, name)
	if errors.Is(err, syscall.EXDEV) {
		return x.takeAcross(s, at)
	}
	if err != nil {
		return err
	}
	if kept, err := x.replaced.Kept(at, name); err != nil || !kept.IsStill(s.was) {
		return errors.Join(errChanged, err, x.replaced.GiveBack(at, name, nil))
	}
	return nil
}

// takeAcross takes away what is damaged where the trash is on another filesystem or
// mount: the trash gets a copy, which is on the disk before the file is removed. If
// that is something else by now, it gets its name back.
func (x *repairing) takeAcross(s *Step, at *disk.Locked) error {
	name := path.Base(s.Path)
	err := x.replaced.Copy(at, name, func([]byte) error { return stopped(x.ctx) })
	if err != nil {
		return fmt.Errorf("copy it to the trash, which is on another filesystem or mount: %w", err)
	}
	aside := tree.Temporary(name)
	if err := at.RenameNoReplace(name, at, aside); err != nil {
		x.replaced.Drop(at, name)
		return err
	}
	if out, err := at.Stat(aside); err != nil || !out.IsStill(s.was) {
		x.replaced.Drop(at, name)
		return errors.Join(errChanged, err, at.RenameNoReplace(aside, at, name))
	}
	return at.Unlink(aside)
}
