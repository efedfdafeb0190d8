package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/regsweep/regsweep/layout"
)

func hardlink(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Link(from, to); err != nil {
		t.Fatal(err)
	}
}

// replaceByHardlink makes two files one; the times of the first stay.
func replaceByHardlink(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	hardlink(t, from, to)
}

// describe tells all about a tree that is not the store: modes, times, contents.
func describe(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprint(info.Mode(), info.ModTime().UTC())
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + layout.FromBytes(layout.SHA256, b).String()
		}
		all[path] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
