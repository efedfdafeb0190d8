package tree

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/walker/disk"
)

var (
	hex   = strings.Repeat("a", 64)
	write = "link.01234567-89ab-cdef-0123-456789abcdef.tmp" // an interrupted one
)

// TestShapes holds what may be unlinked and what may be removed as a directory,
// and that nothing else may.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		shape           Shape
		path            string
		file, directory bool
	}{
		{TagShape, "current", false, true},
		{TagShape, "index", false, true},
		{TagShape, "other", false, false},
		{TagShape, "current/link", true, false},
		{TagShape, "current/" + write, true, false},
		{TagShape, "current/link/link", false, false},
		{TagShape, "current/data", false, false},
		{TagShape, "index/sha256", false, true},
		{TagShape, "index/sha1", false, false},
		{TagShape, "index/sha256/" + hex, false, true},
		{TagShape, "index/sha512/" + hex, false, false},
		{TagShape, "index/sha256/" + hex + "/link", true, false},
		{TagShape, "index/sha256/" + hex + "/link/link", false, false},
		{HashShape, "sha256", false, true},
		{HashShape, "..", false, false},
		{HashShape, "sha256/..", false, false},
		{HashShape, "sha256/" + strings.ToUpper(hex), false, false},
		{HashShape, "sha256/" + hex + "/link", true, false},
		{HashShape, "sha256/" + hex + "/link.regsweep", false, false},
		{ReferrersShape, "_x", false, true},
		{ReferrersShape, "_", false, false},
		{ReferrersShape, "x", false, false},
		{ReferrersShape, "_x/sha256", false, true},
		{ReferrersShape, "_x/sha1", false, false},
		{ReferrersShape, "_x/sha256/" + hex, false, true},
		{ReferrersShape, "_x/sha256/" + hex + "/link", true, false},
		{ReferrersShape, "_x/sha256/" + hex + "/" + write, true, false},
		{ReferrersShape, "_x/sha256/" + hex + "/README", false, false},
		{ReferrersShape, "_x/link", false, false},
		{UploadShape, "data", true, false},
		{UploadShape, "startedat", true, false},
		{UploadShape, "hashstates", false, true},
		{UploadShape, "README", false, false},
	} {
		file, directory := c.shape(strings.Split(c.path, "/"))
		if file != c.file || directory != c.directory {
			t.Errorf("%s: file %v, directory %v, want %v and %v", c.path, file, directory, c.file, c.directory)
		}
	}
}

// store makes files, or directories where a path ends in a slash, and locks them.
func store(t *testing.T, paths ...string) (string, *disk.Lock) {
	t.Helper()
	root := t.TempDir()
	for _, path := range paths {
		at := filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "/") {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(at, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := new(disk.FS).OpenStore(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	lock, err := dir.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Release() })
	return root, lock
}

// left lists what is below a directory, without what the lock makes.
func left(t *testing.T, root string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if path != root && err == nil {
			below, _ := filepath.Rel(root, path)
			list = append(list, filepath.ToSlash(below))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRemoveLeavesWhatItDoesNotKnow(t *testing.T) {
	root, lock := store(t, "blobs/v1/current/link", "blobs/v1/current/README", "blobs/v1/index/sha256/"+hex+"/link", "blobs/v1/"+write)
	before := left(t, root)
	blobs, err := lock.Open("blobs")
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	if only, err := Only(blobs, "v1", TagShape); only || err != nil {
		t.Errorf("it is of the shape of a tag (%v, %v)", only, err)
	}
	if err := (Unlinker{}).Whole(blobs, "v1", TagShape); err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(before, func(path string) bool {
		return strings.HasSuffix(path, "/link") || strings.Contains(path, "/index")
	})
	if diff := cmp.Diff(want, left(t, root)); diff != "" {
		t.Errorf("left (-want +got)\n%s", diff)
	}
	if err := Remove(Unlinker{}, blobs, "absent", TagShape); err != nil {
		t.Errorf("what is gone is an error: %v", err)
	}
	if err := Rmdir(blobs, "v1"); err != nil {
		t.Errorf("a directory that is in use is an error: %v", err)
	}
}

// TestRemoveFollowsNoLink holds that a symbolic link in the place of a
// directory leads nowhere.
func TestRemoveFollowsNoLink(t *testing.T) {
	root, lock := store(t, "blobs/v1/", "elsewhere/link")
	if err := os.Symlink("../../elsewhere", filepath.Join(root, "blobs/v1/current")); err != nil {
		t.Skip("symbolic links cannot be made here")
	}
	blobs, err := lock.Open("blobs")
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	if err := Remove(Unlinker{}, blobs, "v1", TagShape); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(root, "elsewhere/link")); err != nil {
		t.Errorf("a link outside was removed: %v", err)
	}
}

func TestRemoveEmpty(t *testing.T) {
	root, lock := store(t, "blobs/a/b/", "blobs/a/c/d/", "repositories/x/y/", "repositories/x/z/file")
	for name, want := range map[string]bool{"blobs": true, "repositories": false, "absent": true} {
		if gone, err := RemoveEmpty(lock.Store(), name); gone != want || err != nil {
			t.Errorf("%s is gone: %v, %v", name, gone, err)
		}
	}
	if diff := cmp.Diff([]string{"repositories", "repositories/x", "repositories/x/z", "repositories/x/z/file"}, left(t, root)); diff != "" {
		t.Errorf("left (-want +got)\n%s", diff)
	}
}

func TestRemoveNamespaceStopsAtWhatIsInUse(t *testing.T) {
	root, lock := store(t, "repositories/a/b/c/", "repositories/a/used")
	if err := RemoveNamespace(lock, []string{"repositories", "a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"repositories", "repositories/a", "repositories/a/used"}, left(t, root)); diff != "" {
		t.Errorf("left (-want +got)\n%s", diff)
	}
}

func TestDirsKeepOpenWhatTheyShare(t *testing.T) {
	_, lock := store(t, "blobs/a/b/", "blobs/a/c/")
	var dirs Dirs
	defer dirs.Close()
	b, err := dirs.Open(lock, "blobs", "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := dirs.Open(lock, "blobs", "a", "b"); again != b || err != nil {
		t.Errorf("it was opened twice (%v)", err)
	}
	if c, err := dirs.Open(lock, "blobs", "a", "c"); err != nil || c.Path() != "blobs/a/c" || !dirs.IsAt([]string{"blobs", "a", "c"}) {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := dirs.Open(lock, "blobs", "a", "absent"); !disk.Gone(err) {
		t.Errorf("an absent directory: %v", err)
	}
	maker := Maker{Root: func() (*disk.Locked, error) { return lock.Open("blobs") }}
	defer maker.Close()
	for _, path := range [][]string{{"x", "y"}, {"x", "z"}, {}} {
		if made, err := maker.Make(lock.Store().Dir, path...); err != nil || made.Path() != strings.Join(append([]string{"blobs"}, path...), "/") {
			t.Errorf("%v: %v, %v", path, made, err)
		}
	}
}
