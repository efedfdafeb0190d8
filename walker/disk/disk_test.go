package disk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// tempStore is an open store with some files; names that end in a slash are directories.
func tempStore(t *testing.T, f *FS, names ...string) (root string, d *Dir) {
	t.Helper()
	root = t.TempDir()
	for _, name := range names {
		at := filepath.Join(root, filepath.FromSlash(name))
		dir := filepath.Dir(at)
		if name[len(name)-1] == '/' {
			dir = at
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir != at {
			if err := os.WriteFile(at, []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	d, err := f.OpenStore(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return root, d
}

func symlink(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("symbolic links need a right here")
		}
		t.Fatal(err)
	}
}

// everything makes each kind of call once, in the order of Ops.
func everything(d *Dir) error {
	lock, err := d.Lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	a, err := lock.Open("a")
	if err != nil {
		return err
	}
	defer a.Close()
	_, serr := a.Stat("file")
	_, _, rerr := a.ReadFile("file", make([]byte, 100))
	_, terr := a.Touch()
	return errors.Join(
		a.List(func(Entry) error { return nil }), serr, rerr, terr,
		a.Mkdir("made", d), a.Rmdir("made"), a.Write("new", []byte("x")), a.Rename("new", a, "newer"),
		a.Link("newer", a, "second"), a.Unlink("newer"), a.Sync(),
	)
}

// TestFaultIsAskedBeforeEachKindOfCall holds that tests can make any call fail,
// that the call is not made then, and that its error is the one that comes out.
func TestFaultIsAskedBeforeEachKindOfCall(t *testing.T) {
	var calls [len(Ops)]int
	_, d := tempStore(t, &FS{Fault: func(op Op, _ string) error { calls[op]++; return nil }}, "a/file")
	if err := everything(d); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("wrong")
	for _, op := range Ops {
		if op == OpNoReplace {
			continue // where it fails, another way is tried
		}
		if calls[op] == 0 {
			t.Errorf("%s was never asked about", op)
			continue
		}
		failing := false
		root, d := tempStore(t, &FS{Fault: func(o Op, _ string) error {
			if failing && o == op {
				return wrong
			}
			return nil
		}}, "a/file")
		failing = true
		if err := everything(d); !errors.Is(err, wrong) {
			t.Errorf("%s fails, and the error is %v", op, err)
		}
		if _, err := os.Stat(filepath.Join(root, "a", "made")); (err == nil) != (op == OpRmdir) {
			t.Errorf("%s fails, and a directory is there: %v", op, err)
		}
	}
}

// TestSymbolicLinksAreFollowedToReadOnly holds that what may change a directory
// never gets into one through a symbolic link below the first name.
func TestSymbolicLinksAreFollowedToReadOnly(t *testing.T) {
	root, d := tempStore(t, &FS{}, "a/b/", "outside/link")
	symlink(t, "../../outside", filepath.Join(root, "a", "b", "to"))
	symlink(t, "nowhere", filepath.Join(root, "dangling"))
	symlink(t, "../../outside/link", filepath.Join(root, "a", "b", "file"))
	lock, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if sub, err := lock.Open("a", "b", "to"); err == nil {
		sub.Close()
		t.Error("a symbolic link was opened for changing")
	}
	b, err := lock.Open("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if sub, err := b.OpenBelow("to"); err == nil {
		sub.Close()
		t.Error("a symbolic link was opened below")
	}
	if info, err := b.Stat("to"); err != nil || info.Type != Symlink {
		t.Errorf("stat says %v, %v", info.Type, err)
	}
	if _, info, err := b.ReadFile("file", make([]byte, 100)); err != nil || !info.Behind {
		t.Errorf("a file behind a symbolic link: behind %v, %v", info.Behind, err)
	}
	if err := b.Unlink("to"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(root, "outside", "link")); err != nil {
		t.Errorf("removing a symbolic link removed what it leads to: %v", err)
	}
	if _, _, err := d.ReadFile("dangling", make([]byte, 100)); !errors.Is(err, ErrDangling) || Gone(err) {
		t.Errorf("a link to nothing reads as %v", err)
	}
	if _, _, err := d.ReadFile("absent", make([]byte, 100)); !Gone(err) {
		t.Errorf("an absent file reads as %v", err)
	}
	if _, _, err := d.ReadFile("a", make([]byte, 100)); !errors.Is(err, ErrNotFile) {
		t.Errorf("a directory reads as %v", err)
	}
}

func TestRenameNoReplaceReplacesNothing(t *testing.T) {
	root, d := tempStore(t, &FS{}, "a/old", "a/new")
	lock, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	a, err := lock.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.RenameNoReplace("old", a, "new"); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"old", "new"} {
		if text, _ := os.ReadFile(filepath.Join(root, "a", name)); string(text) != "a/"+name {
			t.Errorf("%s has %q", name, text)
		}
	}
	if err := a.RenameNoReplace("absent", a, "other"); !Gone(err) {
		t.Errorf("an absent file: %v", err)
	}
	if err := a.Rmdir("old"); err == nil || NotEmpty(err) {
		t.Errorf("a file was removed as a directory: %v", err)
	}
}

// TestLockIsForOne holds that a second lock is refused while the first is held.
func TestLockIsForOne(t *testing.T) {
	root, d := tempStore(t, &FS{}, "a/")
	lock, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	other, err := new(FS).OpenStore(root)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Lock(); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := other.Lock()
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again.Release()
}

// TestDirsServeManyAtOnce lists and reads one directory from several goroutines.
func TestDirsServeManyAtOnce(t *testing.T) {
	_, d := tempStore(t, &FS{}, "a/1", "a/2", "a/3/", "b/")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				a, err := d.Open("a")
				if err != nil {
					t.Error(err)
					return
				}
				var names []string
				err = a.List(func(e Entry) error { names = append(names, string([]byte(e.Name))); return nil })
				slices.Sort(names)
				if err != nil || !slices.Equal(names, []string{"1", "2", "3"}) {
					t.Errorf("%q, %v", names, err)
				}
				buf := make([]byte, 10)
				if n, _, err := a.ReadFile("2", buf); err != nil || string(buf[:n]) != "a/2" {
					t.Errorf("%q, %v", buf[:n], err)
				}
				a.Close()
			}
		})
	}
	all.Wait()
}
