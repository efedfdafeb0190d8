package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/walker/disk"
)

// diskUsage is what du says of a directory: bytes on the disk and inodes.
func diskUsage(t *testing.T, dir string) (bytes, inodes int64) {
	t.Helper()
	seen := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st := info.Sys().(*syscall.Stat_t); !seen[st.Ino] {
			seen[st.Ino] = true
			bytes += st.Blocks * 512
			inodes++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes, inodes
}

// What is freed is what du tells before and after, links and directories too.
// A dry run says the same.
func TestFreedIsWhatDuSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		args []string
	}{
		"garbage of every kind": {killText(8), []string{"gc", "-m"}},
		"an image":              {killText(4), []string{"rm", "h/hist:v2"}},
		"a repository":          {killText(4), []string{"rm", "--repository", "r1/app"}},
		"hard links":            {"image a:v1 as=x\norphan as=o size=100k\norphan as=p size=100k\nremove blobs/sha256/{xx:p}/{p}/data", []string{"gc"}},
		"nothing":               {"image a:v1 as=x", []string{"gc"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.text)
			if name == "hard links" {
				if err := os.Link(s.Path("o"), s.Path("p")); err != nil {
					t.Skip(err)
				}
			}
			var reports [2]struct {
				Freed struct{ DiskBytes, Inodes int64 }
			}
			args := append(c.args, "--root", s.Root, "-o", "json", "--index", "none")
			bytes, inodes := diskUsage(t, s.Root)
			for i, more := range []string{"--dry-run", "--yes"} {
				r := runProgram(t, "", append(args, more)...)
				if err := json.Unmarshal([]byte(r.stdout), &reports[i]); err != nil {
					t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
				}
			}
			left, leftInodes := diskUsage(t, s.Root)
			dry, run := reports[0].Freed, reports[1].Freed
			if run.DiskBytes != bytes-left || run.Inodes != inodes-leftInodes {
				t.Errorf("it says %+v, du %d bytes and %d inodes", run, bytes-left, inodes-leftInodes)
			}
			if off := dry.DiskBytes - run.DiskBytes; max(off, -off) > max(run.DiskBytes/10, 16384) {
				t.Errorf("the dry run says %+v, the run %+v", dry, run)
			}
		})
	}
}

// What is gone counts as removed, though its directory could not be removed.
// Each failure has its name and a line, at most twenty of a kind.
func TestGoneIsRemovedThoughItsDirectoryStays(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 as=x\n"+strings.Repeat("orphan size=1k\n", 30))
	files := &disk.FS{Fault: func(op disk.Op, path string) error {
		if op == disk.OpRmdir {
			return unix.EPERM
		}
		return nil
	}}
	var out, errs strings.Builder
	p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: files}
	if status := p.main([]string{"gc", "--root", s.Root, "-o", "json", "-q"}); status != statusFailed {
		t.Errorf("status %d", status)
	}
	var rep struct {
		Removed struct{ Blobs int64 }
		Failed  struct{ Items int64 }
	}
	if err := json.Unmarshal([]byte(out.String()), &rep); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &errs)
	}
	if rep.Removed.Blobs != 30 || rep.Failed.Items != 0 {
		t.Errorf("removed %+v, failed %+v", rep.Removed, rep.Failed)
	}
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	named := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "regsweep: blobs/sha256/") {
			named++
		}
	}
	if named != 20 || !strings.Contains(errs.String(), "regsweep: and 10 more: ") || !strings.Contains(errs.String(), "30 items") {
		t.Errorf("%d named:\n%s", named, &errs)
	}
}

// A problem that the run itself removes is cured, and no reason for status 3; a
// link to nothing that it removes is none.
func TestProblemsAreThoseAfterTheRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text   string
		args   []string
		status int
		want   string // KIND and whether it is cured
	}{
		"a dangling tag":            {"image a:old as=x\nimage a:v1 as=y\ndelete-manifest a x\ntag a:old x", []string{"gc"}, 0, "danglingTag true"},
		"a dangling layer link":     {"image a:v1 as=x\nlayer a l\ndamage missing blob l", []string{"gc"}, 0, ""},
		"one that stays":            {"image a:v1 as=x\nlayer a l\ndamage missing blob l\nimage b:v1 as=y", []string{"rm", "b:v1"}, 3, "missingBlob false"},
		"an image that lacks":       {"image a:v1 layers=l as=x\nimage a:v2 as=y\ndamage missing blob l", []string{"rm", "a:v1"}, 0, ""},
		"one of two that lack":      {"image a:v1 layers=l as=x\nimage a:v2 layers=l as=y\ndamage missing blob l", []string{"rm", "a:v1"}, 3, "missingBlob false"},
		"a repository nested in it": {"image a/b:v1 layers=l as=x\nmkdir repositories/a/_uploads\ndamage missing blob l\nimage c:v1 as=y", []string{"gc", "--grace", "0"}, 3, "missingBlob false"},
	} {
		for _, more := range []string{"--dry-run", "--yes"} {
			t.Run(name+" "+more, func(t *testing.T) {
				t.Parallel()
				s := newStore(t, "age 30d\n"+c.text)
				r := runProgram(t, "", append(c.args, "--root", s.Root, "-o", "json", more)...)
				if r.status != c.status {
					t.Errorf("status %d, want %d\n%s%s", r.status, c.status, r.stdout, r.stderr)
				}
				conforms(t, "report", r.stdout)
				var rep struct {
					Problems []struct {
						Kind  string
						Cured bool
					}
				}
				if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, p := range rep.Problems {
					got = append(got, fmt.Sprint(p.Kind, " ", p.Cured))
				}
				same(t, "the problems", c.want, strings.Join(got, "\n"))
			})
		}
	}
}
