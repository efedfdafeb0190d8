package walker

import (
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// parts are the store's directories.
func parts() []string { return []string{layout.Repositories, layout.Blobs, layout.Own} }

// targets are the symbolic links that were met, sorted.
func (s *Shares) targets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.leads))
}

// findUnclear returns an error if something is mounted in the store, or where a
// symbolic link leads, and may be another part of the store.
func (s *Shares) findUnclear() error {
	top, err := s.store.Resolve(".")
	if err != nil {
		return err
	}
	known := []string{top}
	for i := range s.parts {
		if !s.parts[i].inner {
			known = append(known, s.parts[i].real)
		}
	}
	m, ok := s.mounts.Unclear(known)
	if !ok {
		return nil
	}
	path := m.Point
	for i := range s.parts {
		if s.parts[i].real == m.Point {
			path = s.parts[i].path
		}
	}
	return &fs.PathError{Op: "mount", Path: path, Err: disk.ErrMountUnclear}
}

// UnreadableMounts records that Settle failed.
func (w *Walker) UnreadableMounts(err error) {
	path := "."
	if e := new(fs.PathError); errors.As(err, &e) && e.Op == "mount" {
		path = e.Path
	}
	w.Unreadable(path, err)
}
