package sweep

import (
	"errors"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// exit is how things leave the store. Whatever a sweep takes away goes through one.
type exit interface {
	// file takes away a name that is no directory.
	file(d *disk.Locked, name string) error
	// whole takes away a directory, or what in it is of a shape.
	whole(parent *disk.Locked, name string, of shape) error
}

// unlinker is the exit for good.
type unlinker struct{}

// file believes that a name has gone when it is said twice.
func (unlinker) file(d *disk.Locked, name string) error {
	err := d.Unlink(name)
	if disk.Gone(err) {
		err = d.Unlink(name)
	}
	return err
}

func (u unlinker) whole(parent *disk.Locked, name string, of shape) error {
	return removeTree(u, parent, name, of)
}

// mover is the exit into a run of the trash. Each worker has its own.
type mover struct {
	bin *Bin
	maker
}

func (m *mover) file(d *disk.Locked, name string) error {
	to, err := m.make(d.Dir, mirrored(d.Path())...)
	if err != nil {
		return err
	}
	err = d.RenameNoReplace(name, to, plainName(name))
	switch {
	case errors.Is(err, disk.ErrExists):
		// What a stopped run had set aside, and what was pushed again and goes
		// now, have one name: one of them is enough.
		return d.Unlink(name)
	case disk.Gone(err):
		// It is the place that has gone, or nobody knows.
		if _, serr := d.Stat(name); !disk.Gone(serr) {
			return errors.Join(notGone(err), serr)
		}
	case err == nil:
		m.bin.moved.Add(1)
	}
	return err
}

func (m *mover) whole(parent *disk.Locked, name string, of shape) error {
	only, err := onlyShape(parent, name, of)
	if err != nil {
		return ignoreGone(err)
	}
	path := mirrored(parent.Join(name))
	if last := len(path) - 1; only {
		to, err := m.make(parent.Dir, path[:last]...)
		if err != nil {
			return err
		}
		err = parent.RenameNoReplace(name, to, path[last])
		if err == nil {
			m.bin.moved.Add(1)
		}
		if !errors.Is(err, disk.ErrExists) {
			return err
		}
	}
	return removeTree(m, parent, name, of)
}

// maker keeps directories open below one, and makes them as they are needed.
type maker struct {
	root func() (*disk.Locked, error)
	path []string       // from the root down
	dirs []*disk.Locked // the root, and one for each name of path
}

// make returns a directory, which the maker closes. It and those above it are
// made if they are missing, with the mode and owner of another.
func (m *maker) make(like *disk.Dir, path ...string) (*disk.Locked, error) {
	if len(m.dirs) == 0 {
		dir, err := m.root()
		if err != nil {
			return nil, notGone(err)
		}
		m.dirs = append(m.dirs, dir)
	}
	same := 0
	for same < min(len(path), len(m.path)) && path[same] == m.path[same] {
		same++
	}
	m.cut(same)
	for _, name := range path[same:] {
		dir, err := openOrMake(m.dirs[len(m.dirs)-1], name, like)
		if err != nil {
			return nil, err
		}
		m.dirs, m.path = append(m.dirs, dir), append(m.path, name)
	}
	return m.dirs[len(m.dirs)-1], nil
}

// cut closes all directories but the root and the first n below it.
func (m *maker) cut(n int) {
	for len(m.dirs) > n+1 {
		last := len(m.dirs) - 1
		m.dirs[last].Close()
		m.dirs, m.path = m.dirs[:last], m.path[:last-1]
	}
}

func (m *maker) close() {
	m.cut(0)
	for _, d := range m.dirs {
		d.Close()
	}
	m.dirs = nil
}

// openOrMake opens a directory that need not be there yet.
func openOrMake(parent *disk.Locked, name string, like *disk.Dir) (*disk.Locked, error) {
	dir, err := parent.OpenBelow(name)
	if !disk.Gone(err) {
		return dir, err
	}
	// Another worker may make it at the same time.
	if err := parent.Mkdir(name, like); err != nil && !errors.Is(err, disk.ErrExists) {
		return nil, notGone(err)
	}
	dir, err = parent.OpenBelow(name)
	return dir, notGone(err)
}

// notGone keeps an error about the trash from being taken for one about what
// was to be moved there, whose absence is none.
func notGone(err error) error {
	if disk.Gone(err) {
		return errors.New(err.Error())
	}
	return err
}

// mirrored is the path, in the trash, of a directory of the store.
func mirrored(path string) []string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if tag, ok := strings.CutPrefix(part, layout.GonePrefix); ok && i > 0 && parts[i-1] == layout.Manifests {
			return slices.Concat(parts[:i], []string{layout.Tags, tag}, parts[i+1:])
		}
	}
	return parts
}

// plainName is the name that something had before it was set aside.
func plainName(name string) string {
	switch name {
	case layout.Aside:
		return layout.Data
	case layout.AsideLink:
		return layout.Link
	}
	return name
}

// exit is the way that an item takes. One that a stopped run had set aside goes
// where that run would have put it.
func (c *cache) exit(i *mark.Item) exit {
	bin := c.r.bin
	if i.Aside && c.r.begun != nil {
		bin = c.r.begun
	}
	if bin == nil {
		return unlinker{}
	}
	if c.mover == nil || c.mover.bin != bin {
		c.closeMover()
		c.mover = &mover{bin: bin, maker: maker{root: bin.open}}
	}
	return c.mover
}

func (c *cache) closeMover() {
	if c.mover != nil {
		c.mover.close()
		c.mover = nil
	}
}
