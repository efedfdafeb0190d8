package tree

import (
	"errors"
	"slices"

	"github.com/regsweep/regsweep/walker/disk"
)

// Dirs keeps the directory that was used last open, and those above it. Items
// are sorted, so the next one is usually below one of them. Of many it keeps
// the first one and the last ones open.
type Dirs struct {
	path []string
	dirs []*disk.Locked // one for each name of path, nil if it is not kept open
}

// mostOpen is how many directories a Dirs keeps open at most: those on the way
// to the links of a repository with a name of two parts.
const mostOpen = 6

// Open returns a directory below the store, which the Dirs closes.
func (c *Dirs) Open(lock *disk.Lock, path ...string) (*disk.Locked, error) {
	return c.walk(path, func(name string) (*disk.Locked, error) {
		if len(c.dirs) == 0 {
			return lock.Open(name)
		}
		return c.Last().OpenBelow(name)
	})
}

// Last is the directory that was opened last.
func (c *Dirs) Last() *disk.Locked { return c.dirs[len(c.dirs)-1] }

// IsAt reports whether that is the directory of a path.
func (c *Dirs) IsAt(path []string) bool { return slices.Equal(c.path, path) }

// Close closes all of them.
func (c *Dirs) Close() { c.cut(0) }

// walk opens the directories of a path that are not open yet.
func (c *Dirs) walk(path []string, open func(name string) (*disk.Locked, error)) (*disk.Locked, error) {
	same := 0
	for same < min(len(path), len(c.path)) && path[same] == c.path[same] {
		same++
	}
	for same > 0 && c.dirs[same-1] == nil {
		same--
	}
	c.cut(same)
	for _, name := range path[same:] {
		dir, err := open(name)
		if err != nil {
			return nil, err
		}
		dir.Watch()
		c.dirs, c.path = append(c.dirs, dir), append(c.path, name)
		if first := len(c.dirs) - mostOpen; first > 0 {
			c.close(first)
		}
	}
	return c.Last(), nil
}

// cut closes all directories but the first n.
func (c *Dirs) cut(n int) {
	for len(c.dirs) > n {
		last := len(c.dirs) - 1
		c.close(last)
		c.dirs, c.path = c.dirs[:last], c.path[:last]
	}
}

func (c *Dirs) close(at int) {
	if d := c.dirs[at]; d != nil {
		d.Watch()
		d.Close()
		c.dirs[at] = nil
	}
}

// Maker keeps directories open below one, and makes them as they are needed.
type Maker struct {
	Root func() (*disk.Locked, error) // opens the one
	root *disk.Locked
	dirs Dirs
}

// Make returns a directory, which the Maker closes. It and those above it are
// made if they are missing, with the mode and owner of another.
func (m *Maker) Make(like *disk.Dir, path ...string) (*disk.Locked, error) {
	if m.root == nil {
		dir, err := m.Root()
		if err != nil {
			return nil, NotGone(err)
		}
		m.root = dir
	}
	if len(path) == 0 {
		m.dirs.Close()
		return m.root, nil
	}
	return m.dirs.walk(path, func(name string) (*disk.Locked, error) {
		above := m.root
		if len(m.dirs.dirs) > 0 {
			above = m.dirs.Last()
		}
		return OpenOrMake(above, name, like)
	})
}

// Close closes all of them, and the one that they are below.
func (m *Maker) Close() {
	m.dirs.Close()
	if m.root != nil {
		m.root.Close()
		m.root = nil
	}
}

// OpenOrMake opens a directory that need not be there yet.
func OpenOrMake(parent *disk.Locked, name string, like *disk.Dir) (*disk.Locked, error) {
	dir, err := parent.OpenBelow(name)
	if !disk.Gone(err) {
		return dir, err
	}
	// Another worker may make it at the same time.
	if err := parent.Mkdir(name, like); err != nil && !errors.Is(err, disk.ErrExists) {
		return nil, NotGone(err)
	}
	dir, err = parent.OpenBelow(name)
	return dir, NotGone(err)
}

// NotGone marks an error about the trash. Otherwise an absent directory there
// would look like an absent item, which is not an error.
func NotGone(err error) error {
	if disk.Gone(err) {
		return errors.New(err.Error())
	}
	return err
}
