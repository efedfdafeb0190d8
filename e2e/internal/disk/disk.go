// Package disk looks at a store as files: how old, how large, and which.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// V2 is the store below a registry's root directory.
func V2(root string) string { return filepath.Join(root, "docker", "registry", "v2") }

// Age sets the modification times of all files and directories below the store
// back, but of those that spare, given a path relative to the store, says no to.
// What was there an hour ago is then an hour and by old.
func Age(tb testing.TB, root string, by time.Duration, spare func(path string) bool) {
	tb.Helper()
	store := V2(root)
	err := filepath.WalkDir(store, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(store, path)
		if err != nil || spare != nil && spare(name) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		when := info.ModTime().Add(-by)
		return os.Chtimes(path, when, when)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Usage is the size of a set of files: by their lengths, and what they occupy.
type Usage struct {
	Files            int
	Bytes, DiskBytes int64
}

// Sub is what is gone.
func (u Usage) Sub(after Usage) Usage {
	return Usage{u.Files - after.Files, u.Bytes - after.Bytes, u.DiskBytes - after.DiskBytes}
}

// Measure sums the regular files below a directory of the store, hard-linked
// ones once. A directory that is not there is empty.
func Measure(tb testing.TB, dir string) Usage {
	tb.Helper()
	var sum Usage
	seen := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		sum.Files++
		sum.Bytes += info.Size()
		if !seen[stat.Ino] {
			sum.DiskBytes += stat.Blocks * 512
		}
		seen[stat.Ino] = true
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Fatal(err)
	}
	return sum
}

// File is what a listing tells of one path.
type File struct {
	Dir     bool
	Bytes   int64
	Inode   uint64
	ModTime time.Time
}

// Tree is everything below a store, by path relative to it, "." included.
type Tree map[string]File

// List reads the tree.
func List(tb testing.TB, root string) Tree {
	tb.Helper()
	tree := Tree{}
	store := V2(root)
	err := filepath.WalkDir(store, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(store, path)
		file := File{Dir: entry.IsDir(), Inode: info.Sys().(*syscall.Stat_t).Ino, ModTime: info.ModTime()}
		if !file.Dir {
			file.Bytes = info.Size()
		}
		tree[filepath.ToSlash(name)] = file
		return err
	})
	// What the next run remembers is no part of what a registry has.
	delete(tree, ".regsweep/index")
	if len(tree.Matching(".regsweep/*")) == 0 {
		delete(tree, ".regsweep")
	}
	if err != nil {
		tb.Fatal(err)
	}
	return tree
}

// Matching returns the paths whose elements match pattern, as path.Match does
// name by name, with ** for any number of elements (none included).
func (t Tree) Matching(pattern string) []string {
	want := strings.Split(pattern, "/")
	var all []string
	for path := range t {
		if matches(strings.Split(path, "/"), want) {
			all = append(all, path)
		}
	}
	return all
}

func matches(names, want []string) bool {
	switch {
	case len(want) == 0:
		return len(names) == 0
	case want[0] == "**":
		return matches(names, want[1:]) || len(names) > 0 && matches(names[1:], want)
	case len(names) == 0:
		return false
	}
	ok, err := filepath.Match(want[0], names[0])
	return err == nil && ok && matches(names[1:], want[1:])
}
