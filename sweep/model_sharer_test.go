//go:build unix

package sweep_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout"
)

// sharer gives parts of a store more names.
type sharer struct {
	c    *census
	dir  string
	r    *rand.Rand
	at   time.Time // when it was done
	n    int
	done []string
	// mounted are directories that others are mounted on.
	mounted []string
}

// share puts in place of one part of the store a name that leads to an equal
// thing elsewhere: to one that is there, or to where it is moved to.
func (s *sharer) share(mount bool) {
	parts := s.parts()
	if mount {
		parts = slices.DeleteFunc(parts, func(p string) bool {
			info, err := os.Stat(s.dir + p)
			return err != nil || !info.IsDir()
		})
	}
	if len(parts) == 0 {
		return
	}
	from := parts[s.r.IntN(len(parts))]
	to := s.elsewhere(from)
	equal := s.equals(from, parts)
	if len(equal) > 0 && s.r.IntN(2) == 0 {
		to = equal[s.r.IntN(len(equal))]
		s.c.add("equal", 1)
		s.must(os.RemoveAll(s.dir + from))
	} else {
		s.c.add("moved", 1)
		s.must(os.MkdirAll(s.dir+path.Dir(to), 0o755))
		s.must(os.Rename(s.dir+from, s.dir+to))
	}
	info, err := os.Stat(s.dir + to)
	s.must(err)
	kind := "symlink"
	switch {
	case mount && info.IsDir() && s.mount(to, from):
		kind = "mount"
	case !info.IsDir() && s.r.IntN(3) == 0:
		kind = "hard link"
		s.must(os.Link(s.dir+to, s.dir+from))
	default:
		relative, err := filepath.Rel(path.Dir(from), to)
		s.must(err)
		s.must(os.Symlink(relative, s.dir+from))
		s.old(from)
	}
	for _, p := range []string{from, to} {
		for d := path.Dir(p); strings.Count(d, "/") > 1; d = path.Dir(d) {
			s.old(d)
		}
	}
	s.c.add(kind, 1)
	switch {
	case path.Base(from) == layout.Data:
		s.c.add("data", 1)
	case info.IsDir():
		s.c.add("directory", 1)
	default:
		s.c.add("link", 1)
	}
	s.done = append(s.done, fmt.Sprintf("%s is a %s to %s", from, kind, to))
}

// mount shows a directory by another name, where this is allowed.
func (s *sharer) mount(to, from string) bool {
	s.must(os.Mkdir(s.dir+from, 0o777))
	if mountBind(s.dir+to, s.dir+from) == nil {
		s.mounted = append(s.mounted, s.dir+from)
		return true
	}
	s.must(os.Remove(s.dir + from))
	return false
}

// unmount comes before the store is removed.
func (s *sharer) unmount() {
	for _, p := range slices.Backward(s.mounted) {
		s.must(unmountBind(p))
	}
}

func (s *sharer) must(err error) {
	if err != nil {
		panic(err) // no place to write: no test
	}
}

// old sets the time of a name, not of what it leads to.
func (s *sharer) old(p string) {
	at, err := unix.TimeToTimespec(s.at)
	s.must(err)
	s.must(unix.UtimesNanoAt(unix.AT_FDCWD, s.dir+p, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
}

// parts are what may be shared: links, and directories in which these are, and
// data; nothing that is behind a symbolic link.
func (s *sharer) parts() (list []string) {
	for _, p := range pathsOf(s.dir) {
		name, isDir := strings.CutSuffix(p, "/")
		info, err := os.Lstat(s.dir + name)
		s.must(err)
		if info.Mode()&os.ModeSymlink != 0 || strings.HasPrefix(name, "/repositories/z/") {
			continue
		}
		base, above := path.Base(name), path.Base(path.Dir(name))
		hasLink := exists(s.dir+name+"/link") || exists(s.dir+name+"/current/link")
		switch {
		case !isDir && base == layout.Link, isDir && hasLink && above != "signatures":
			list = append(list, name)
		case !isDir && base == layout.Data && strings.HasPrefix(name, "/blobs/"):
			list = append(list, name)
		case isDir && strings.HasPrefix(name, "/blobs/") && exists(s.dir+name+"/data"):
			list = append(list, name)
		case isDir && s.r.IntN(4) == 0 && (base == layout.Layers || base == layout.Tags || above == layout.Layers || above == layout.Revisions):
			list = append(list, name)
		}
	}
	return list
}

// elsewhere is where a part may be moved to: the same place of a repository that
// has nothing else, or another blob or an upload. Nothing is there, so that no
// name that leads there comes to lead nowhere.
func (s *sharer) elsewhere(from string) string {
	s.n++
	if rest, ok := strings.CutPrefix(from, "/blobs/"); ok {
		alg, _, _ := strings.Cut(rest, "/")
		if path.Base(from) == layout.Data && s.r.IntN(3) == 0 {
			return fmt.Sprintf("/repositories/z/_uploads/00000000-0000-4000-8000-%012d/data", s.n)
		}
		hex := layout.FromBytes(layout.SHA256, fmt.Append(nil, from, s.n)).Hex()
		if alg != "sha256" {
			hex = strings.Repeat(hex, 2)[:len(strings.Split(rest, "/")[2])]
		}
		to := "/blobs/" + alg + "/" + hex[:2] + "/" + hex
		if path.Base(from) == layout.Data {
			to += "/data"
		}
		return to
	}
	at := strings.Index(from, "/_")
	to := "/repositories/z" + from[at:]
	if exists(s.dir + to) {
		to = fmt.Sprintf("/repositories/z/%d", s.n) + from[at:]
	}
	return to
}

// equals are the parts that hold the same link, in files or directories of a kind.
func (s *sharer) equals(from string, parts []string) (list []string) {
	key := func(p string) string {
		for _, below := range []string{"", "/link", "/current/link"} {
			if l, err := os.ReadFile(s.dir + p + below); err == nil && !strings.HasPrefix(p, "/blobs/") {
				kind := "link"
				if below != "" {
					kind = strings.Split(p[strings.Index(p, "/_"):], "/")[1] + below
				}
				return kind + string(l)
			}
		}
		return ""
	}
	this := key(from)
	for _, p := range parts {
		if p != from && this != "" && key(p) == this && !strings.HasPrefix(p, from+"/") && !strings.HasPrefix(from, p+"/") {
			list = append(list, p)
		}
	}
	return list
}
