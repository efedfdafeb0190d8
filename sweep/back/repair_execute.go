package back

import (
	"context"
	"errors"
	"path"
	"strings"
	"syscall"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// errChanged says that something is not as it was when the plan was made.
var errChanged = errors.New("it has changed meanwhile")

// Execute carries out the steps: blobs before links, and tags last, each kind on
// the disk before the next. Everything is decided once more before. What is
// replaced moves to the trash; the new file is whole and on the disk before it
// takes the name. A step that fails has Err afterwards, and the others go on.
// When ctx is done, it stops between two steps.
func (p *Repair) Execute(ctx context.Context, lock *disk.Lock, replaced *trash.Replaced) error {
	x := &repairing{writer: newWriter(ctx, lock), p: p, replaced: replaced}
	x.blobs.Root = func() (*disk.Locked, error) { return lock.Open(layout.Blobs) }
	defer x.close()
	if err := x.again(); err != nil {
		return err
	}
	err := x.prepare()
	if err == nil {
		x.begin()
	}
	for s := blobStage; err == nil && s < repairStages; s++ {
		err = x.stage(s)
	}
	x.dropTemporaries()
	return err
}

// repairing is one execution of a Repair.
type repairing struct {
	*writer
	p        *Repair
	replaced *trash.Replaced
	blobs    tree.Maker
}

func (x *repairing) close() {
	x.blobs.Close()
	x.writer.close()
}

// again decides once more about all that is to be done.
func (x *repairing) again() error {
	j := x.p.judge(x.ctx)
	decided := map[string][]*Step{}
	for _, s := range x.p.Steps {
		if err := stopped(x.ctx); err != nil {
			return err
		}
		if s.Do == DoLeave {
			continue
		}
		name := s.Finding.Kind + " " + s.Finding.Path
		if _, ok := decided[name]; !ok {
			decided[name] = j.decide(&s.Finding)
		}
		s.compare(decided[name])
	}
	return stopped(x.ctx)
}

// compare takes over what has been decided again about the same, or leaves it.
func (s *Step) compare(now []*Step) {
	for _, n := range now {
		if n.Do == s.Do && n.Path == s.Path && n.Digest == s.Digest {
			s.was, s.replaces, s.unread, s.From = n.was, n.replaces, n.unread, n.From
			return
		}
	}
	for _, n := range now {
		if n.Err != nil {
			s.Err = n.Err
			return
		}
	}
	s.leave(NoWay, "%v", errChanged)
}

// active reports whether a step is still to be done.
func (s *Step) active() bool { return s.Do != DoLeave && s.Err == nil && !s.Done }

func (s *Step) fail(err error) {
	if err != nil && s.Err == nil {
		s.Err = err
	}
}

// unstage gives a link's directory its place.
func (x *repairing) unstage(s *Step) error {
	staging, err := x.replaced.Stage(x.lock)
	if err != nil {
		return err
	}
	defer staging.Close()
	above, like, err := x.place(path.Dir(path.Dir(s.Path)))
	if err != nil {
		return err
	}
	defer like.Close()
	switch err = staging.RenameNoReplace(s.staged, above, path.Base(path.Dir(s.Path))); {
	case errors.Is(err, disk.ErrExists) || disk.NotEmpty(err):
		return errChanged
	case errors.Is(err, syscall.EXDEV): // repositories/ is on another filesystem
		if err := x.write(s.Path, s.Digest, false); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		s.staged = ""
	}
	return x.stillWanted(s)
}

// open opens the directory of what a step writes or takes away.
func (x *repairing) open(s *Step) (*disk.Locked, error) {
	return x.lock.Open(strings.Split(path.Dir(s.Path), "/")...)
}

// begin writes down in the trash what is about to be replaced, and gives all of
// it a second name there, where the filesystem can.
func (x *repairing) begin() {
	put := map[string]int64{}
	some := false
	for _, s := range x.p.Steps {
		if !s.active() || !s.replaces {
			continue
		}
		some = true
		if s.temporary == "" {
			continue
		}
		info, err := x.store.Stat(path.Dir(s.Path) + "/" + s.temporary)
		if err != nil {
			s.fail(tree.NotGone(err))
			continue
		}
		put[s.Path] = info.MTime
	}
	if !some {
		return
	}
	err := x.replaced.Begin(x.lock, put)
	for _, s := range x.p.Steps {
		if s.active() && s.replaces {
			s.fail(tree.NotGone(err))
		}
	}
}

// repairStage is when a step is done.
type repairStage uint8

const (
	blobStage repairStage = iota
	layerStage
	manifestStage
	tagStage
	repairStages
)

func (s *Step) stage() repairStage {
	switch {
	case s.Do == DoCopy || s.Do == DoTrash:
		return blobStage
	case s.Do == DoRetag:
		return tagStage
	case strings.Contains(s.Path, "/"+layout.Layers+"/"):
		return layerStage
	}
	return manifestStage
}

// stage does the steps of a stage, and waits until that is on the disk.
func (x *repairing) stage(stage repairStage) error {
	var steps []*Step
	for _, s := range x.p.Steps {
		if s.active() && s.stage() == stage {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	for _, s := range steps {
		if err := stopped(x.ctx); err != nil {
			return err
		}
		err := x.take(s)
		if disk.Gone(err) { // one wrong answer is not believed
			x.close()
			err = x.take(s)
		}
		if s.fail(tree.NotGone(err)); s.Err == nil {
			s.Done = true
		}
	}
	return x.syncAll(stage)
}

// syncAll waits until what a stage has done is on the disk: blobs/ and
// repositories/ may be on two filesystems.
func (x *repairing) syncAll(stage repairStage) error {
	if err := x.lock.Store().Sync(); err != nil {
		return err
	}
	name := layout.Repositories
	if stage == blobStage {
		name = layout.Blobs
	}
	d, err := x.lock.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// take gives a step's file its name, or takes damaged data away.
func (x *repairing) take(s *Step) error {
	if s.staged != "" {
		return x.unstage(s)
	}
	at, err := x.open(s)
	if err != nil {
		return err
	}
	defer at.Close()
	switch {
	case s.Do == DoTrash:
		return x.takeAway(s, at)
	case s.replaces:
		return x.replace(s, at)
	}
	err = at.RenameNoReplace(s.temporary, at, path.Base(s.Path))
	if errors.Is(err, disk.ErrExists) {
		return errChanged
	}
	if err == nil {
		s.temporary = ""
		err = x.stillWanted(s)
	}
	return err
}

// isSame refuses to replace what is not what it was when it was read.
func (s *Step) isSame(at *disk.Locked) error {
	now, err := at.Stat(path.Base(s.Path))
	if err != nil {
		return err
	}
	if !now.IsStill(s.was) {
		return errChanged
	}
	return nil
}

// stillWanted looks again at what a link was written for: a registry may have
// deleted the image meanwhile.
func (x *repairing) stillWanted(s *Step) error {
	var needed string
	switch {
	case s.Do == DoRetag:
		needed = layout.RevisionDir(s.Repository, s.Digest) + "/" + layout.Link
	case s.Do == DoLink && s.Tag != "" && s.Path != s.Finding.Path:
		needed = layout.TagDir(s.Repository, s.Tag)
	default:
		return nil
	}
	_, there, err := x.stat(needed)
	if err != nil || there {
		return err
	}
	if l, err := x.link(s.Path); err != nil || l.target != s.Digest {
		return errors.Join(errDeleted, err) // somebody has written it since
	}
	x.unlink(s.Path)
	return errDeleted
}
