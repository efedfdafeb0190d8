//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// aFilesystem is one that a store is tried on.
type aFilesystem struct {
	name  string
	mount func(t *testing.T) (dir string)
}

// filesystems are those that a store is tried on with shared parts.
func filesystems() []aFilesystem {
	list := []aFilesystem{{"the machine's", openTempOf}}
	for _, kind := range []string{"ext4", "xfs", "btrfs"} {
		on := func(t *testing.T) string { return loopImage(t, kind) }
		list = append(list, aFilesystem{kind, on}, aFilesystem{"overlay over " + kind, func(t *testing.T) string { return overlayOver(t, on(t)) }})
	}
	return append(list, aFilesystem{"bindfs", func(t *testing.T) string {
		needRoot(t)
		dir := openTemp(t)
		mountBindfs(t, openTemp(t), dir)
		return dir
	}})
}

func openTempOf(t *testing.T) string { return openTemp(t) }

// loopImage mounts a new filesystem.
func loopImage(t *testing.T, kind string) (dir string) {
	t.Helper()
	needRoot(t)
	need(t, "losetup", "mount")
	mkfs := need(t, "mkfs."+kind, map[string]string{"ext4": "e2fsprogs", "xfs": "xfsprogs", "btrfs": "btrfs-progs"}[kind])
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 320<<20); err != nil { // xfs takes no less
		t.Fatal(err)
	}
	mustRun(t, mkfs, "-q", file)
	dir = openTemp(t)
	mount(t, dir, "-o", "loop", file)
	return dir
}

// overlayOver mounts an overlay whose layers are on a filesystem.
func overlayOver(t *testing.T, on string) (dir string) {
	t.Helper()
	for _, name := range []string{"lower", "upper", "work"} {
		mustMkdir(t, filepath.Join(on, name))
	}
	dir = openTemp(t)
	mount(t, dir, "-t", "overlay", "-o", "lowerdir="+on+"/lower,upperdir="+on+"/upper,workdir="+on+"/work", "none")
	return dir
}

// mountBindfs shows a directory in another place, through a program.
func mountBindfs(t *testing.T, from, to string) {
	t.Helper()
	mustRun(t, need(t, "bindfs", "bindfs"), from, to)
	t.Cleanup(func() { layouttest.Unmount(t, to) })
}

// bind shows a path of the store by another one.
func bind(name, text, from, to string) aShared {
	return aShared{name, func(t testing.TB, s *layouttest.Store) {
		s.MustApply(t, text)
		target := filepath.Join(s.Dir, to)
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		mount(t.(*testing.T), target, "--bind", filepath.Join(s.Dir, expand(s, []string{from})[0]))
	}}
}

// sharedByMounts are ways in which one directory is mounted in the store twice.
func sharedByMounts() []aShared {
	const all = "copy a b1 deep\ncopy a b2 deep\ncopy a b3 deep"
	return []aShared{
		bind("the layers", all, "repositories/a/_layers", "repositories/b/_layers"),
		bind("the layers of an algorithm", all, "repositories/a/_layers/sha256", "repositories/b/_layers/sha256"),
		bind("the revisions", all, "repositories/a/_manifests/revisions", "repositories/b/_manifests/revisions"),
		bind("the tags", all+"\ntag a:v1 b1\ntag a:v2 b2", "repositories/a/_manifests/tags", "repositories/b/_manifests/tags"),
		bind("a repository", "", "repositories/b", "repositories/c"),
		bind("a repository in itself", "", "repositories/a", "repositories/a/in"),
		bind("a repository on itself", "", "repositories/b", "repositories/b"),
		bind("all repositories", "", "repositories", "repositories/c"),
		bind("the store", "", "", "repositories/c"),
		bind("the blobs on themselves", "", "blobs", "blobs"),
		{"the layers, through a program", func(t testing.TB, s *layouttest.Store) {
			s.MustApply(t, all+"\nremove repositories/b/_layers\nmkdir repositories/b/_layers")
			mountBindfs(t.(*testing.T), filepath.Join(s.Dir, "repositories/a/_layers"), filepath.Join(s.Dir, "repositories/b/_layers"))
		}},
	}
}

// fewShared are commands that try each way of removing on a mount.
func fewShared() []int { return []int{1, 3, 4, 6, 9} } // of onShared

func TestSharedPartsByMounts(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	for _, way := range sharedByMounts() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for _, i := range fewShared() {
				t.Run(onShared[i].line, func(t *testing.T) {
					s := build(t, openTemp(t), sharing)
					way.do(t, s)
					checkShared(t, s, onShared[i].line, onShared[i].named)
				})
			}
		})
	}
}

// TestSharedPartsOnFilesystems tries ways of sharing on the filesystems that
// stores are on.
func TestSharedPartsOnFilesystems(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for _, on := range filesystems() {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			dir := on.mount(t)
			ways := sharedByLinks()
			if os.Getuid() == 0 {
				ways = append(ways, sharedByMounts()[0])
			}
			for i, way := range ways {
				line := onShared[i%2] // gc, and with -m
				t.Run(way.name, func(t *testing.T) {
					if strings.Contains(way.name, "hard link") && on.name == "bindfs" {
						return // it shows each name as a file of its own
					}
					root := filepath.Join(dir, "store"+string(rune('a'+i)))
					s := build(t, root, sharing)
					way.do(t, s)
					checkShared(t, s, line.line, line.named)
				})
			}
		})
	}
}

// Two directories may have one device and inode number and be two: bindfs over
// btrfs gives the roots of all subvolumes the same.
func TestTwoDirectoriesWithOneNumberAreBothRead(t *testing.T) {
	t.Parallel()
	below := loopImage(t, "btrfs")
	btrfs := need(t, "btrfs", "btrfs-progs")
	s := build(t, filepath.Join(below, "store"), "age 30d\nimage a:v1 layers=la as=a1\nimage b:v1 layers=lb as=b1\nimage c:v1 layers=lc\norphan as=o")
	volumes := filepath.Join(below, "volumes")
	mustMkdir(t, volumes)
	for _, name := range []string{"a", "b"} {
		volume, repository := filepath.Join(volumes, name), filepath.Join(s.Dir, "repositories", name)
		mustRun(t, btrfs, "-q", "subvolume", "create", volume)
		mustRun(t, "cp", "-a", repository+"/.", volume)
		mustRun(t, "rm", "-r", repository)
		if err := os.Symlink("../../../../../volumes/"+name, repository); err != nil {
			t.Fatal(err)
		}
	}
	// Where a run cannot set the time of the store's directory, it goes by that.
	if err := os.Chtimes(s.Dir, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	shown := openTemp(t)
	mountBindfs(t, below, shown)
	r := runProgram(t, "", "gc", "--root", filepath.Join(shown, "store"))
	if r.status != 0 && r.status != 3 {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	whole(t, s, "a:v1", "b:v1", "c:v1")
	if s.Has("o") {
		t.Error("the orphan is still there")
	}
}

// TestTrashFindsEveryMount mounts parts of a store on themselves: what is there
// cannot be renamed into the trash though it is on the same filesystem.
func TestTrashFindsEveryMount(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, path := range []string{
		"blobs", "blobs/sha256", "blobs/sha256/{xx:o}", "blobs/sha256/{xx:o}/{o}", "repositories", "repositories/a",
		"repositories/a/_manifests", "repositories/a/_manifests/tags", "repositories/a/_manifests/revisions/sha256",
		"repositories/a/_layers", "repositories/a/_layers/sha256/{dead}", "repositories/a/_uploads", "repositories/a/_uploads/{id:u}",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := build(t, openTemp(t), "age 30d\nimage a:v1 as=a1\nimage a as=untagged\nimage b:v1\nlayer a dead\nupload a kind=patched size=100 age=9d as=u\norphan as=o\nimage a:old as=olds\nremove repositories/a/_manifests/revisions/sha256/{olds}")
			part := filepath.Join(s.Dir, expand(s, []string{path})[0])
			mount(t, part, "--bind", part)
			before := s.Snapshot(t)
			r := runProgram(t, "", "gc", "-m", "--older-than", "0", "--root", s.Root, "--trash")
			if r.status != statusFailed || !strings.Contains(r.stderr, "mount") || !strings.Contains(r.stderr, "nothing has been removed") {
				t.Errorf("status %d\n%s", r.status, r.stderr)
			}
			same(t, "the store", before, s.Snapshot(t))
			if r := runProgram(t, "", "gc", "-m", "--older-than", "0", "--root", s.Root); r.status != statusDone && r.status != statusProblems {
				t.Errorf("without --trash: status %d\n%s", r.status, r.stderr)
			}
		})
	}
	// A mount where nothing goes is no matter.
	s := build(t, openTemp(t), "age 30d\nimage a:v1 as=a1\nimage b:v1\norphan as=o")
	part := filepath.Join(s.Dir, "repositories/a")
	mount(t, part, "--bind", part)
	if r := runProgram(t, "", "gc", "--root", s.Root, "--trash"); r.status != statusDone || s.Has("o") {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
}

// What is protected by one name is protected by all.
func TestProtectedByASecondName(t *testing.T) {
	s := layouttest.New(t, "age 30d\nimage b as=b1\nimage a:v1\nsymlink repositories/again b")
	list := filepath.Join(t.TempDir(), "protected")
	if err := os.WriteFile(list, []byte("again@"+s.Digest("b1").String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := gc(t, s, "-m", "--older-than", "0", "--protect", list)
	if r.status != 0 || s.Missing("b@"+s.Digest("b1").String()) != nil || slices.Contains(itemLines(s, r), "manifest b b1") {
		t.Errorf("status %d, items %v\n%s", r.status, itemLines(s, r), r.stderr)
	}
}
