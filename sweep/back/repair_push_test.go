//go:build linux && !portable

// Elsewhere names cannot be exchanged, and a window of two calls stays open.

package back_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// A registry sets a tag while a repair puts its link right: what was pushed
// stays, whichever call it comes before, and whether the registry writes into
// the file or renames another one over it.
func TestTagIsPushedWhileItIsRepaired(t *testing.T) {
	const harmedTag = whole + "\ndamage garbage tag a:t\n"
	for _, inPlace := range []bool{false, true} {
		count := 0
		s := memoryStore(t, harmedTag)
		err := repair(s, func(op disk.Op, _ string) error {
			if changes(op) {
				count++
			}
			return nil
		}, "")
		if err != nil || !currentIs(t, s, "t", "new") {
			t.Fatalf("undisturbed: %v", err)
		}
		for n := 1; n <= count; n++ {
			s := memoryStore(t, harmedTag)
			seen, at := 0, ""
			_ = repair(s, func(op disk.Op, path string) error { // it may say that something has changed
				if changes(op) {
					if seen++; seen == n {
						at = fmt.Sprint(op, " ", path)
						push(t, filepath.Join(s.Dir, layout.TagDir("a", "t")), s.Digest("y"), inPlace)
					}
				}
				return nil
			}, "")
			if !currentIs(t, s, "t", "y") {
				t.Errorf("in place %t: what was pushed before call %d (%s) is lost", inPlace, n, at)
			}
		}
	}
}

// Intact data that somebody puts in the place of damaged ones while a repair is
// about to take these away stay there.
func TestBlobIsMendedWhileItIsRepaired(t *testing.T) {
	good := memoryStore(t, whole)
	path := layout.BlobDir(good.Digest("l1")) + "/" + layout.Data
	data, err := os.ReadFile(filepath.Join(good.Dir, path))
	if err != nil {
		t.Fatal(err)
	}
	for n, seen := 1, 1; n <= seen; n++ {
		s := memoryStore(t, whole+"\ndamage wrong-digest blob l1\n")
		seen = 0
		_ = repair(s, func(op disk.Op, _ string) error { // it may say that something has changed
			if changes(op) {
				if seen++; seen == n {
					file := filepath.Join(s.Dir, path)
					if err := errors.Join(os.WriteFile(file+".tmp", data, 0o666), os.Rename(file+".tmp", file)); err != nil {
						t.Error(err)
					}
				}
			}
			return nil
		}, "")
		now, err := os.ReadFile(filepath.Join(s.Dir, path))
		if n <= seen && (err != nil || !bytes.Equal(now, data)) {
			t.Errorf("before call %d of %d: the data that were put there are lost: %v", n, seen, err)
		}
	}
}

// push sets a tag, as registry 2.8 does, which writes in place, or registry 3.
func push(t *testing.T, tag string, d layout.Digest, inPlace bool) {
	t.Helper()
	for _, dir := range []string{filepath.Join(tag, layout.Index, d.Algorithm().String(), d.Hex()), filepath.Join(tag, layout.Current)} {
		file := filepath.Join(dir, layout.Link)
		name := file
		if !inPlace {
			name += ".tmp"
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.TrimSpace(d.String())), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name, file); err != nil {
			t.Fatal(err)
		}
	}
}
