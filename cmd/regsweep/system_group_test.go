//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// Two users who share a group, as a volume with fsGroup has them.
const (
	ownerUID  = 4001
	memberUID = 4002
	groupID   = 4777
)

const groupStore = `
age 30d
image a/app:v1 as=x layers=base,l1
image a/app:v1 as=y layers=base,l2
image a/app:v2 as=z layers=base,l3
image a/app as=loose
referrer a/app of=z fallback
upload a/app kind=patched size=5k
layer a/app stray
image deep/er/name:v1 as=deep
delete-manifest a/app x
orphan as=o
`

// groupReg is a store that the owner's group may write to.
func groupReg(t *testing.T) *layouttest.Store {
	t.Helper()
	needRoot(t)
	s := build(t, filepath.Join(openTemp(t), "reg"), groupStore)
	own := func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o664)
		if e.IsDir() {
			mode = 0o775 | fs.ModeSetgid
		}
		if err := os.Lchown(path, ownerUID, groupID); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	}
	if err := filepath.WalkDir(s.Root, own); err != nil {
		t.Fatal(err)
	}
	return s
}

// as is a user of the group. Files that it makes are nobody else's by its own
// choice.
func as(uid int) system {
	return system{uid: uid, gid: groupID, before: []string{"sh", "-c", `umask 077; exec "$@"`, "sh"}}
}

// must runs a command that has to succeed.
func (y system) must(t *testing.T, s *layouttest.Store, args ...string) ran {
	t.Helper()
	r := y.run(t, append(args, "--root", s.Root)...)
	if r.status != statusDone || strings.Contains(r.stderr, "permi") {
		t.Errorf("%q: status %d\n%s%s", args, r.status, clip(r.stdout), clip(r.stderr))
	}
	return r
}

// A member of the group sweeps a store that it does not own, and is not stopped
// by what another member left.
func TestGroupWritableStores(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	needRoot(t)
	binary(t) // building it is not part of a run
	owner, member := as(ownerUID), as(memberUID)
	for name, steps := range map[string]func(t *testing.T, s *layouttest.Store){
		"gc": func(t *testing.T, s *layouttest.Store) {
			member.must(t, s, "gc")
			member.must(t, s, "gc", "-m", "--older-than", "1h")
			if s.Has("o") || s.Has("loose") {
				t.Error("there is garbage left")
			}
		},
		"rm": func(t *testing.T, s *layouttest.Store) {
			member.must(t, s, "untag", "deep/er/name:v1", "-y")
			member.must(t, s, "rm", "a/app:v1", "-y")
			if s.Has("y") {
				t.Error("the image is still there")
			}
		},
		"trash": func(t *testing.T, s *layouttest.Store) {
			before := s.BlobBytes(t)
			owner.must(t, s, "gc", "-m", "--older-than", "1h", "--trash")
			run := strings.TrimSpace(member.must(t, s, "trash", "ls", "-q").stdout)
			member.must(t, s, "trash", "restore", run, "-y")
			if s.BlobBytes(t) != before {
				t.Error("not all has come back")
			}
			owner.must(t, s, "gc", "-m", "--older-than", "1h", "--trash")
			member.must(t, s, "trash", "empty", "-y")
		},
		"locks": func(t *testing.T, s *layouttest.Store) {
			owner.must(t, s, "protect", "add", "a/app")
			tmp := filepath.Join(s.Dir, ".regsweep/protect.tmp") // as of a run that was stopped
			if err := os.WriteFile(tmp, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			member.must(t, s, "protect", "add", "deep/**")
			if list := owner.must(t, s, "protect", "ls", "-q").stdout; list != "a/app\ndeep/**\n" {
				t.Errorf("the locks are %q", list)
			}
		},
		"after a sweep that was stopped":         func(t *testing.T, s *layouttest.Store) { finishesOf(t, s) },
		"after a move to trash that was stopped": func(t *testing.T, s *layouttest.Store) { finishesOf(t, s, "--trash") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := groupReg(t)
			steps(t, s)
			whole(t, s, "a/app:v2")
			if left := asideNames(t, s); len(left) > 0 {
				t.Errorf("set aside for good: %q", left)
			}
			if r := member.run(t, "check", "--root", s.Root); r.status != statusDone {
				t.Errorf("check has status %d: %s%s", r.status, r.stdout, r.stderr)
			}
		})
	}
}

// finishesOf stops a sweep of the owner when it has set names aside, and has the
// member finish it.
func finishesOf(t *testing.T, s *layouttest.Store, args ...string) {
	t.Helper()
	owner := as(ownerUID)
	owner.signal = syscall.SIGKILL
	owner.moment = func(done <-chan struct{}) {
		for len(asideNames(t, s)) == 0 {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	r := owner.run(t, append([]string{"gc", "-m", "--older-than", "1h", "--root", s.Root}, args...)...)
	if r.status != -int(syscall.SIGKILL) || len(asideNames(t, s)) == 0 {
		t.Fatalf("status %d, and nothing is set aside: %s", r.status, r.stderr)
	}
	shareLast(t, s)
	as(memberUID).must(t, s, "gc", "-m", "--older-than", "1h")
	as(memberUID).must(t, s, "trash", "empty", "-y")
	if s.Has("o") || s.Has("loose") {
		t.Error("there is garbage left")
	}
}

// shareLast gives the group the directory that the owner had just made when it
// was killed: what makes a directory cannot give it more rights than the umask
// allows in the same call.
func shareLast(t *testing.T, s *layouttest.Store) {
	t.Helper()
	_ = filepath.WalkDir(filepath.Join(s.Dir, ".regsweep"), func(path string, e fs.DirEntry, err error) error { // there may be none
		if err != nil || !e.IsDir() {
			return nil //nolint:nilerr // as of a directory that is not there
		}
		names, err := os.ReadDir(path)
		if err != nil || len(names) > 0 {
			return err
		}
		return errors.Join(os.Chmod(path, 0o2770), os.Chown(path, -1, groupID))
	})
}

// asideNames are the names that a run has set aside.
func asideNames(t *testing.T, s *layouttest.Store) (list []string) {
	t.Helper()
	_ = filepath.WalkDir(s.Dir, func(path string, e fs.DirEntry, err error) error { // a run may be under way
		if err == nil && !e.IsDir() && (strings.HasSuffix(path, ".regsweep") || e.Name() == ".regsweep-unfinished") {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// Where a member of the group may not write to some directories, what is in them
// stays, is named, and nothing that is live is lost.
func TestGroupMayNotWriteEverywhere(t *testing.T) {
	t.Parallel()
	s := groupReg(t)
	binary(t) // building it is not part of a run
	for _, path := range []string{"repositories/a/app/_manifests/revisions/sha256", "repositories/a/app/_manifests/tags"} {
		err := filepath.WalkDir(filepath.Join(s.Dir, path), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				err = os.Chmod(path, 0o755|fs.ModeSetgid)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := as(memberUID).run(t, "rm", "a/app:v1", "-y", "--root", s.Root)
	if r.status != statusFailed || !strings.Contains(r.stderr, "permission denied") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	r = as(memberUID).run(t, "gc", "-m", "--older-than", "1h", "--root", s.Root)
	if r.status != statusFailed || !strings.Contains(r.stderr, "permission denied") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	whole(t, s, "a/app:v1", "a/app:v2", "deep/er/name:v1")
	if left := asideNames(t, s); len(left) > 1 || len(left) == 1 && filepath.Base(left[0]) != ".regsweep-unfinished" {
		t.Errorf("set aside: %q", left)
	}
}

// Where a part of what goes cannot be changed, the run is refused before anything
// is set aside, and says which part that is.
func TestPartsThatCannotBeChangedRefuseTheRun(t *testing.T) {
	t.Parallel()
	s := groupReg(t)
	binary(t)
	closed := func(path string) func(*testing.T) {
		return func(t *testing.T) {
			t.Cleanup(func() { setModes(t, s, path, 0o775|fs.ModeSetgid) })
			setModes(t, s, path, 0o755|fs.ModeSetgid)
		}
	}
	for _, c := range []struct {
		name, line, says string
		make             func(*testing.T)
	}{
		{"layers of others", "gc", "repositories/a/app/_layers/sha256/", closed("repositories/a/app/_layers")},
		{"blobs of others", "gc", "blobs/sha256/", closed("blobs")},
		{"tags of others", "untag a/app:v2 -y", "repositories/a/app/_manifests/tags/v2/current", closed("repositories/a/app/_manifests/tags")},
		{"revisions of others", "rm a/app:v2 -y", "repositories/a/app/_manifests/revisions/sha256/", closed("repositories/a/app/_manifests/revisions")},
		{"uploads of others, and --trash", "gc --uploads-older-than 1h --trash", "repositories/a/app/_uploads/", closed("repositories/a/app/_uploads")},
		{"blobs that are mounted read-only", "gc", "blobs/sha256/", func(t *testing.T) {
			mount(t, filepath.Join(s.Dir, "blobs"), "--bind", filepath.Join(s.Dir, "blobs"))
			mustRun(t, "mount", "-o", "remount,bind,ro", filepath.Join(s.Dir, "blobs"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make(t)
			before := s.Snapshot(t)
			r := as(memberUID).run(t, append(strings.Fields(c.line), "--root", s.Root)...)
			if r.status != statusFailed || !strings.Contains(r.stderr, c.says) || !strings.Contains(r.stderr, "nothing has been removed") {
				t.Errorf("status %d\n%s", r.status, r.stderr)
			}
			if n := strings.Count(r.stderr, "regsweep: "+strings.SplitAfter(c.says, "/")[0]); n == 0 || n > 20 {
				t.Errorf("%d names:\n%s", n, r.stderr)
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
	// Where nothing of it goes, it is no matter.
	closed("repositories/deep")(t)
	if r := as(memberUID).run(t, "gc", "--root", s.Root); r.status != statusDone || s.Has("o") {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
}

// setModes gives all directories below a path of a store a mode.
func setModes(t *testing.T, s *layouttest.Store, path string, mode fs.FileMode) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.Dir, path), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chmod(path, mode)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
