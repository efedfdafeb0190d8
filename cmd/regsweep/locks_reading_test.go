package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

const lockedStore = `age 30d
image a/app:v1 as=one layers=shared,x
image a/app:v2 as=two
image a/app as=loose
image b/x:v1 as=b layers=blayer
image c/y as=alone
image d/z:v1 as=d
`

func lockedReg(t *testing.T, args ...string) *layouttest.Store {
	t.Helper()
	s, err := layouttest.Build(filepath.Join(t.TempDir(), "reg"), lockedStore, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := runProgram(t, "", append([]string{"protect", "add", "--root", s.Root}, args...)...); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	return s
}

// What ls and why say of the store's own list is what the commands that remove
// make of it.
func TestLocksAreShownByCommandsThatRead(t *testing.T) {
	t.Parallel()
	plain, err := layouttest.Build(filepath.Join(t.TempDir(), "reg"), lockedStore, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := runProgram(t, "", "ls", "--root", plain.Root); strings.Contains(r.stdout, "PROTECTED") {
		t.Errorf("a store without locks has a column for them:\n%s", r.stdout)
	}
	digest := func(name string) string { return plain.Digest(name).String() }
	s := lockedReg(t, "a/app:v1", "until=2999-12-31", "# audit", "b/**", "c/y@"+digest("alone"), "a/app@"+digest("loose"), "until=2020-01-31")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"ls"}, []string{" PROTECTED\n", " a/app:v1\n", " b/**\n", " c/y@" + digest("alone") + "\n", " -\n"}},
		{[]string{"ls", "a/app"}, []string{"SUBJECT  PROTECTED\n", " a/app:v1\n", " -\n"}},
		{[]string{"ls", "a/app:v1"}, []string{"it is protected by a/app:v1"}},
		{[]string{"ls", "b/x", "--tags"}, []string{" b/**\n"}},
		{[]string{"ls", "b/x", "-o", "tsv"}, []string{"\tprotected\n", "\tb/**\n"}},
		{[]string{"why", "a/app:v1"}, []string{"it is protected by a/app:v1 (audit) until 2999-12-31"}},
		{[]string{"why", "c/y@" + digest("alone")}, []string{"gc -m keeps it: it is protected by c/y@" + digest("alone")}},
		{[]string{"why", "a/app@" + digest("loose")}, []string{"gc -m removes it"}},
		{[]string{"why", digest("blayer")}, []string{"it is protected by b/**"}},
		{[]string{"protect", "ls"}, []string{"2020-01-31 (over)", "2999-12-31 "}},
	} {
		r := runProgram(t, "", append(c.args, "--root", s.Root)...)
		for _, want := range c.want {
			if text := strings.Join(strings.Fields(r.stdout), " "); r.status != statusDone || !strings.Contains(r.stdout, want) && !strings.Contains(text, strings.TrimSpace(want)) {
				t.Errorf("%q: status %d, without %q:\n%s%s", c.args, r.status, want, r.stdout, r.stderr)
			}
		}
	}
	var list struct {
		Repositories []struct {
			Name         string
			Protected    []string
			WithUntagged int64 `json:"reclaimableWithUntaggedBytes"`
		}
	}
	r := runProgram(t, "", "ls", "--root", s.Root, "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, one := range list.Repositories {
		got[one.Name] = one.Protected
		if one.Name == "c/y" && one.WithUntagged != 0 {
			t.Errorf("gc -m would free %d bytes of an image that is locked", one.WithUntagged)
		}
	}
	want := map[string][]string{"a/app": {"a/app:v1"}, "b/x": {"b/**"}, "c/y": {"c/y@" + digest("alone")}, "d/z": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("protected (-want +got):\n%s", diff)
	}
	if r := gc(t, s, "-m", "--older-than", "1h"); r.report.Removed.Manifests != 1 {
		t.Errorf("gc -m removed %d manifests, want the one whose lock has ended: %s%s", r.report.Removed.Manifests, r.stdout, r.stderr)
	}
}

// What a digest alone locks is kept wherever it is; why names the line of a blob
// that no repository knows.
func TestWhyNamesTheLineOfABlob(t *testing.T) {
	t.Parallel()
	s, err := layouttest.Build(filepath.Join(t.TempDir(), "reg"), lockedStore+"orphan as=o\n", layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	runProgram(t, "", "protect", "add", "--root", s.Root, s.Digest("o").String(), "# base")
	r := runProgram(t, "", "why", "--root", s.Root, s.Digest("o").String())
	if want := "it is protected by " + s.Digest("o").String() + " (base)"; !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), "gc keeps it: "+want) {
		t.Errorf("without %q:\n%s%s", want, r.stdout, r.stderr)
	}
}

// If the list cannot be understood, ls and why say that gc refuses the store, and
// that their answer is not whole.
func TestLocksThatCannotBeToldAreTold(t *testing.T) {
	t.Parallel()
	s := lockedReg(t, "a/app:v1")
	path := filepath.Join(s.Dir, filepath.FromSlash(sweep.LocksPath))
	if err := os.WriteFile(path, []byte("a/app:v1\n'b/x'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"ls"}, "gc refuses this store: it is not known what the store protects"},
		{[]string{"ls", "a/app"}, ""},
		{[]string{"why", "c/y@" + s.Digest("alone").String()}, "gc -m keeps it: gc refuses this store: it is not known what the store protects"},
		{[]string{"check"}, ".regsweep/protect"},
		{[]string{"protect", "ls"}, ""},
	} {
		r := runProgram(t, "", append(c.args, "--root", s.Root)...)
		out := strings.Join(strings.Fields(r.stdout), " ")
		if r.status != statusFailed || !strings.Contains(out, c.want) || !strings.Contains(r.stderr, ".regsweep/protect, line 2: ") {
			t.Errorf("%q: status %d\n%s%s", c.args, r.status, r.stdout, r.stderr)
		}
	}
}

// The list is asked again before the links of a manifest that cannot be read are
// removed.
func TestLocksAreReadAgainBeforeACure(t *testing.T) {
	t.Parallel()
	s, err := layouttest.Build(filepath.Join(t.TempDir(), "reg"), "age 30d\nimage a/app:v1 as=one\n", layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := runProgram(t, "", "protect", "add", "--root", s.Root, "other"); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	path, bad := filepath.Join(s.Dir, filepath.FromSlash(sweep.LocksPath)), s.Digest("one").Hex()+"/data"
	var mu sync.Mutex
	reads := 0
	files := &disk.FS{Fault: func(op disk.Op, at string) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case op == disk.OpRead && at == sweep.LocksPath:
			if reads++; reads == 2 {
				return os.WriteFile(path, []byte("a/app\n"), 0o600)
			}
		case op == disk.OpRead && strings.HasSuffix(at, bad):
			return syscall.EIO
		}
		return nil
	}}
	var said strings.Builder
	p := &program{in: strings.NewReader(""), out: new(strings.Builder), voice: &term.Voice{W: &said}, files: files}
	status := p.main([]string{"rm", "--root", s.Root, "a/app@" + s.Digest("one").String(), "--yes"})
	if status != statusFailed || !strings.Contains(said.String(), "has changed since the plan was made: nothing has been removed") {
		t.Errorf("status %d: %s", status, said.String())
	}
	if !s.HasPath("repositories/a/app/_manifests/revisions/sha256/{one}/link") {
		t.Error("what has been locked meanwhile is gone")
	}
}
