//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"golang.org/x/sys/unix"
)

// makers make something in the place of a file or directory.
func makers(t *testing.T) map[string]func(path string) error {
	elsewhere := build(t, openTemp(t), "age 30d\nimage far/away:v1 layers=1\nimage far/away layers=1\norphan")
	before := elsewhere.Snapshot(t)
	t.Cleanup(func() {
		if diff := changed(before, elsewhere.Snapshot(t)); diff != nil {
			t.Errorf("it has removed through symbolic links: %q", diff)
		}
	})
	return map[string]func(path string) error{
		// Whoever waits for a writer of the first, waits for ever; the second has one.
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"full fifo": func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"socket":    func(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o644, 0) },
		"device": func(path string) error {
			const null = 1<<8 | 3 // reading /dev/full or /dev/zero would not end
			return syscall.Mknod(path, syscall.S_IFCHR|0o644, null)
		},
		"file":      func(path string) error { return os.WriteFile(path, []byte("x"), 0o644) },
		"directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"itself":    func(path string) error { return os.Symlink(filepath.Base(path), path) },
		"up":        func(path string) error { return os.Symlink("..", path) },
		"elsewhere": func(path string) error { return os.Symlink(elsewhere.Dir, path) },
	}
}

// TestSpecialsEverywhere puts something else in place of every single path.
func TestSpecialsEverywhere(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	const text = `
age 30d
image bad/app:v1 layers=b1 as=img
layer bad/app stray
upload bad/app kind=patched size=10
image good/app:v1 layers=g1 as=good
orphan as=orphan
`
	dir := memory(t)
	all := build(t, filepath.Join(dir, "all"), text)
	kinds := makers(t)
	type one struct{ path, kind string }
	var table []one
	for i, path := range all.Tree(t) {
		for j, kind := range slices.Sorted(maps.Keys(kinds)) {
			// Of FIFOs and files all, of the rest enough.
			if strings.HasSuffix(kind, "fifo") || kind == "file" || (i+j)%3 == 0 {
				table = append(table, one{strings.TrimSuffix(path, "/"), kind})
			}
		}
	}
	binary(t)
	several(len(table), func(i int) {
		c := table[i]
		t.Run(c.kind+"/"+strings.ReplaceAll(c.path, "/", ":"), func(t *testing.T) {
			replaced(t, build(t, filepath.Join(dir, fmt.Sprint(i)), text), c.path, c.kind, kinds[c.kind])
		})
	})
}

func replaced(t *testing.T, s *layouttest.Store, path, kind string, put func(path string) error) {
	at := filepath.Join(s.Dir, path)
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if err := put(at); err != nil {
		t.Fatal(err)
	}
	if kind == "full fifo" {
		defer isNotRead(t, at)()
	}
	before := lstats(t, s)
	had := s.Stored()
	r := system{}.gc(t, s, "-m")
	said := clip(r.stderr + r.stdout)
	if r.status != 0 && r.status != 1 && r.status != 3 {
		t.Errorf("status %d\n%s", r.status, said)
	}
	if diff := changed(before, lstats(t, s)); r.status == 1 && diff != nil {
		t.Errorf("status 1, and it has changed: %q\n%s", diff, said)
	}
	if _, err := os.Lstat(at); err != nil && kind != "directory" && kind != "file" {
		t.Errorf("it has been removed: %v\n%s", err, said)
	}
	for _, image := range [][]string{{"good/app", "good", "good.config", "g1"}, {"bad/app", "img", "img.config", "b1"}} {
		if strings.HasPrefix("repositories/"+image[0]+"/", path+"/") || strings.HasPrefix(path, "repositories/"+image[0]+"/") {
			// Directories may lack what was in them, and any name may stand where repositories and tags
			// do: then it is an unknown file. Where the layout has one name, not to understand is no absence.
			free := strings.HasPrefix("repositories/"+image[0]+"/", path+"/") || filepath.Base(path) == "v1"
			directory := kind == "directory" || kind == "up" || kind == "elsewhere"
			if lost := gone(s, had, image[1:]); lost != nil && r.status == 0 && !free && !directory {
				t.Errorf("it has removed %q, and says that all is well\n%s", lost, said)
			}
			continue
		}
		if lost := gone(s, had, image[1:]); lost != nil {
			t.Errorf("it has removed %q of %s\n%s", lost, image[0], said)
		}
	}
}

// gone lists which of some names were stored and are no more.
func gone(s *layouttest.Store, had, names []string) (lost []string) {
	for _, name := range names {
		if slices.Contains(had, name) && !s.Has(name) {
			lost = append(lost, name)
		}
	}
	return lost
}

// isNotRead writes into a FIFO, and returns what looks whether it is still there.
func isNotRead(t *testing.T, path string) (check func()) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
	return func() {
		defer unix.Close(fd)
		if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); n != 1 || err != nil {
			t.Errorf("the FIFO has been read: %d bytes are left: %v", n, err)
		}
	}
}

// oddNames are names that are no text, or more than text.
var oddNames = []string{
	"\xff\xfe", "a\xc3", "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "new\nline", "carriage\rreturn", "bell\a", "del\x7f",
	"\u202emoc.live", "\u009b31m", "tab\there", strings.Repeat("x", 255), "-rf", "*", "a b", `back\slash`, `quo"te`, "%s%n", "\u200bzero",
}

// TestOddNames has names everywhere that are not UTF-8, or steer terminals.
func TestOddNames(t *testing.T) {
	t.Parallel()
	s := build(t, memory(t), readStore+`
image a/odd:v1 layers=o1 as=odd
`)
	for _, dir := range []string{
		"", "blobs", "blobs/sha256", "repositories", "repositories/a/odd", "repositories/a/odd/_manifests",
		"repositories/a/odd/_manifests/revisions/sha256", "repositories/a/odd/_layers/sha256", "repositories/a/odd/_uploads",
	} {
		for _, name := range oddNames {
			put(t, s, dir+"/"+name, []byte("x"))
		}
	}
	refs := []string{"a/one:v1", "a/two:v1", "a/odd:v1"}
	var images []string
	for i, name := range oddNames {
		repository := fmt.Sprintf("odd/%s", strings.ReplaceAll(name, "\n", "N"))
		names := fmt.Sprintf("odd%d", i)
		s.MustApply(t, "image a/odd:"+names+" layers=1 as="+names)
		// A repository and a tag of that name, by hand.
		link := []byte(s.Digest(names).String())
		put(t, s, repository+"/x", nil)
		put(t, s, "repositories/"+repository+"/_manifests/revisions/sha256/"+s.Digest(names).Hex()+"/link", link)
		put(t, s, "repositories/a/odd/_manifests/tags/"+name+"/current/link", link)
		images = append(images, names)
	}
	for _, args := range [][]string{{"-m", "--dry-run"}, {"--dry-run"}, {"-m"}} {
		system{}.gc(t, s, append(args, "--jobs", "3")...)
		for _, form := range [][]string{{"-v"}, {}, {"-q"}} {
			r := system{}.run(t, slices.Concat([]string{"gc", "--root", s.Root}, args, form)...)
			if r.status != 0 && r.status != 3 {
				t.Errorf("%q: status %d\n%s", args, r.status, r.stderr)
			}
			if text := harmful(r.stdout + r.stderr); text != "" {
				t.Errorf("%q: harmful output %q", args, text)
			}
		}
	}
	whole(t, s, refs...)
	for _, name := range images {
		if !s.Has(name) {
			t.Errorf("%s, of an odd repository, is lost", name)
		}
	}
	// As arguments, too.
	for _, name := range oddNames {
		for _, args := range [][]string{{"gc", "--root", "/nonexistent/" + name}, {"gc", "/nonexistent/" + name}, {name}, {"gc", "--protect", "/nonexistent/" + name}, {"gc", "--" + name}} {
			r := system{}.run(t, args...)
			if text := harmful(r.stdout + r.stderr); text != "" || r.status != 1 && r.status != 2 {
				t.Errorf("%q: status %d, harmful output %q", args, r.status, text)
			}
		}
	}
}
