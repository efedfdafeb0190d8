package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/walker/disk"
)

// What belongs to another program's database has no cure, and what works is said.
func TestDoctorNamesADatabaseElsewhere(t *testing.T) {
	s := newStore(t, healthy+"\nmkdir /docker/registry/lockfiles\nraw /docker/registry/lockfiles/database-in-use x")
	r := runProgram(t, "", "doctor", "--root", s.Root, "-o", "json")
	found := bad(findingsIn(t, r.stdout))
	if r.status != statusProblems || len(found) != 1 || found[0].Kind != "database" || found[0].Level != levelError {
		t.Fatalf("status %d, %+v", r.status, found)
	}
	if r := runProgram(t, "", shellWords(t, found[0].Command)[1:]...); r.status != statusDone {
		t.Errorf("%s: status %d %s", found[0].Command, r.status, r.stderr)
	}
}

// doctor changes nothing, not even a time, on a store of any kind.
func TestDoctorChangesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"a store":       healthy,
		"much of a one": schemaStore,
		"an empty one":  "mkdir repositories\nmkdir blobs",
		"a stopped run": healthy + "\nraw .regsweep-unfinished ",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, text)
			before, at := s.Snapshot(t), modified(t, s.Dir)
			r := runProgram(t, "", "doctor", "--root", s.Root)
			if r.status != statusDone || !strings.HasSuffix(r.stdout, "warnings\n") && !strings.HasSuffix(r.stdout, "warning\n") {
				t.Errorf("status %d: %s%s", r.status, r.stdout, r.stderr)
			}
			same(t, "the store", before, s.Snapshot(t))
			if now := modified(t, s.Dir); !now.Equal(at) {
				t.Errorf("the store's directory was changed at %s, not %s", now, at)
			}
		})
	}
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// Whichever call of the probe fails, or is the moment at which a signal comes:
// nothing of it stays, and only a failure to remove it is an error.
func TestDoctorRemovesItsProbe(t *testing.T) {
	for _, op := range []disk.Op{disk.OpMkdir, disk.OpWrite, disk.OpRename, disk.OpNoReplace, disk.OpLink, disk.OpTouch, disk.OpSync, disk.OpOpen, disk.OpStat} {
		if op == disk.OpNoReplace && systemTags == "portable" {
			continue // there is no such call
		}
		for _, stop := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %d stop %v", op, op, stop), func(t *testing.T) {
				s := newStore(t, healthy)
				before := s.Snapshot(t)
				fired := false
				files := &disk.FS{Fault: func(o disk.Op, path string) error {
					here := strings.HasPrefix(path, disk.ProbeName) || o == disk.OpSync
					if o != op || !here || fired {
						return nil
					}
					fired = true
					if !stop {
						return syscall.EIO
					}
					// The program catches the signal, so that this process goes on.
					if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
						t.Error(err)
					}
					time.Sleep(20 * time.Millisecond)
					return nil
				}}
				var out, errs strings.Builder
				p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: files}
				status := p.main([]string{"doctor", "--root", s.Root, "-o", "json"})
				if !fired {
					t.Fatal("the call was never made")
				}
				// The last call is made when there is nothing to stop any more.
				if stop && op != disk.OpSync && status != 128+int(syscall.SIGTERM) {
					t.Errorf("status %d: %s", status, errs.String())
				}
				if !stop && status != statusDone && status != statusProblems {
					t.Errorf("status %d: %s", status, errs.String())
				}
				same(t, "the store", before, s.Snapshot(t))
			})
		}
	}
}

// What a killed doctor left is not unknown to check, and the next one removes it.
func TestDoctorRemovesTheProbeOfAKilledOne(t *testing.T) {
	s := newStore(t, healthy+"\nmkdir "+disk.ProbeName+"\nraw "+disk.ProbeName+"/a x")
	if r := runProgram(t, "", "check", "--root", s.Root); r.status != statusDone || strings.Contains(r.stdout, disk.ProbeName) {
		t.Errorf("status %d: %s", r.status, r.stdout)
	}
	if r := runProgram(t, "", "doctor", "--root", s.Root); r.status != statusDone {
		t.Errorf("status %d: %s", r.status, r.stdout)
	}
	if _, err := os.Lstat(filepath.Join(s.Dir, disk.ProbeName)); err == nil {
		t.Error("it is there still")
	}
}

// What a filesystem cannot do is told, and what follows from it.
func TestDoctorTellsWhatAFilesystemLacks(t *testing.T) {
	for name, c := range map[string]struct {
		fails map[disk.Op]error
		level string
		says  string
	}{
		"renames":                      {map[disk.Op]error{disk.OpRename: syscall.EIO}, levelError, "renames do not work (input/output error)"},
		"no-replace renames alone":     {map[disk.Op]error{disk.OpNoReplace: syscall.EINVAL}, levelOK, "no-replace renames do not work (invalid argument)"},
		"no-replace, and second names": {map[disk.Op]error{disk.OpNoReplace: syscall.EINVAL, disk.OpLink: syscall.EIO}, levelWarning, "stop pushes while it runs"},
		"syncs":                        {map[disk.Op]error{disk.OpSync: syscall.EIO}, levelError, "syncs do not work"},
	} {
		if c.fails[disk.OpNoReplace] != nil && systemTags == "portable" {
			continue // there is no such call
		}
		t.Run(name, func(t *testing.T) {
			s := newStore(t, healthy)
			files := &disk.FS{Fault: func(o disk.Op, _ string) error { return c.fails[o] }}
			var out strings.Builder
			p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &out}, files: files}
			p.main([]string{"doctor", "--root", s.Root, "-o", "json"})
			list := findingsIn(t, out.String())
			at := slices.IndexFunc(list, func(f finding) bool { return f.Kind == "filesystem" })
			if at < 0 || list[at].Level != c.level || !strings.Contains(list[at].Detail, c.says) || (list[at].Command == "") != (c.level == levelOK) {
				t.Errorf("%+v", list)
			}
		})
	}
}

// Clocks that are apart are told with the figure.
func TestDoctorComparesClocks(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		theirs time.Time
		level  string
		says   string
	}{
		"the same":    {now.Add(-30 * time.Second), levelOK, "is this host's, or nearly"},
		"in the past": {now.Add(-time.Hour), levelWarning, "is 1h0m0s behind this host's"},
		"ahead":       {now.Add(2 * time.Minute), levelWarning, "is 2m0s ahead of this host's"},
	} {
		e := &examination{doctorOptions: &doctorOptions{}}
		e.judgeClock(&disk.Probe{Clock: c.theirs, Asked: now})
		if f := e.findings; len(f) != 1 || f[0].Level != c.level || !strings.Contains(f[0].Detail, c.says) || (f[0].Command == "") != (c.level == levelOK) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// A registry that runs is found with its store and its cache, whatever its
// configuration is called.
func TestDoctorFindsTheRegistryThatRuns(t *testing.T) {
	s := newStore(t, healthy)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "serve"), []byte("read line\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A shell that is called registry, and reads a script that is called serve.
	cmd := &exec.Cmd{Path: "/bin/sh", Args: []string{"registry", "serve", configuration(t, s.Root, "  cache:\n    blobdescriptor: redis\n")}, Dir: dir, Env: []string{"A=b"}}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	list := findingsIn(t, runProgram(t, "", "doctor", "--root", s.Root, "-o", "json").stdout)
	at := slices.IndexFunc(list, func(f finding) bool { return f.Kind == "registry" })
	if at < 0 || !strings.Contains(list[at].Detail, fmt.Sprintf("a registry runs on this store: process %d", cmd.Process.Pid)) {
		t.Errorf("%+v", list)
	}
	if found := bad(list); len(found) != 1 || found[0].Kind != "cache" || !strings.Contains(found[0].Detail, "(redis)") {
		t.Errorf("%+v", found)
	}
}
