package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// patient is a set-up that doctor looks at, as the user uid, if that is not 0.
type patient struct {
	args    []string
	environ []string
	uid     int
	during  func() // what else happens while the cure runs
}

const healthy = "age 10d\nimage a/b:v1 as=x layers=l1\norphan as=o size=40k"

// programDir makes a directory in which "regsweep" is this test's own program.
func programDir(t *testing.T) string {
	t.Helper()
	dir := openTemp(t)
	self, err := os.Executable()
	if err == nil {
		err = exec.Command("cp", self, filepath.Join(dir, "regsweep")).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs a command line as the patient's user.
func (p *patient) shell(t *testing.T, bin, line string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = bin
	cmd.Env = append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + bin}, p.environ...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if p.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}}
	}
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// doctor runs doctor, or the doctor that a finding's command names.
func (p *patient) doctor(t *testing.T, bin, line string) ([]finding, int) {
	t.Helper()
	out, errs, status := p.shell(t, bin, line+" -o json")
	if errs != "" {
		t.Errorf("%s: %s", line, errs)
	}
	return findingsIn(t, out), status
}

func findingsIn(t *testing.T, text string) []finding {
	t.Helper()
	conforms(t, "doctor", text)
	var result doctorResult
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	return result.Findings
}

// bad are the findings that are not ok.
func bad(list []finding) []finding {
	return slices.DeleteFunc(slices.Clone(list), func(f finding) bool { return f.Level == levelOK })
}

// Each of these set-ups is broken in one way: doctor has one finding, and its
// command cures that.
func TestDoctorCuresBrokenSetUps(t *testing.T) {
	layouttest.Long(t)
	needRoot(t)
	program := programDir(t)
	for _, c := range []struct {
		name, kind, level string
		says              string
		make              func(t *testing.T) *patient
	}{
		{"the root is one directory too high", "root", levelError, "has no docker/registry/v2 below it", rootTooHigh},
		{"the root is inside of the store", "root", levelError, "has no docker/registry/v2 below it", rootTooLow},
		{"a variable overrides the configuration", "root", levelError, "from REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", rootOverridden},
		{"the configuration is no YAML", "configuration", levelError, "is not a registry configuration", brokenConfiguration},
		{"a volume is not mounted", "mount", levelError, "is not mounted", notMounted},
		{"the filesystem is read-only", "mount", levelError, "read-only", readOnlyStore},
		{"there is no space", "blocks", levelError, "free space: 0 B", noSpace},
		{"there is no inode", "inodes", levelError, "free inodes: 0 of", noInodes},
		{"a directory may not be changed", "rights", levelError, "this user (1234) may not read and change 1 directory", noRights},
		{"another run has the lock", "lock", levelWarning, "another regsweep works on this store", lockedByAnother},
		{"a run was stopped", "stoppedRun", levelWarning, "a run was stopped", stoppedRun},
		{"the registry caches", "cache", levelWarning, "(inmemory)", cachingRegistry},
		{"the trash is old", "trash", levelWarning, "1 run is older than 30 days", oldTrashRun},
		{"the list of locks is damaged", "protect", levelError, "every removal is refused", damagedLocks},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := c.make(t)
			line := "regsweep doctor " + strings.Join(p.args, " ")
			list, status := p.doctor(t, program, line)
			found := bad(list)
			if len(found) != 1 || found[0].Kind != c.kind || found[0].Level != c.level || !strings.Contains(found[0].Detail, c.says) {
				t.Fatalf("it finds %+v", found)
			}
			if want := map[string]int{levelError: statusProblems, levelWarning: statusDone}[c.level]; status != want {
				t.Errorf("status %d, want %d", status, want)
			}
			if p.during != nil {
				time.AfterFunc(50*time.Millisecond, p.during)
			}
			cure := found[0].Command
			if strings.HasPrefix(cure, "regsweep doctor ") {
				line = cure
			} else if out, errs, status := p.shell(t, program, cure); status != statusDone {
				t.Fatalf("%s: status %d\n%s%s", cure, status, out, errs)
			}
			list, status = p.doctor(t, program, line)
			if found := bad(list); len(found) > 0 || status != statusDone {
				t.Errorf("after %s: status %d, %+v", cure, status, found)
			}
		})
	}
}

func rootTooHigh(t *testing.T) *patient {
	dir := memory(t)
	build(t, filepath.Join(dir, "registry"), healthy)
	return &patient{args: []string{"--root", dir}}
}

func rootTooLow(t *testing.T) *patient {
	s := build(t, memory(t), healthy)
	return &patient{args: []string{"--root", s.Dir + "/blobs"}}
}

func rootOverridden(t *testing.T) *patient {
	s := build(t, memory(t), healthy)
	return &patient{
		args:    []string{"--config", configuration(t, s.Root, "")},
		environ: []string{"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + t.TempDir() + "/gone"},
	}
}

// configuration writes one for a registry.
func configuration(t *testing.T, root, more string) string {
	t.Helper()
	file := filepath.Join(openTemp(t), "config.yml")
	text := "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " + root + "\n" + more
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// editor makes an editor that changes a file as sed does.
func editor(t *testing.T, script string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "editor")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexec sed -i '"+script+"' \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return "EDITOR=" + file
}

func brokenConfiguration(t *testing.T) *patient {
	s := build(t, memory(t), healthy)
	return &patient{args: []string{"--config", configuration(t, s.Root, "what: {\n")}, environ: []string{editor(t, "/what/d")}}
}

func notMounted(t *testing.T) *patient {
	need(t, "mount", "mount")
	s := build(t, memory(t), healthy)
	away := filepath.Join(openTemp(t), "volume")
	blobs := filepath.Join(s.Dir, "blobs")
	mustRun(t, "cp", "-a", blobs, away)
	mustRun(t, "rm", "-r", blobs)
	mustMkdir(t, blobs)
	table := filepath.Join(t.TempDir(), "fstab")
	if err := os.WriteFile(table, []byte(fmt.Sprintf("# a table\n%s %s none bind 0 0\n", away, blobs)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(blobs, syscall.MNT_DETACH) }) // it need not be mounted
	return &patient{args: []string{"--root", s.Root}, environ: []string{"LIBMOUNT_FSTAB=" + table}}
}

// ownMount is a new tmpfs.
func ownMount(t *testing.T, options string) string {
	t.Helper()
	dir := openTemp(t)
	mount(t, dir, "-t", "tmpfs", "-o", "mode=755"+options, "regsweep-test")
	return dir
}

func readOnlyStore(t *testing.T) *patient {
	dir := ownMount(t, "")
	build(t, dir, healthy)
	mustRun(t, "mount", "-o", "remount,ro", dir)
	return &patient{args: []string{"--root", dir}}
}

func noSpace(t *testing.T) *patient {
	dir := ownMount(t, ",size=1m")
	build(t, dir, "age 10d\nimage a/b:v1 as=x\norphan as=o size=200k")
	file, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	return &patient{args: []string{"--root", dir}}
}

func noInodes(t *testing.T) *patient {
	dir := ownMount(t, ",nr_inodes=200")
	var garbage strings.Builder
	for range 25 {
		garbage.WriteString("orphan size=1k\n")
	}
	build(t, dir, "age 10d\nimage a/b:v1 as=x\n"+garbage.String())
	mustMkdir(t, filepath.Join(dir, "fill"))
	fill(t, filepath.Join(dir, "fill"))
	return &patient{args: []string{"--root", dir}}
}

func noRights(t *testing.T) *patient {
	s := build(t, memory(t), healthy)
	mustRun(t, "chown", "-R", "1234:1234", s.Root)
	if err := os.Chmod(filepath.Join(s.Dir, "repositories/a/b/_manifests"), 0o555); err != nil {
		t.Fatal(err)
	}
	return &patient{args: []string{"--root", s.Root}, uid: 1234}
}

func lockedByAnother(t *testing.T) *patient {
	need(t, "flock", "util-linux")
	s := build(t, memory(t), healthy)
	lock := openLocked(t, s)
	return &patient{args: []string{"--root", s.Root}, during: func() { _ = lock.Release() }}
}

func openLocked(t *testing.T, s *layouttest.Store) *disk.Lock {
	t.Helper()
	dir, err := (&disk.FS{}).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	lock, err := dir.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Release() })
	return lock
}

func stoppedRun(t *testing.T) *patient {
	s := build(t, memory(t), healthy+"\nraw .regsweep-unfinished \nmove blobs/sha256/{xx:x}/{x}/data blobs/sha256/{xx:x}/{x}/data.regsweep")
	return &patient{args: []string{"--root", s.Root}}
}

func cachingRegistry(t *testing.T) *patient {
	s := build(t, memory(t), healthy)
	return &patient{args: []string{"--config", configuration(t, s.Root, "  cache:\n    blobdescriptor: inmemory\n")}}
}

func oldTrashRun(t *testing.T) *patient {
	s := build(t, memory(t), healthy)
	if r := runProgram(t, "", "gc", "--root", s.Root, "--trash", "--yes"); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	run := strings.TrimSpace(runProgram(t, "", "trash", "ls", "-q", "--root", s.Root).stdout)
	dir := filepath.Join(s.Dir, ".regsweep/trash", run)
	description := filepath.Join(dir, "run.json")
	text := readFile(t, description)
	if err := os.WriteFile(description, []byte(strings.ReplaceAll(text, time.Now().UTC().Format("2006"), "2001")), 0o644); err != nil {
		t.Fatal(err)
	}
	return &patient{args: []string{"--root", s.Root}}
}

func damagedLocks(t *testing.T) *patient {
	s := build(t, memory(t), healthy+"\nraw .regsweep/protect a/b:v1 until=never")
	return &patient{args: []string{"--root", s.Root}, environ: []string{editor(t, "s/ until=.*//")}}
}
