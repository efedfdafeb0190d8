//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// mendText has n images of each kind that mendDamage harms.
func mendText(n int) string {
	var b strings.Builder
	b.WriteString("age 30d\n")
	for i := range n {
		fmt.Fprintf(&b, "image r%d/app:v1 layers=base,one%d:30k as=x%d\n", i, i, i)
		fmt.Fprintf(&b, "image r%d/app:v2 layers=base,two%d as=y%d\n", i, i, i)
		fmt.Fprintf(&b, "image r%d/app:v3 layers=base,three%d as=z%d\n", i, i, i)
		fmt.Fprintf(&b, "image r%d/app layers=base as=c%d\nindex r%d/app:multi of=y%d,c%d as=i%d\n", i, i, i, i, i, i)
		fmt.Fprintf(&b, "image r%d/app:t layers=base as=old%d age=20d\nimage r%d/app:t layers=base as=new%d age=10d\ntag r%d/app:was old%d\n", i, i, i, i, i, i)
		fmt.Fprintf(&b, "image r%d/app:d layers=base as=d%d\n", i, i)
	}
	return b.String()
}

// mendDamage is damage of every kind that a repair does something about.
func mendDamage(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "damage wrong-digest blob one%d\ndamage truncated blob x%d\ndamage missing blob three%d\n", i, i, i)
		fmt.Fprintf(&b, "damage zero layer r%d/app two%d\ndamage mismatch revision r%d/app c%d to=y%d\n", i, i, i, i, i)
		fmt.Fprintf(&b, "damage half-tag tag r%d/app:t\nremove repositories/r%d/app/_manifests/revisions/sha256/{d%d}\n", i, i, i)
	}
	return b.String()
}

// mending is a killing of a repair.
type mending struct {
	*killing
	replica  string            // or ""
	mended   []string          // what can be pulled after an undisturbed repair
	replaced map[string]string // what that replaces, by path
}

// newMending lets a repair run undisturbed. What is stopped can be done again,
// and then be taken back, or the trash be emptied for good.
func newMending(t *testing.T, n int, from bool) *mending {
	t.Helper()
	m := &mending{killing: &killing{dir: memory(t), slow: 4 * time.Millisecond, phases: map[string]int{}, doomed: map[string]bool{}}}
	m.readonly = filepath.Join(m.dir, "config.yml")
	config := "version: 0.1\nstorage:\n  filesystem: {rootdirectory: /nonexistent}\n  maintenance: {readonly: {enabled: true}}\n"
	if err := os.WriteFile(m.readonly, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	m.command, m.ends = []string{"repair", "--yes", "--config", m.readonly}, statusProblems
	binary(t) // which may take longer than a run has
	if from {
		m.ends = statusDone
		m.replica = build(t, filepath.Join(m.dir, "replica"), mendText(n)).Root
		m.command = append(m.command, "--from", m.replica)
	}
	m.template = build(t, filepath.Join(m.dir, "template"), mendText(n)+mendDamage(n))
	m.refs = slices.Sorted(maps.Keys(canBePulled(m.template, referencesOf(t, m.template))))
	m.had, m.blobs = len(files(m.template.Dir)), len(data(files(m.template.Dir), "data"))
	m.dangling = lacks(t, m.template.Dir, "data")
	s := m.copy(t)
	r := m.mend(t, s)
	m.took = r.took
	maps.Copy(m.dangling, lacks(t, s.Dir, "data"))
	all := referencesOf(t, s)
	m.mended = slices.Sorted(maps.Keys(canBePulled(s, all)))
	if least := len(m.refs) + 2*n; len(m.mended) < least || from && len(m.mended) < len(all) {
		t.Fatalf("%d references of %d can be pulled after an undisturbed repair, and %d before", len(m.mended), len(all), len(m.refs))
	}
	m.replaced = map[string]string{}
	runs := filepath.Join(s.Dir, layout.Own, layout.Trash)
	for _, path := range files(runs) {
		if _, at, ok := strings.Cut(path, "/"); ok && (strings.HasPrefix(at, layout.Blobs) || strings.HasPrefix(at, layout.Repositories)) {
			m.replaced[at] = content(t, m.template.Dir, at)
			m.goes = append(m.goes, at)
		}
	}
	if len(m.replaced) < 3*n {
		t.Fatalf("an undisturbed repair replaces only %q", m.goes)
	}
	m.finish = m.again
	return m
}

func content(t *testing.T, dir, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// mend is a repair that has to do its work.
func (m *mending) mend(t *testing.T, s *layouttest.Store) ran {
	t.Helper()
	r := system{}.run(t, append(slices.Clone(m.command), "--root", s.Root)...)
	if r.status != m.ends {
		t.Errorf("repair: status %d, want %d\n%s%s", r.status, m.ends, r.stdout, r.stderr)
	}
	return r
}

// again repairs what a stopped repair has left. Then the rot does not come back,
// whatever sweeps; or it does, since somebody takes the repairs back.
func (m *mending) again(t *testing.T, rnd *rand.Rand, s *layouttest.Store) {
	t.Helper()
	m.mend(t, s)
	whole(t, s, m.mended...)
	back := rnd.IntN(2) == 0
	if back {
		m.takesBack(t, s)
	}
	for _, command := range [][]string{{"gc", "-m", "--grace", "0"}, {"trash", "empty"}, {"gc"}} {
		r := system{}.run(t, append(command, "--yes", "--root", s.Root, "--config", m.readonly)...)
		// A sweep of a store that is damaged says so.
		if r.status != statusDone && (r.status != statusProblems || m.replica != "" && !back) {
			t.Errorf("then %v: status %d\n%s%s", command, r.status, r.stdout, r.stderr)
		}
	}
	if back {
		whole(t, s, m.refs...)
		return
	}
	whole(t, s, m.mended...)
	for path, was := range m.replaced {
		if is, err := os.ReadFile(filepath.Join(s.Dir, path)); err == nil && string(is) == was {
			t.Errorf("%s is damaged again", path)
		}
	}
	for _, path := range files(s.Dir) {
		// In a repository that lacks something a sweep removes nothing.
		if strings.HasSuffix(path, ".tmp") && m.replica != "" || strings.HasPrefix(path, layout.Own+"/") {
			t.Errorf("%s is left", path)
		}
	}
	if m.replica != "" {
		if r := (system{}).run(t, "check", "--read-data", "--root", s.Root); r.status != statusDone {
			t.Errorf("check: status %d\n%s%s", r.status, r.stdout, r.stderr)
		}
	}
}

// takesBack puts back what was replaced, the last run first: then all of it is
// what it was.
func (m *mending) takesBack(t *testing.T, s *layouttest.Store) {
	t.Helper()
	runs := strings.Fields(system{}.run(t, "trash", "ls", "-q", "--root", s.Root).stdout)
	for _, run := range slices.Backward(runs) {
		if r := (system{}).run(t, "trash", "restore", run, "--yes", "--root", s.Root); r.status != statusDone {
			t.Errorf("trash restore %s: status %d\n%s%s", run, r.status, r.stdout, r.stderr)
		}
	}
	is := map[string]string{}
	for path := range m.replaced {
		is[path] = content(t, s.Dir, path)
	}
	if d := cmp.Diff(m.replaced, is); d != "" {
		t.Errorf("not all that was replaced is as it was (-was +is)\n%s", d)
	}
	if left := files(filepath.Join(s.Dir, layout.Own, layout.Trash)); len(left) > 0 {
		t.Errorf("there is still a trash: %q", left)
	}
}

// mendings are repairs with a replica and without.
var mendings = map[string]bool{"with a replica": true, "alone": false}

// TestKillsOfRepair ends repairs by SIGKILL.
func TestKillsOfRepair(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for name, from := range mendings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newMending(t, 2, from).kills(t, 100)
		})
	}
}

// TestInjectedErrorsOfRepair makes calls to the system fail in a repair: the
// first call of each thread, or the two after it.
func TestInjectedErrorsOfRepair(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	calls := []string{"linkat", "renameat,renameat2", "unlinkat", "mkdirat", "syncfs,fsync,fdatasync", "pwrite64,copy_file_range,sendfile"}
	list := []string{"EIO", "ENOSPC", "EROFS", "EACCES", "ESTALE", "ENOENT", "EMFILE", "EINTR"}
	m := newMending(t, 2, true)
	severalOf(6, len(layouttest.Steps(len(calls)*len(list))), func(n int) {
		i := layouttest.Steps(len(calls) * len(list))[n]
		call, errno, when := calls[i%len(calls)], list[i/len(calls)], []string{"1", "2+3"}[i%2]
		t.Run(call+"/"+errno, func(t *testing.T) {
			s := m.copy(t)
			log := filepath.Join(t.TempDir(), "strace")
			y := system{before: []string{
				need(t, "strace", "strace"), "-f", "--seccomp-bpf", "-qq", "-o", log,
				"-e", "trace=" + call, "-e", "inject=" + call + ":error=" + errno + ":when=" + when,
			}}
			r := y.run(t, append(slices.Clone(m.command), "--root", s.Root)...)
			if r.status == statusUsage || r.status < 0 || r.status == statusFailed && r.stderr == "" {
				t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			if r.status == statusDone {
				whole(t, s, m.mended...) // it said that nothing is left
			}
			m.interrupted(t, s, nil, r, syscall.SIGKILL)
			m.finish(t, rand.New(rand.NewPCG(1, uint64(i))), s)
			os.RemoveAll(s.Root)
		})
	})
}

// TestFullDiskOfRepair repairs where nothing can be written. Nothing is lost, it
// says so, and with some space it is done.
func TestFullDiskOfRepair(t *testing.T) {
	t.Parallel()
	for name, from := range mendings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMending(t, 3, from)
			dir := image32(t, "-b", "1024", "-N", "20000")
			s := *m.template
			s.Root = filepath.Join(dir, "registry")
			s.Dir = filepath.Join(s.Root, layout.Store)
			mustRun(t, "cp", "-a", m.template.Root, s.Root)
			fillUp(t, filepath.Join(dir, "fill"))
			r := system{}.run(t, append(slices.Clone(m.command), "--root", s.Root)...)
			if r.status != statusFailed || !strings.Contains(r.stderr, "no space left") {
				t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			m.interrupted(t, &s, nil, r, syscall.SIGKILL)
			if err := os.Remove(filepath.Join(dir, "fill")); err != nil {
				t.Fatal(err)
			}
			m.finish(t, rand.New(rand.NewPCG(1, 1)), &s)
		})
	}
}

// fillUp writes a file until the filesystem has no free block.
func fillUp(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_SYNC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1024} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// TestPowerCutOfRepair cuts filesystems off in the midst of repairs.
func TestPowerCutOfRepair(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for name, from := range mendings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newOutage(t, newMending(t, 2, from).killing, 1).test(t, 1, 6)
		})
	}
}
