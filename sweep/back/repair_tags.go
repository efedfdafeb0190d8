package back

import (
	"errors"
	"slices"
	"syscall"

	"github.com/regsweep/regsweep/layout"
)

// dangling is about a tag whose manifest has no link.
func (j *judge) dangling(s *Step) ([]*Step, error) {
	l, err := j.link(s.Finding.Path + "/" + layout.Current + "/" + layout.Link)
	if err != nil {
		return nil, err
	}
	if l.target.IsZero() {
		s.leave(NoWay, "the tag names nothing any more")
		return nil, nil
	}
	s.Digest = l.target
	s.Path = layout.RevisionDir(s.Repository, s.Digest) + "/" + layout.Link
	return j.linkManifest(s)
}

// linkManifest is about a manifest that a repository shows that it had.
func (j *judge) linkManifest(s *Step) ([]*Step, error) {
	deleted, err := j.isDeleted(s.Path, s.Digest)
	if err != nil {
		return nil, err
	}
	if deleted {
		s.leave(ByUndelete, "somebody deleted the manifest that it names")
		return nil, nil
	}
	l, err := j.link(s.Path)
	if err != nil {
		return nil, err
	}
	if l.there {
		s.leave(NoWay, "the link is there now")
		return nil, nil
	}
	if err := j.own(s, true); err != nil || s.Do != DoLink {
		return nil, err
	}
	t, err := j.traces(s.Repository)
	if err != nil {
		return nil, err
	}
	i, err := j.image(t, Lost{Repository: s.Repository, Digest: s.Digest})
	switch {
	case err != nil:
		return nil, err
	case i.Err != nil:
		s.leave(ByPush, "%v", i.Err)
		return nil, nil //nolint:nilerr // it is told of the step
	case i.Complete():
		return nil, nil
	}
	return j.parts(s, i), nil
}

// parts are the blobs that an image lacks, if sources have all of them.
func (j *judge) parts(s *Step, i *Image) (steps []*Step) {
	for _, d := range i.Missing {
		part := *s
		part.Digest, part.replaces = d, false
		j.absent(&part)
		if part.Do != DoCopy {
			s.leave(ByPush, "the image that it names lacks %s", d)
			return nil
		}
		steps = append(steps, &part)
	}
	return steps
}

// retag gives a tag the newest entry of its history, if its manifest is linked,
// intact and complete. An older one is never chosen: somebody has to.
func (j *judge) retag(s *Step) error {
	s.Path = layout.TagDir(s.Repository, s.Tag) + "/" + layout.Current + "/" + layout.Link
	l, err := j.link(s.Path)
	if err != nil {
		return err
	}
	if !l.target.IsZero() {
		s.leave(NoWay, "the tag names something now")
		return nil
	}
	if l.there {
		if ok, err := j.replaced(s); err != nil || !ok {
			return err
		}
	}
	sure, err := j.historyOf(s)
	switch {
	case err != nil:
		return err
	case len(s.History) == 0:
		s.leave(ByPush, "its history names nothing")
		return nil
	case !sure:
		s.leave(ByTag, "its history does not show which entry is the newest")
	default:
		s.Digest = s.History[0].Digest
		err = j.newest(s)
	}
	if err == nil && s.Way == ByTag {
		err = j.choices(s)
	}
	return err
}

// choices finds out which entries of a tag's history somebody can choose.
func (j *judge) choices(s *Step) error {
	t, err := j.traces(s.Repository)
	if err != nil {
		return err
	}
	for k := range s.History {
		e := &s.History[k]
		i, err := j.image(t, Lost{Repository: s.Repository, Digest: e.Digest})
		switch {
		case err != nil:
			return err
		case i.Err != nil || !i.Complete():
		case i.Linked:
			e.State = EntryWhole
		default:
			e.State = EntryDeleted
		}
	}
	return nil
}

// historyOf lists the entries of a tag's history. It is not sure which is the
// newest if an entry is damaged, or two have one time.
func (j *judge) historyOf(s *Step) (sure bool, err error) {
	sure, s.History = true, nil
	err = j.digestsIn(layout.TagDir(s.Repository, s.Tag)+"/"+layout.Index, func(d layout.Digest, dir string) error {
		l, err := j.link(dir + "/" + layout.Link)
		sure = sure && l.target == d
		s.History = append(s.History, Entry{Digest: d, Set: l.set})
		return err
	})
	if errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	slices.SortFunc(s.History, func(a, b Entry) int {
		if a.Set != b.Set {
			if a.Set > b.Set {
				return -1
			}
			return 1
		}
		return a.Digest.Compare(b.Digest)
	})
	if n := len(s.History); n > 1 && s.History[0].Set == s.History[1].Set {
		sure = false
	}
	return sure, err
}

// newest is about the newest entry of a tag's history.
func (j *judge) newest(s *Step) error {
	path := layout.RevisionDir(s.Repository, s.Digest) + "/" + layout.Link
	l, err := j.link(path)
	switch {
	case err != nil:
		return err
	case !l.there && j.isLinkedElsewhere(path, s.Digest):
		// The manifest first; then the tag.
		s.Path, s.replaces = path, false
		_, err := j.linkManifest(s)
		return err
	case !l.there:
		s.leave(ByTag, "the newest entry of its history, %s, is not linked any more", s.Digest)
		return nil
	case l.target != s.Digest:
		s.leave(ByTag, "the link of the newest entry of its history, %s, is damaged", s.Digest)
		return nil
	}
	t, err := j.traces(s.Repository)
	if err != nil {
		return err
	}
	i, err := j.image(t, Lost{Repository: s.Repository, Digest: s.Digest})
	switch {
	case err != nil:
		return err
	case i.Err != nil:
		s.leave(ByTag, "the newest entry of its history: %v", i.Err)
	case !i.Complete():
		s.leave(ByTag, "the newest entry of its history, %s, is not complete", s.Digest)
	default:
		s.Do, s.Reason = DoRetag, "the newest entry of its history is whole"
	}
	return nil
}
