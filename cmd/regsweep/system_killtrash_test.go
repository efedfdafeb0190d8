//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// trashing is a killing of a command that has to do with the trash.
type trashing struct {
	*killing
	was   map[string]string // the files as they were before anything went
	whole []string          // the images then
	run   string            // what is in the trash at first
}

// newTrashing is about a command that moves things into the trash. What is
// stopped can be put back as a whole, before or after the next runs, or be
// removed for good.
func newTrashing(t *testing.T, command ...string) *trashing {
	t.Helper()
	b := &trashing{killing: newKilling(t, killText(6), append(command, "--trash")...)}
	b.was, b.whole = prints(t, b.template.Dir), images(b.template)
	b.finish = func(t *testing.T, rnd *rand.Rand, s *layouttest.Store) {
		t.Helper()
		end := rnd.IntN(3)
		if end > 0 {
			b.completes(t, s, false)
		}
		if end == 2 {
			b.empties(t, s)
			return
		}
		b.restores(t, s)
	}
	return b
}

// trashed is about a command on a store whose garbage is in the trash.
func trashed(t *testing.T, command ...string) *trashing {
	t.Helper()
	b := newTrashing(t, "gc", "-m")
	b.say(t, b.template, 0, b.command...)
	b.run = b.runs(t, b.template)[0]
	b.command = append(command, "-y")
	b.goes = b.goes[:len(b.goes)/2] // a tag or link is one call, and not three
	return b
}

// newRestoring is about putting a run back. When it was stopped, it goes on, by
// itself or before the next sweep.
func newRestoring(t *testing.T) *trashing {
	t.Helper()
	b := trashed(t, "trash", "restore")
	b.command = []string{"trash", "restore", b.run, "-y"}
	b.finish = func(t *testing.T, rnd *rand.Rand, s *layouttest.Store) {
		t.Helper()
		b.soundLinks(t, s)
		if rnd.IntN(2) == 0 {
			b.say(t, s, 0, "gc", "--config", b.readonly)
			whole(t, s, b.whole...)
		}
		if slices.Contains(b.runs(t, s), b.run) {
			b.say(t, s, 0, b.command...)
		}
		whole(t, s, b.whole...)
		if rnd.IntN(2) == 0 {
			b.say(t, s, 0, "gc", "-m", "--config", b.readonly)
			b.isSwept(t, s)
		}
	}
	return b
}

// newEmptying is about removing a run for good. When it was stopped, it goes on,
// or what is left of it is put back.
func newEmptying(t *testing.T) *trashing {
	t.Helper()
	b := trashed(t, "trash", "empty")
	b.finish = func(t *testing.T, rnd *rand.Rand, s *layouttest.Store) {
		t.Helper()
		if rnd.IntN(2) == 0 && len(b.runs(t, s)) > 0 {
			b.say(t, s, -1, "trash", "restore", b.run, "-y")
			b.soundLinks(t, s)
			whole(t, s, b.refs...)
			b.say(t, s, 0, "gc", "-m", "--grace", "0", "--config", b.readonly) // directories are new
		}
		b.empties(t, s)
	}
	return b
}

// prints are the contents and times of all files outside the trash.
func prints(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range files(dir) {
		info, err := os.Lstat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		all[path] = fmt.Sprintf("%s %s %x", info.Mode(), info.ModTime(), sha256.Sum256(text))
	}
	return all
}

// say runs a command that has to end with a status; -1 is 0 or 1.
func (b *trashing) say(t *testing.T, s *layouttest.Store, status int, command ...string) ran {
	t.Helper()
	r := system{}.run(t, append(slices.Clone(command), "--root", s.Root)...)
	if r.status != status && (status >= 0 || r.status != 0 && r.status != 1) {
		t.Errorf("%v: status %d, want %d\n%s%s", command, r.status, status, r.stdout, r.stderr)
	}
	return r
}

// runs are those in the trash, the oldest first.
func (b *trashing) runs(t *testing.T, s *layouttest.Store) []string {
	t.Helper()
	return strings.Fields(b.say(t, s, 0, "trash", "ls", "-q").stdout)
}

// restores puts all runs back: then everything is as it was. Each of two runs
// may need what the other has taken, in turn.
func (b *trashing) restores(t *testing.T, s *layouttest.Store) {
	t.Helper()
	var said strings.Builder
	for left := -1; left != len(files(filepath.Join(s.Dir, layout.Own, layout.Trash))); {
		left = len(files(filepath.Join(s.Dir, layout.Own, layout.Trash)))
		for _, run := range b.runs(t, s) {
			r := b.say(t, s, -1, "trash", "restore", run, "-y")
			fmt.Fprintf(&said, "%s: status %d\n%s%s", run, r.status, r.stdout, r.stderr)
		}
	}
	is := prints(t, s.Dir)
	for at := range is {
		if _, had := b.was[at]; !had && path.Base(at) == layout.Unfinished {
			delete(is, at) // a run that could not sync leaves its marks, and the next sweep takes them
		}
	}
	if d := cmp.Diff(b.was, is); d != "" {
		t.Errorf("not all is back as it was (-was +is)\n%s\n%s", d, said.String())
	}
	b.noTrash(t, s)
}

// empties removes the trash for good: then the store is as after a sweep.
func (b *trashing) empties(t *testing.T, s *layouttest.Store) {
	t.Helper()
	b.say(t, s, 0, "trash", "empty", "-y", "--config", b.readonly)
	b.noTrash(t, s)
	b.isSwept(t, s)
}

func (b *trashing) isSwept(t *testing.T, s *layouttest.Store) {
	t.Helper()
	whole(t, s, b.refs...)
	if d := cmp.Diff(b.after, files(s.Dir)); d != "" {
		t.Errorf("compared with a sweep (-want +got)\n%s", d)
	}
}

func (b *trashing) noTrash(t *testing.T, s *layouttest.Store) {
	t.Helper()
	if left := files(filepath.Join(s.Dir, layout.Own, layout.Trash)); len(left) > 0 {
		t.Errorf("there is still a trash: %q", left)
	}
}

// soundLinks says that every manifest link leads to all that its manifest names.
func (b *trashing) soundLinks(t *testing.T, s *layouttest.Store) {
	t.Helper()
	for hex := range lacks(t, s.Dir, "data") {
		if !b.dangling[hex] {
			t.Errorf("a manifest link reaches %s, which is gone", hex)
		}
	}
}

// TestKillsOfTrash ends runs that fill the trash, take back from it and empty it by SIGKILL.
func TestKillsOfTrash(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for name, c := range map[string]struct {
		n   int
		new func(t *testing.T) *trashing
	}{
		"gc --trash":    {70, func(t *testing.T) *trashing { return newTrashing(t, "gc", "-m") }},
		"rm --trash":    {40, func(t *testing.T) *trashing { return newTrashing(t, namedCommands[0]...) }},
		"trash restore": {80, newRestoring},
		"trash empty":   {60, newEmptying},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.new(t).kills(t, c.n)
		})
	}
}

// TestInjectedErrorsOfTrash makes calls to the system fail while the trash is
// filled, put back and emptied: the first call of each thread, or every third.
func TestInjectedErrorsOfTrash(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	calls := []string{"renameat2", "unlinkat", "mkdirat", "syncfs,fsync,fdatasync"}
	errors := []string{"EIO", "ENOSPC", "EROFS", "EACCES", "ESTALE", "ENOENT", "EMFILE", "EINTR"}
	for name, c := range map[string]struct {
		new   func(t *testing.T) *trashing
		calls []string
	}{
		"gc --trash":    {func(t *testing.T) *trashing { return newTrashing(t, "gc", "-m") }, calls},
		"trash restore": {newRestoring, calls},
		"trash empty":   {newEmptying, calls[1:2]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.new(t)
			several(len(c.calls)*len(errors), func(i int) {
				row := i / len(errors)
				column := (i + row) % len(errors) // so that some steps have other errors of each call
				call, errno, when := c.calls[row], errors[column], []string{"1", "2+3"}[column%2]
				t.Run(call+"/"+errno, func(t *testing.T) {
					s := b.copy(t)
					b.injected(t, s, call, "error="+errno+":when="+when)
					b.finish(t, rand.New(rand.NewPCG(1, uint64(i))), s)
					os.RemoveAll(s.Root)
				})
			})
		})
	}
}

// injected runs the command with faults. It may be done all the same, and has to
// say so if it is not.
func (b *trashing) injected(t *testing.T, s *layouttest.Store, call, how string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	y := system{before: []string{need(t, "strace", "strace"), "-f", "--seccomp-bpf", "-qq", "-o", log, "-e", "trace=" + call, "-e", "inject=" + call + ":" + how}}
	r := y.run(t, append(slices.Clone(b.command), "--root", s.Root, "--config", b.readonly, "--jobs", "2")...)
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "(INJECTED)") && r.status == 0 && strings.HasSuffix(how, "=1") {
		t.Errorf("nothing was tested: %v", err)
	}
	if r.status != 0 && (r.status != 1 || r.stderr == "") {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	whole(t, s, b.refs...)
	// What could not be given its name back is still there, and gets it by the next run.
	for hex := range lacks(t, s.Dir, "data", "data.regsweep") {
		if !b.dangling[hex] {
			t.Errorf("a manifest link reaches %s, which is gone\n%s", hex, r.stderr)
		}
	}
}
