package layouttest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// damage does harm of a named kind to a target:
//
//	revision REPOSITORY NAME | layer REPOSITORY NAME   a link
//	tag REPOSITORY:TAG                                 a tag's current link
//	blob NAME                                          a blob's data
//	path PATH                                          any path
func (s *Store) damage(l *line) error {
	path, err := s.target(l.words[1:])
	if err != nil {
		return err
	}
	kind := l.words[0]
	if content, ok, err := s.replacement(kind, path, l); err != nil || ok {
		if err != nil {
			return err
		}
		return s.write(path, content, l.at)
	}
	file := s.abs(path)
	if kind == "unreadable" {
		s.locked = append(s.locked, file)
		return os.Chmod(file, 0)
	}
	if kind == "huge" {
		return errors.Join(s.write(path, nil, l.at), os.Truncate(file, l.size("size", 3<<30)), os.Chtimes(file, l.at, l.at))
	}
	if kind == "half-tag" || kind == "empty-tag" {
		return s.halveTag(kind, filepath.ToSlash(filepath.Dir(filepath.Dir(path))), l.at)
	}
	if err := s.remove(path, l.at); err != nil {
		return err
	}
	return s.replaceBySpecial(kind, path, l.at)
}

func (s *Store) target(words []string) (string, error) {
	switch words[0] {
	case "revision", "layer":
		if len(words) != 3 {
			return "", fmt.Errorf("%s needs a repository and a name", words[0])
		}
		o, err := s.object(words[2])
		if err != nil {
			return "", err
		}
		if words[0] == "layer" {
			return layout.Object{Kind: layout.LayerLink, Repository: words[1], Digest: o.digest}.Path(), nil
		}
		return revision(words[1], o).Path(), nil
	case "tag":
		r, err := s.ref(words[1])
		if err != nil || len(r.tags) != 1 {
			return "", fmt.Errorf("%q is not one tag", words[1])
		}
		return layout.Object{Kind: layout.TagCurrent, Repository: r.repository, Tag: r.tags[0]}.Path(), nil
	case "blob":
		o, err := s.object(words[1])
		if err != nil {
			return "", err
		}
		return o.where(), nil
	case "path":
		return s.path(words[1]), nil
	}
	return "", fmt.Errorf("%q is no target", words[0])
}

// replacement is what a kind of damage writes over a file.
func (s *Store) replacement(kind, path string, l *line) (content []byte, ok bool, err error) {
	old, err := os.ReadFile(s.abs(path))
	if err != nil {
		old = nil
	}
	switch kind {
	case "zero":
		return nil, true, nil
	case "garbage":
		return []byte("garbage\x00\x1b[31m"), true, nil
	case "long":
		return []byte(strings.Repeat("sha256:a", 20000)), true, nil
	case "newline":
		return append(old, '\n'), true, nil
	case "truncated":
		return old[:len(old)/2], true, nil
	case "html":
		return []byte("<html><body>502 Bad Gateway</body></html>"), true, nil
	case "wrong-digest":
		return []byte(`{"schemaVersion":2}`), true, nil
	case "mismatch":
		o, err := s.object(l.text("to", ""))
		if err != nil {
			return nil, false, err
		}
		return []byte(o.digest.String()), true, nil
	}
	return nil, false, nil
}

func (s *Store) halveTag(kind, dir string, at time.Time) error {
	if err := s.remove(dir+"/"+layout.Current, at); err != nil || kind == "half-tag" {
		return err
	}
	return s.remove(dir+"/"+layout.Index, at)
}

// replaceBySpecial puts something else in the place of a file that is gone.
func (s *Store) replaceBySpecial(kind, path string, at time.Time) error {
	file := s.abs(path)
	s.note(filepath.Dir(file), at)
	switch kind {
	case "missing":
		return nil
	case "fifo":
		return mkfifo(file)
	case "socket":
		// Bound through a short link to its directory, since paths of sockets are limited.
		short, err := os.MkdirTemp("", "s")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(short) }() // a link is left of it
		if err := os.Symlink(filepath.Dir(file), short+"/d"); err != nil {
			return err
		}
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: short + "/d/socket", Net: "unix"})
		if err != nil {
			return err
		}
		listener.SetUnlinkOnClose(false)
		return errors.Join(listener.Close(), os.Rename(filepath.Join(filepath.Dir(file), "socket"), file))
	case "dangling":
		return os.Symlink("nowhere", file)
	case "circle":
		return os.Symlink(filepath.Base(file), file)
	case "directory":
		return os.Mkdir(file, 0o755)
	case "file":
		return os.WriteFile(file, []byte("a file\n"), 0o644)
	}
	return fmt.Errorf("damage %q is not known", kind)
}
