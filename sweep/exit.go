package sweep

import (
	"errors"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

func (m *mover) File(d *disk.Locked, name string) error {
	to, err := m.Make(d.Dir, mirrored(d.Path())...)
	if err != nil {
		return err
	}
	err = d.RenameNoReplace(name, to, plainName(name))
	switch {
	case errors.Is(err, disk.ErrExists):
		// What a stopped run had set aside, and what was pushed again and is removed
		// now, have one name: one of them is enough.
		return d.Unlink(name)
	case disk.Gone(err):
		// It is the place that has gone, or nobody knows.
		if _, serr := d.Stat(name); !disk.Gone(serr) {
			return errors.Join(tree.NotGone(err), serr)
		}
	case err == nil:
		m.bin.AddMoved()
	}
	return err
}

func (m *mover) Whole(parent *disk.Locked, name string, of tree.Shape) error {
	only, err := tree.Only(parent, name, of)
	if err != nil {
		return tree.IgnoreGone(err)
	}
	path := mirrored(parent.Join(name))
	if last := len(path) - 1; only {
		to, err := m.Make(parent.Dir, path[:last]...)
		if err != nil {
			return err
		}
		err = parent.RenameNoReplace(name, to, path[last])
		if err == nil {
			m.bin.AddMoved()
		}
		if !errors.Is(err, disk.ErrExists) {
			return err
		}
	}
	return tree.Remove(m, parent, name, of)
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

// exit returns the way in which an item leaves the store. An item that a
// stopped run had set aside leaves it as that run would have done.
func (c *cache) exit(i *mark.Item) tree.Exit {
	bin := c.r.bin
	if i.Aside && c.r.begun != nil {
		bin = c.r.begun
	}
	if bin == nil {
		return tree.Unlinker{}
	}
	if c.mover == nil || c.mover.bin != bin {
		c.closeMover()
		c.mover = &mover{bin: bin, Maker: tree.Maker{Root: bin.Open}}
	}
	return c.mover
}
