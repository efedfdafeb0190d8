package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// setTags sets all tags of one of a hundred repositories to what they are, as
// registry v3 does: by a rename.
func setTags(root string) error {
	var links []string
	for depth := "*"; len(links) == 0; depth += "/*" {
		if len(depth) > 16 {
			return errors.New("the store has no tag")
		}
		found, err := filepath.Glob(filepath.Join(root, "docker/registry/v2/repositories", depth, "_manifests/tags/*/current/link"))
		if err != nil {
			return err
		}
		links = found
	}
	first := filepath.Dir(filepath.Dir(filepath.Dir(links[0])))
	for _, link := range links {
		if filepath.Dir(filepath.Dir(filepath.Dir(link))) != first {
			break
		}
		text, err := os.ReadFile(link)
		if err != nil {
			return err
		}
		if err := os.WriteFile(link+".tmp", text, 0o644); err != nil {
			return err
		}
		if err := os.Rename(link+".tmp", link); err != nil {
			return err
		}
	}
	return nil
}

// first says what the first run pays for the next: it writes the index.
func (b *bench) first(root string) error {
	forget := func() error {
		err := os.Remove(filepath.Join(root, "docker/registry/v2/.regsweep/index"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return b.pair("warm `gc -d` that writes an index / that does not", b.runs, forget, b.indexed(root, "-d"), b.gc(root, "-d"), false)
}
