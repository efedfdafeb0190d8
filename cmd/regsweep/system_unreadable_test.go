//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// readStore has something to remove, and of all that a run reads at least one.
const readStore = `
age 30d
image a/one:v1 layers=shared,l1 as=one
image a/one as=untagged
image a/two:v1 layers=shared,l2 as=two
image a/two:old layers=l3 as=three
layer a/two stray
upload a/two kind=patched size=10 as=upload age=1h
orphan as=orphan
`

// refuses judges a run that could not read all: status 1, nothing removed, and
// every path that could not be read is named.
func refuses(t *testing.T, s *layouttest.Store, before map[string]string, r ran, paths ...string) {
	t.Helper()
	if r.status != 1 {
		t.Errorf("status %d, want 1\n%s%s", r.status, clip(r.stdout), clip(r.stderr))
	}
	if diff := changed(before, lstats(t, s)); diff != nil {
		t.Errorf("it has changed the store: %q", diff)
	}
	for _, path := range paths {
		if !strings.Contains(r.stderr, path) {
			t.Errorf("stderr does not name %s:\n%s", path, clip(r.stderr))
		}
	}
	if !strings.Contains(r.stderr, "nothing has been removed") {
		t.Errorf("stderr does not say that nothing has been removed:\n%s", clip(r.stderr))
	}
}

// TestUnreadable makes paths unreadable for the user that runs gc.
func TestUnreadable(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	const two = "repositories/a/two"
	blobs := func(name string) string { return "blobs/sha256/{xx:" + name + "}" }
	table := map[string][]string{
		"repositories":     {"repositories"},
		"namespace":        {"repositories/a"},
		"repository":       {two},
		"manifests":        {two + "/_manifests"},
		"revisions":        {two + "/_manifests/revisions"},
		"revisions sha256": {two + "/_manifests/revisions/sha256"},
		"revision":         {two + "/_manifests/revisions/sha256/{two}"},
		"revision link":    {two + "/_manifests/revisions/sha256/{two}/link"},
		"tags":             {two + "/_manifests/tags"},
		"tag":              {two + "/_manifests/tags/v1"},
		"current":          {two + "/_manifests/tags/v1/current"},
		"tag link":         {two + "/_manifests/tags/v1/current/link"},
		"layers":           {two + "/_layers"},
		"layers sha256":    {two + "/_layers/sha256"},
		"stray layer":      {two + "/_layers/sha256/{stray}"},
		"stray layer link": {two + "/_layers/sha256/{stray}/link"},
		"uploads":          {two + "/_uploads"},
		"blobs":            {"blobs"},
		"blobs sha256":     {"blobs/sha256"},
		"prefix":           {blobs("l2")},
		"blob":             {blobs("l2") + "/{l2}"},
		"dead blob":        {blobs("orphan") + "/{orphan}"},
		"manifest":         {blobs("two") + "/{two}/data"},
		"several": {
			two + "/_manifests/revisions/sha256/{two}/link", "repositories/a/one/_manifests/tags/v1/current/link",
			blobs("l1"), blobs("l3") + "/{l3}", blobs("three") + "/{three}/data",
		},
	}
	dir := memory(t)
	names := slices.Sorted(maps.Keys(table))
	binary(t)
	several(len(names), func(i int) {
		name, list := names[i], table[names[i]]
		t.Run(name, func(t *testing.T) {
			s := build(t, filepath.Join(dir, name), readStore)
			var names []string
			for _, path := range list {
				// The real path of a pattern: layouttest writes it for us.
				s.MustApply(t, "damage unreadable path "+path)
				names = append(names, pathOf(s, path))
			}
			y := system{uid: ordinary(t, s)}
			for _, args := range [][]string{{"-m"}, nil} {
				s.Unlock()
				before := lstats(t, s)
				for _, path := range names {
					lock(t, s, path)
					before[path] = lstat(t, filepath.Join(s.Dir, path))
				}
				r := y.gc(t, s, args...)
				for _, path := range names {
					if lstat(t, filepath.Join(s.Dir, path)) != before[path] {
						t.Errorf("%s has changed", path)
					}
					delete(before, path)
					if err := os.Chmod(filepath.Join(s.Dir, path), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				after := lstats(t, s)
				for _, path := range names {
					delete(after, path)
				}
				if diff := changed(before, after); diff != nil {
					t.Errorf("it has changed the store: %q", diff)
				}
				refuses(t, s, lstats(t, s), r, names...)
			}
			// Once it can be read, the same user removes what goes.
			if r := y.gc(t, s, "-m"); r.status != 0 || s.Has("orphan") || s.Has("untagged") {
				t.Errorf("afterwards: status %d, orphan %t, untagged %t\n%s", r.status, s.Has("orphan"), s.Has("untagged"), r.stderr)
			}
			whole(t, s, "a/one:v1", "a/two:v1", "a/two:old")
		})
	})
}

func lock(t *testing.T, s *layouttest.Store, path string) {
	t.Helper()
	if err := os.Chmod(filepath.Join(s.Dir, path), 0); err != nil {
		t.Fatal(err)
	}
}

func lstat(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
}

// pathOf writes {NAME} and {xx:NAME} in a path as layouttest does.
func pathOf(s *layouttest.Store, path string) string {
	for _, name := range s.Names() {
		if strings.Contains(path, "{"+name+"}") || strings.Contains(path, "{xx:"+name+"}") {
			hex := s.Digest(name).Hex()
			path = strings.NewReplacer("{"+name+"}", hex, "{xx:"+name+"}", hex[:2]).Replace(path)
		}
	}
	return path
}

// TestNotWritable runs gc as a user who may read all and change nothing.
func TestNotWritable(t *testing.T) {
	needRoot(t)
	s := build(t, openTemp(t), readStore)
	before := lstats(t, s)
	y := system{uid: 65534}
	if r := y.gc(t, s, "-m", "--dry-run"); r.status != 0 || r.report.Removed.Blobs == 0 {
		t.Errorf("a dry run has status %d: %s", r.status, r.stderr)
	}
	refuses(t, s, before, y.gc(t, s, "-m"), s.Dir)
}
