package back

import (
	"errors"
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// decide says what is to be done about a finding. What cannot be read is left,
// with the error.
func (j *judge) decide(f *walker.Problem) []*Step {
	s := &Step{Finding: *f, Do: DoLeave, Path: f.Path}
	steps, err := j.about(s)
	switch {
	case errors.Is(err, disk.ErrNotFile) || errors.Is(err, disk.ErrDangling):
		s.leave(NoWay, "something other than a file is in its place")
		return []*Step{s}
	case err != nil:
		s.leave(NoWay, "%v", err)
		s.Err = err
		return []*Step{s}
	}
	if len(steps) == 0 {
		steps = []*Step{s}
	}
	for _, s := range steps {
		if !j.p.links && (s.Do == DoLink || s.Do == DoRetag) {
			s.leave(NoWay, "the links do not count in this registry: use its own tools")
		}
	}
	return steps
}

// leave says why a finding is left.
func (s *Step) leave(way Way, format string, args ...any) {
	s.Do, s.Way, s.Reason = DoLeave, way, fmt.Sprintf(format, args...)
}

func (j *judge) about(s *Step) ([]*Step, error) {
	switch s.Finding.Kind {
	case walker.CorruptBlob, walker.WrongSize, walker.BrokenManifest, walker.IOError:
		return nil, j.damagedData(s)
	case walker.MissingBlob, walker.MissingManifest:
		return nil, j.missingData(s)
	case walker.MissingLayerLink, walker.UnlinkedChild:
		return nil, j.missingLink(s)
	case walker.BrokenLink, walker.LinkMismatch:
		return nil, j.badLink(s)
	case walker.HalfTag, walker.DanglingTag:
		o, err := layout.Parse(s.Finding.Path + "/" + layout.Current + "/" + layout.Link)
		if err != nil {
			s.leave(NoWay, "no registry accepts the name")
			return nil, nil //nolint:nilerr // it is told of the step
		}
		s.Repository, s.Tag = o.Repository, o.Tag
		if s.Finding.Kind == walker.HalfTag {
			return nil, j.retag(s)
		}
		return j.dangling(s)
	case walker.SetAside:
		s.leave(ByGC, "a sweep that was stopped has set it aside")
	default:
		s.leave(NoWay, "a repair does not know what it was")
	}
	return nil, nil
}

// damagedData is about data that may not be what their digest says.
func (j *judge) damagedData(s *Step) error {
	o, err := layout.Parse(s.Finding.Path)
	if err != nil || o.Kind != layout.BlobData {
		s.leave(NoWay, "it is not a blob's data")
		if s.Finding.Kind == walker.IOError {
			s.leave(NoWay, "it cannot be read")
		}
		return nil //nolint:nilerr // it is told of the step
	}
	s.Digest = o.Digest
	b, err := j.blob(o.Digest, false)
	switch {
	case err != nil:
		return err
	case !b.there:
		j.absent(s)
	case b.damaged:
		j.damaged(s, b)
	case s.Finding.Kind == walker.WrongSize:
		s.leave(NoWay, "the data are intact: a manifest states a false size")
	case s.Finding.Kind == walker.BrokenManifest:
		s.leave(NoWay, "the data are intact, and are not a manifest that can be read")
	default:
		s.leave(NoWay, "the data are intact now")
	}
	return nil
}

// damaged replaces damaged data, or takes them out of the registry's way.
func (j *judge) damaged(s *Step, b *blob) {
	s.Path = layout.BlobDir(s.Digest) + "/" + layout.Data
	if b.info.Type != disk.File {
		s.leave(NoWay, "the data are damaged, and their name is a symbolic link: repair what it leads to")
		return
	}
	s.replaces, s.was, s.Reason = true, b.info, "the data have another digest"
	if s.unread = b.unread; s.unread {
		s.Reason = "the disk cannot read the data"
	}
	if s.From = j.source(s.Digest); s.From != nil {
		s.Do = DoCopy
		return
	}
	s.Do, s.Way = DoTrash, ByPush
}

// absent copies a blob that is not stored, if a source has it.
func (j *judge) absent(s *Step) {
	s.Path, s.Reason = layout.BlobDir(s.Digest)+"/"+layout.Data, "the data are missing"
	if s.From = j.source(s.Digest); s.From != nil {
		s.Do = DoCopy
		return
	}
	if s.Finding.Flags.Has(walker.Garbage) {
		s.leave(ByGC, "the data are missing, and nothing needs them")
		return
	}
	s.leave(ByPush, "the data are missing")
}

func (j *judge) missingData(s *Step) error {
	path := s.Finding.Path
	if o, err := layout.Parse(path); (err != nil || o.Kind != layout.BlobData) && len(s.Finding.Absent) > 0 {
		path = s.Finding.Absent[0]
	}
	o, err := layout.Parse(path)
	if err != nil || o.Kind != layout.BlobData {
		s.leave(ByPush, "the data are missing")
		return nil //nolint:nilerr // it is told of the step
	}
	s.Digest = o.Digest
	b, err := j.blob(o.Digest, true)
	switch {
	case err != nil:
		return err
	case !b.there:
		j.absent(s)
	case b.damaged:
		j.damaged(s, b)
	default:
		s.leave(NoWay, "the data are there now")
	}
	return nil
}

// missingLink is about a layer's or manifest's link that is not there.
func (j *judge) missingLink(s *Step) error {
	o, err := layout.Parse(s.Finding.Path)
	if err != nil || o.Kind != layout.LayerLink && o.Kind != layout.RevisionLink {
		s.leave(NoWay, "no registry accepts the name")
		return nil //nolint:nilerr // it is told of the step
	}
	s.Repository, s.Digest = o.Repository, o.Digest
	deleted, err := j.isDeleted(s.Finding.Path, o.Digest)
	if err != nil {
		return err
	}
	if deleted {
		s.leave(ByUndelete, "somebody deleted it")
		return nil
	}
	l, err := j.link(s.Finding.Path)
	if err != nil {
		return err
	}
	if l.there {
		s.leave(NoWay, "the link is there now")
		return nil
	}
	return j.own(s, o.Kind == layout.RevisionLink)
}

// isDeleted reports whether a link's directory is there without the link, as a
// deletion leaves it, and no source says that the link should be there.
func (j *judge) isDeleted(path string, d layout.Digest) (bool, error) {
	dir := strings.TrimSuffix(path, "/"+layout.Link)
	if _, there, err := j.stat(dir); err != nil || !there {
		return false, err
	}
	l, err := j.link(path)
	if err != nil || l.there {
		return false, err
	}
	return !j.isLinkedElsewhere(path, d), nil
}

// badLink is about a link that holds something else than it should.
func (j *judge) badLink(s *Step) error {
	o, err := layout.Parse(s.Finding.Path)
	if err != nil {
		s.leave(NoWay, "a repair does not know what it was")
		return nil //nolint:nilerr // it is told of the step
	}
	s.Repository, s.Tag, s.Digest = o.Repository, o.Tag, o.Digest
	switch o.Kind {
	case layout.TagCurrent:
		return j.retag(s)
	case layout.LayerLink, layout.RevisionLink:
	default:
		s.leave(NoWay, "no pull needs it")
		return nil
	}
	ok, err := j.replaced(s)
	if err != nil || !ok {
		return err
	}
	return j.own(s, o.Kind == layout.RevisionLink)
}

// replaced notes the link that a step replaces. It is not ok if that is no file.
func (j *judge) replaced(s *Step) (ok bool, err error) {
	info, err := j.store.Stat(s.Path)
	if disk.Gone(err) {
		info, err = j.store.Stat(s.Path) // one wrong answer is not believed
	}
	switch {
	case disk.Gone(err):
		s.leave(NoWay, "the link is not there any more")
		return false, nil
	case err != nil:
		return false, err
	case info.Type != disk.File:
		s.leave(NoWay, "something other than a file is in the link's place")
		return false, nil
	}
	s.replaces, s.was = true, info
	return true, nil
}

// own gives a link the digest of its path, if that blob is intact and, for a
// manifest, is one. If not, it is about the blob first.
func (j *judge) own(s *Step, isManifest bool) error {
	b, err := j.blob(s.Digest, true)
	switch {
	case err != nil:
		return err
	case !b.there:
		s.replaces = false
		j.absent(s)
		return nil
	case b.damaged:
		j.damaged(s, b)
		return nil
	}
	if isManifest {
		m, ok, err := j.isManifest(s.Digest)
		if err != nil {
			return err
		}
		if !ok || m.Kind == manifest.Unknown {
			s.leave(NoWay, "the blob is not a manifest")
			return nil
		}
	}
	s.Do, s.Reason = DoLink, "the blob is intact"
	return nil
}
