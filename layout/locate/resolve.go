// Package locate finds the registry that is meant, and reads its configuration.
package locate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/regsweep/regsweep/layout"
)

func sameDirectory(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	if err != nil {
		return false, err
	}
	return os.SameFile(x, y), nil
}

// resolve makes Root absolute and finds Store, or says what to give instead.
func (p *Place) resolve() error {
	refuse := func(problem error, next string) error {
		return hint(fmt.Errorf("root directory %q (from %s) %w", p.Root, p.Origin, problem), next)
	}
	root, err := filepath.Abs(p.Root)
	if err != nil {
		return refuse(fmt.Errorf("has no absolute path: %w", err), "give an absolute path with --root")
	}
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse(errors.New("does not exist"),
			"is its volume mounted here? name the root directory with --root, or the registry's configuration with --config")
	case err != nil:
		return refuse(fmt.Errorf("cannot be read: %w", cause(err)), "run as the user who owns the storage")
	case !info.IsDir():
		return refuse(errors.New("is not a directory"), "a configuration is named with --config")
	}
	store := storeBelow(root)
	switch is, err := isDirectory(store); {
	case err != nil:
		return refuse(fmt.Errorf("cannot be read: %w", cause(err)), "run as the user who owns the storage")
	case is:
		p.Root, p.Store = root, store
		return nil
	}
	above := rootAbove(root)
	if above != "" && isSame(storeBelow(above), root) {
		p.Root, p.Store = above, storeBelow(above)
		return nil
	}
	return refuse(errors.New("has no "+layout.Store+" below it"), whatToGive(root, above))
}

// whatToGive is the next step for a directory that is no registry's root.
func whatToGive(dir, above string) string {
	if above != "" {
		return fmt.Sprintf("it is inside a registry's storage; give the root directory, %q", above)
	}
	for _, name := range []string{layout.Repositories, layout.Blobs} {
		if is, _ := isDirectory(filepath.Join(dir, name)); is {
			// Not accepted: what says who owns the tags lies above it, out of reach.
			return "it looks like " + layout.Store + " under another name; mount and give the directory that holds " + layout.Store
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		below := filepath.Join(dir, entry.Name())
		if is, _ := isDirectory(storeBelow(below)); is {
			return fmt.Sprintf("perhaps you mean %q", below)
		}
	}
	return "a registry makes it at its first push; if there was one, name the directory that holds it with --root"
}

func storeBelow(root string) string { return filepath.Join(root, filepath.FromSlash(layout.Store)) }

// rootAbove is the root directory of the storage that dir is in, by its path as
// given or without symbolic links; empty if it is in none.
func rootAbove(dir string) string {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		resolved = dir
	}
	for _, path := range []string{dir, resolved} {
		for path != filepath.Dir(path) {
			name := filepath.Base(path)
			path = filepath.Dir(path)
			if is, _ := isDirectory(storeBelow(path)); is && name == "docker" {
				return path
			}
		}
	}
	return ""
}

func isDirectory(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

func isSame(a, b string) bool {
	same, err := sameDirectory(a, b)
	return err == nil && same
}

// Near returns the root directories of registries that are right above or right
// below a directory that is not one itself.
func Near(dir string) (roots []string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	if above := rootAbove(dir); above != "" {
		roots = append(roots, above)
	}
	entries, _ := os.ReadDir(dir) // what cannot be read is not proposed
	for _, entry := range entries {
		below := filepath.Join(dir, entry.Name())
		if is, _ := isDirectory(storeBelow(below)); is {
			roots = append(roots, below)
		}
	}
	return roots
}
