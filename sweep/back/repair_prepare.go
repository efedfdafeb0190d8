package back

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// prepare writes what takes the place of things, under temporary names that
// both registries and sweeps know.
func (x *repairing) prepare() error {
	for _, s := range x.p.Steps {
		if err := stopped(x.ctx); err != nil {
			return err
		}
		if !s.active() || s.Do == DoTrash {
			continue
		}
		err := x.prepareStep(s)
		if disk.Gone(err) { // one wrong answer is not believed
			x.close()
			err = x.prepareStep(s)
		}
		s.fail(err)
	}
	return nil
}

func (x *repairing) prepareStep(s *Step) error {
	if s.Do == DoCopy {
		return x.copy(s)
	}
	if done, err := x.stageLink(s); done || err != nil {
		return err
	}
	at, like, err := x.place(path.Dir(s.Path))
	if err != nil {
		return err
	}
	defer like.Close()
	s.temporary = tree.Temporary(path.Base(s.Path))
	if err := at.Write(s.temporary, []byte(s.Digest.String())); err != nil {
		return err
	}
	at.Adopt(s.temporary, like)
	return nil
}

// stageLink makes the directory of a link elsewhere, with the link in it: an
// empty one in its place would look like a deletion. Where the directory is there
// already it does nothing.
func (x *repairing) stageLink(s *Step) (done bool, err error) {
	if s.Do != DoLink || s.replaces {
		return false, nil
	}
	if _, there, err := x.stat(path.Dir(s.Path)); err != nil || there {
		return false, err
	}
	like, err := x.store.Walk(strings.Split(layout.RepositoryDir(s.Repository), "/")...)
	if err != nil {
		return false, tree.NotGone(err)
	}
	defer like.Close()
	staging, err := x.replaced.Stage(x.lock)
	if err != nil {
		return false, tree.NotGone(err)
	}
	defer staging.Close()
	s.staged = tree.UUID()
	if err := staging.Mkdir(s.staged, like); err != nil {
		return false, tree.NotGone(err)
	}
	at, err := staging.OpenBelow(s.staged)
	if err != nil {
		return false, tree.NotGone(err)
	}
	defer at.Close()
	if err = at.Write(layout.Link, []byte(s.Digest.String())); err == nil {
		at.Adopt(layout.Link, like)
	}
	return true, tree.NotGone(err)
}

// copy copies a blob from the first source whose data have its digest. If none
// has, damaged data go to the trash, as they do without a source.
func (x *repairing) copy(s *Step) error {
	at, err := x.blobPlace(s.Path)
	if err != nil {
		return err
	}
	var failed error
	unread := false // a replica, which may have it all the same
	for _, from := range x.p.sources {
		if !from.Has(s.Digest) {
			continue
		}
		s.temporary = tree.Temporary(layout.Data)
		err := x.copyFrom(at, s, from)
		if err == nil {
			s.From = from
			return nil
		}
		if x.ctx.Err() != nil {
			return context.Cause(x.ctx)
		}
		s.temporary = ""
		if from.bad[s.Digest] = errors.Is(err, errDamaged); !from.bad[s.Digest] {
			unread = true
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", from.Name, err))
	}
	switch {
	case failed == nil:
		return errChanged
	case s.unread || !s.replaces && unread:
		return failed
	case !s.replaces:
		s.leave(ByPush, "the data are missing; %v", failed)
		return nil
	}
	s.From, s.Do, s.Way, s.Reason = nil, DoTrash, ByPush, fmt.Sprintf("the data have another digest; %v", failed)
	return nil
}

func (x *repairing) copyFrom(at *disk.Locked, s *Step, from *Replica) error {
	data, err := from.dir.OpenSource(from.blobPath(s.Digest))
	if err != nil {
		return tree.NotGone(err)
	}
	defer func() { _ = data.Close() }() // it was only read
	sum := s.Digest.Algorithm().NewHash()
	_, err = at.CopyNew(s.temporary, data, func(piece []byte) error {
		sum.Write(piece)
		return stopped(x.ctx)
	})
	if err == nil && layout.FromSum(s.Digest.Algorithm(), sum.Sum(nil)) != s.Digest {
		_ = at.Unlink(s.temporary) // what is left of it a sweep removes
		err = errDamaged
	}
	if err == nil {
		at.Adopt(s.temporary, at.Dir)
	}
	return err
}

// blobPlace opens the directory of a blob, and makes it if it is not there.
func (x *repairing) blobPlace(file string) (*disk.Locked, error) {
	like, err := x.store.Open(layout.Blobs)
	if err != nil {
		return nil, tree.NotGone(err)
	}
	defer like.Close()
	return x.blobs.Make(like, strings.Split(path.Dir(file), "/")[1:]...)
}

// Remnant is a link under a temporary name that a stopped run has left, and that
// may be what somebody pushed: it had the link's own name for a moment, and what
// has that name now is another one.
type Remnant struct {
	Path       string // of the link under its temporary name
	Repository string
	Tag        string
	Digest     layout.Digest
}

// DropRemnants removes what runs that were stopped have left under temporary
// names of their own, and returns what it leaves. The lock says that no other run
// is at work. Data are removed whatever they are: of what was replaced the trash
// has a second name, and what was pushed has the digest of the data that are there.
func DropRemnants(lock *disk.Lock, paths []string) (left []Remnant, err error) {
	r := reader{lock.Store().Dir}
	for _, name := range paths {
		if !layout.IsOwnTemporary(path.Base(name)) {
			continue
		}
		pushed, rerr := r.mayBePushed(name)
		switch {
		case rerr != nil:
			err = errors.Join(err, tree.NotGone(rerr))
			continue
		case pushed != nil:
			left = append(left, *pushed)
			continue
		}
		at, oerr := lock.Open(strings.Split(path.Dir(name), "/")...)
		if oerr == nil {
			oerr = at.Unlink(path.Base(name))
			at.Close()
		}
		err = errors.Join(err, tree.IgnoreGone(oerr))
	}
	return left, err
}

// mayBePushed returns a tag's link under a temporary name, if the link in its place
// holds another digest; else nil. A run that is stopped before it exchanges the two
// leaves a damaged link in the place, or none. What any other link has to hold is
// told by its path: none is ever lost.
func (r reader) mayBePushed(name string) (*Remnant, error) {
	place := path.Dir(name) + "/" + layout.Link
	o, err := layout.Parse(place)
	if err != nil || o.Kind != layout.TagCurrent || !strings.HasPrefix(path.Base(name), layout.Link+".") {
		return nil, nil //nolint:nilerr,nilnil // a repair writes nothing under a name that no registry accepts
	}
	aside, err := r.link(name)
	if err != nil || aside.target.IsZero() {
		return nil, err
	}
	here, err := r.link(place)
	if err != nil || here.target.IsZero() || here.target == aside.target {
		return nil, err
	}
	return &Remnant{name, o.Repository, o.Tag, aside.target}, nil
}

// dropTemporaries removes what has not got its name.
func (x *repairing) dropTemporaries() {
	for _, s := range x.p.Steps {
		if s.temporary == "" {
			continue
		}
		if at, err := x.open(s); err == nil {
			_ = at.Unlink(s.temporary) // what is left of it a sweep removes
			at.Close()
		}
	}
}
