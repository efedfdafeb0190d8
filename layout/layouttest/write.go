package layouttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// abs is the absolute path of a path that is relative to the store's
// directory, or to the root directory if it begins with a slash.
func (s *Store) abs(path string) string {
	if strings.HasPrefix(path, "/") {
		return filepath.Join(s.Root, filepath.FromSlash(path))
	}
	return filepath.Join(s.Dir, filepath.FromSlash(path))
}

// write puts a file with its directories where they belong. It truncates what
// is there, as registry 2.8 does.
func (s *Store) write(path string, content []byte, at time.Time) error {
	file := s.abs(path)
	if err := s.mkdirs(filepath.Dir(file), at); err != nil {
		return err
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	s.note(filepath.Dir(file), at)
	return os.Chtimes(file, at, at)
}

func (s *Store) mkdirs(dir string, at time.Time) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.mkdirs(filepath.Dir(dir), at); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o755)
	}
	switch {
	case err == nil:
		s.newest[dir] = at
		s.note(dir, at)
		s.note(filepath.Dir(dir), at)
	case errors.Is(err, fs.ErrExist):
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("%q is no directory", dir)
		}
		return nil
	}
	return err
}

// note remembers that a directory's entries changed. Its time is set when all
// lines are done, since every further entry would change it.
func (s *Store) note(dir string, at time.Time) {
	if at.After(s.newest[dir]) {
		s.newest[dir] = at
	}
	s.dirty[dir] = true
}

// settle gives every directory the time of its newest entry.
func (s *Store) settle() error {
	for dir := range s.dirty {
		at := s.newest[dir]
		if dir == filepath.Dir(s.Root) {
			continue
		}
		if err := os.Chtimes(dir, at, at); err != nil && !isGone(err) {
			return fmt.Errorf("layouttest: %w", err)
		}
	}
	clear(s.dirty)
	return nil
}

// isGone also covers a parent that became a file or a circle, or cannot be
// entered any more.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ELOOP) || isNotDir(err)
}

func (s *Store) remove(path string, at time.Time) error {
	if err := os.RemoveAll(s.abs(path)); err != nil {
		return err
	}
	s.note(filepath.Dir(s.abs(path)), at)
	return nil
}

// removeThere is remove of what must be there: a line that does nothing is a mistake.
func (s *Store) removeThere(path string, at time.Time) error {
	if !s.exists(path) {
		return fmt.Errorf("there is no %q", path)
	}
	return s.remove(path, at)
}

func (s *Store) exists(path string) bool {
	_, err := os.Lstat(s.abs(path))
	return err == nil
}

// link writes the link at the object's path, with the digest as its content.
func (s *Store) link(o layout.Object, target layout.Digest, at time.Time) error {
	return s.write(o.Path(), []byte(target.String()), at)
}

// putBlob stores content. A registry touches nothing if it is there already.
func (s *Store) putBlob(o *object, at time.Time) error {
	if s.exists(o.where()) {
		return nil
	}
	if o.content == nil {
		return fmt.Errorf("%q is not stored and has no known content", o.name)
	}
	return s.write(o.where(), o.content(), at)
}

// linkLayer links content into a repository, and by its other digest too if it
// has one. A link that is there stays as it is: the client had seen the layer.
func (s *Store) linkLayer(repository string, o *object, at time.Time) error {
	for _, d := range []layout.Digest{o.digest, o.alias} {
		to := layout.Object{Kind: layout.LayerLink, Repository: repository, Digest: d}
		if d.IsZero() || s.exists(to.Path()) {
			continue
		}
		if err := s.link(to, o.digest, at); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) pushLayer(repository string, o *object, at time.Time) error {
	if repository == nowhere || o.absent {
		return nil
	}
	if err := s.putBlob(o, at); err != nil {
		return err
	}
	return s.linkLayer(repository, o, at)
}

// push stores a manifest with all it needs in a repository. With deep, the
// children come along that are not in the repository yet.
func (s *Store) push(r ref, o *object, deep bool, at time.Time) error {
	if r.repository == nowhere {
		return nil
	}
	for _, part := range o.parts {
		if err := s.pushLayer(r.repository, part, at); err != nil {
			return err
		}
	}
	for _, child := range o.children {
		if !deep || s.exists(revision(r.repository, child).Path()) {
			continue
		}
		if err := s.push(ref{repository: r.repository}, child, true, at); err != nil {
			return err
		}
	}
	if err := s.putBlob(o, at); err != nil {
		return err
	}
	if err := s.link(revision(r.repository, o), o.digest, at); err != nil {
		return err
	}
	for _, sig := range o.signatures {
		to := layout.Object{Kind: layout.SignatureLink, Repository: r.repository, Digest: o.digest, Signature: sig.digest}
		if err := errors.Join(s.putBlob(sig, at), s.link(to, sig.digest, at)); err != nil {
			return err
		}
	}
	return s.tag(r, o, at)
}

// upload leaves the directory that every push through the uploads API leaves.
func (s *Store) uploaded(repository string, at time.Time) error {
	if repository == nowhere {
		return nil
	}
	return s.mkdirs(s.abs(layout.RepositoryDir(repository)+"/"+layout.Uploads), at)
}

// tag writes the history entry and then the current link, as registries do;
// older history stays.
func (s *Store) tag(r ref, o *object, at time.Time) error {
	for _, tag := range r.tags {
		history := layout.Object{Kind: layout.TagHistory, Repository: r.repository, Tag: tag, Digest: o.digest}
		current := layout.Object{Kind: layout.TagCurrent, Repository: r.repository, Tag: tag}
		if err := errors.Join(s.link(history, o.digest, at), s.link(current, o.digest, at)); err != nil {
			return err
		}
	}
	return nil
}

func revision(repository string, o *object) layout.Object {
	return layout.Object{Kind: layout.RevisionLink, Repository: repository, Digest: o.digest}
}
