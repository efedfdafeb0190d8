package layouttest

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/regsweep/regsweep/layout"
)

// Tree lists every path below the store's directory, sorted, directories with
// a slash at their end. The index is left out, which dry runs write.
func (s *Store) Tree(t testing.TB) []string {
	t.Helper()
	var list []string
	s.walk(t, func(path string, d os.DirEntry) {
		if d.IsDir() {
			path += "/"
		}
		list = append(list, path)
	})
	sort.Strings(list)
	return list
}

// Snapshot describes every path below the store's directory: a file by mode,
// time and digest, a directory by mode, anything else by mode and target. The
// index is left out, which dry runs write.
func (s *Store) Snapshot(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	s.walk(t, func(path string, d os.DirEntry) {
		info, err := d.Info()
		if err != nil {
			t.Fatal(err)
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular() && info.Size() < 1<<24:
			b, err := os.ReadFile(s.abs(path))
			if err != nil {
				t.Fatal(err)
			}
			text = fmt.Sprintf("%s %s %s", text, info.ModTime().UTC(), layout.FromBytes(layout.SHA256, b))
		case info.Mode()&os.ModeSymlink != 0:
			target, _ := os.Readlink(s.abs(path))
			text += " " + target
		}
		all[path] = text
	})
	return all
}

func (s *Store) walk(t testing.TB, fn func(path string, d os.DirEntry)) {
	t.Helper()
	err := filepath.WalkDir(s.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.Dir, path)
		if rel != "." && err == nil && !s.IsIndex(rel) {
			fn(filepath.ToSlash(rel), d)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// IsIndex reports whether a path is that of the index, which dry runs write, or of
// a directory with nothing else in it.
func (s *Store) IsIndex(path string) bool {
	switch filepath.ToSlash(path) {
	case layout.Own + "/index":
		return true
	case layout.Own:
		list, err := os.ReadDir(s.abs(path))
		return err == nil && len(list) == 1 && list[0].Name() == "index"
	}
	return false
}

// BlobBytes is the size of everything below blobs/, in bytes.
func (s *Store) BlobBytes(t testing.TB) (n int64) {
	t.Helper()
	s.walk(t, func(path string, d os.DirEntry) {
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() && len(path) > 6 && path[:6] == layout.Blobs+"/" {
			n += info.Size()
		}
	})
	return n
}

// Has reports whether the named content's data are on disk.
func (s *Store) Has(name string) bool {
	_, err := os.Stat(s.Path(name))
	return err == nil
}

// HasPath reports whether a path below the store's directory exists; {NAME} in
// it is as in raw.
func (s *Store) HasPath(path string) bool { return s.exists(s.path(path)) }
