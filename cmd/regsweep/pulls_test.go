package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// pulled is a line of a registry's access log about a pull.
func pulled(at time.Time, repository, reference string) string {
	return request(at, "/v2/"+repository+"/manifests/"+reference)
}

func request(at time.Time, path string) string {
	return fmt.Sprintf("10.0.0.7 - - [%s] \"GET %s HTTP/1.1\" 200 423 \"\" \"containerd/1.7.2\"\n", at.Format("02/Jan/2006:15:04:05 -0700"), path)
}

// days is so many days ago.
func days(n float64) time.Time { return time.Now().Add(-time.Duration(n * 24 * float64(time.Hour))) }

// writeLog writes a log and returns its name.
func writeLog(t testing.TB, file string, lines ...string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// daily are lines of every day for so long that are about a repository.
func daily(from int, repository string) string {
	var b strings.Builder
	for n := from; n >= 0; n-- {
		b.WriteString(request(days(float64(n)+0.01), "/v2/"+repository+"/tags/list"))
	}
	return b.String()
}

// pullsOf are the lines of the table: name, digest, age in days, count.
func pullsOf(t testing.TB, root string) (lines []string) {
	t.Helper()
	r := runProgram(t, "", "pulls", "ls", "--root", root, "-o", "json")
	if r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	var v pullsResult
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatal(err)
	}
	lines = []string{}
	for _, l := range v.Pulls {
		last, err := time.Parse(time.RFC3339, l.Last)
		if err != nil {
			t.Fatal(err)
		}
		digest := "-"
		if l.Digest != "" {
			digest = l.Digest[:len("sha256:")+4]
		}
		lines = append(lines, fmt.Sprintf("%s:%s %s %.0f %d", l.Repository, l.Tag, digest, time.Since(last).Hours()/24, l.Count))
	}
	return lines
}

func TestPullsReadMergesLogs(t *testing.T) {
	s := newStore(t, "age 90d\nimage a:v1 as=one\nimage a:v2 as=two")
	dir := t.TempDir()
	read := func(want string, lines ...string) {
		t.Helper()
		r := runProgram(t, "", "pulls", "read", "--root", s.Root, writeLog(t, filepath.Join(dir, "access.log"), lines...))
		if r.status != statusDone || !strings.Contains(r.stdout, want) {
			t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
		}
	}
	one := s.Digest("one").String()
	read("3 lines: 2 used, 1 ignored, 0 unreadable", pulled(days(10), "a", "v1"), pulled(days(9), "a", one), request(days(8), "/v2/"))
	read("2 lines: 2 used, 0 ignored, 0 unreadable", pulled(days(6), "a", "v1"), pulled(days(5), "a", "v2"))
	short := func(name string) string { return s.Digest(name).String()[:len("sha256:")+4] }
	want := []string{"a: " + short("one") + " 9 1", "a:v1 " + short("one") + " 6 2", "a:v2 " + short("two") + " 5 1"}
	if diff := cmp.Diff(want, pullsOf(t, s.Root)); diff != "" {
		t.Error(diff)
	}
	r := runProgram(t, "", "pulls", "ls", "--root", s.Root)
	if strings.Count(r.stdout, "logs cover") != 1 || !strings.Contains(r.stdout, "REPOSITORY  TAG  DIGEST") {
		t.Error(r.stdout)
	}
	if r := runProgram(t, "", "pulls", "ls", "--root", s.Root, "-q"); r.stdout != "a@"+one+"\na:v1\na:v2\n" {
		t.Error(r.stdout)
	}
	if r := runProgram(t, "", "pulls", "ls", "--root", s.Root, "-o", "tsv"); !strings.HasPrefix(r.stdout, "repository\ttag\tdigest\tlast\tcount\na\t\t"+one+"\t") {
		t.Error(r.stdout)
	}
}

func TestPullsReadOfWhatIsNoLog(t *testing.T) {
	s := newStore(t, "age 90d\nimage a:v1 as=one")
	dir := t.TempDir()
	log := writeLog(t, filepath.Join(dir, "access.log"), pulled(days(1), "a", "v1"))
	none := writeLog(t, filepath.Join(dir, "none.log"), "This is no log.\n")
	for name, c := range map[string]struct {
		files          []string
		status         int
		stderr, stdout string
		pulls          int
	}{
		"no log":                      {[]string{none}, statusFailed, "no line of it is a request", "", 0},
		"an empty file":               {[]string{writeLog(t, filepath.Join(dir, "empty.log"))}, statusFailed, "no line of it is a request", "", 0},
		"one of two":                  {[]string{none, log}, statusFailed, "no line of it is a request", "1 used", 1},
		"a file that is not there":    {[]string{log, filepath.Join(dir, "gone")}, statusFailed, "gone", "1 used", 1},
		"a directory":                 {[]string{dir}, statusFailed, "it is a directory", "", 0},
		"another registry's":          {[]string{writeLog(t, filepath.Join(dir, "other.log"), pulled(days(1), "b", "v1"))}, statusDone, "names a repository of this store", "0 used", 0},
		"lines that cannot be":        {[]string{writeLog(t, filepath.Join(dir, "times.log"), pulled(days(-1), "a", "v1"), pulled(days(91), "a", "v1"), pulled(days(3), "a", "v1"))}, statusDone, "2 lines cannot be read", "1 used, 0 ignored, 2 unreadable", 1},
		"nothing":                     {nil, statusUsage, "which logs", "", 0},
		"standard input twice":        {[]string{"-", "-"}, statusUsage, "once", "", 0},
		"a name that is empty":        {[]string{""}, statusUsage, "empty", "", 0},
		"standard input, without any": {[]string{"-"}, statusFailed, "no line of it is a request", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_ = os.Remove(filepath.Join(s.Dir, sweep.PullsPath))
			r := runProgram(t, "", append([]string{"pulls", "read", "--root", s.Root}, c.files...)...)
			if r.status != c.status || !strings.Contains(r.stderr, c.stderr) || !strings.Contains(r.stdout, c.stdout) {
				t.Errorf("status %d: %s%s", r.status, r.stdout, r.stderr)
			}
			if got := pullsOf(t, s.Root); len(got) != c.pulls {
				t.Errorf("pulls: %q", got)
			}
		})
	}
}

// A damaged table refuses, and is not written over.
func TestPullsOfADamagedTable(t *testing.T) {
	s := newStore(t, "age 90d\nimage a:v1 as=one")
	log := writeLog(t, filepath.Join(t.TempDir(), "access.log"), pulled(days(1), "a", "v1"))
	if r := runProgram(t, "", "pulls", "read", "--root", s.Root, log); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	file := filepath.Join(s.Dir, sweep.PullsPath)
	text := readFile(t, file)
	writeLog(t, file, text[:len(text)-5])
	for _, args := range [][]string{{"pulls", "ls"}, {"pulls", "read", log}} {
		r := runProgram(t, "", append(args, "--root", s.Root)...)
		if r.status != statusFailed || !strings.Contains(r.stderr, "damaged") {
			t.Errorf("%q: status %d: %s", args, r.status, r.stderr)
		}
	}
	if got := readFile(t, file); got != text[:len(text)-5] {
		t.Errorf("it has been written over: %s", got)
	}
}

// While another run has the lock, pulls read waits.
func TestPullsReadWaitsForTheLock(t *testing.T) {
	t.Parallel()
	s := newStore(t, "age 90d\nimage a:v1 as=one")
	log := writeLog(t, filepath.Join(t.TempDir(), "access.log"), pulled(days(1), "a", "v1"))
	store, err := new(disk.FS).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lock, err := store.Lock()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan result, 1)
	go func() { done <- runProgram(t, "", "pulls", "read", "--root", s.Root, log) }()
	select {
	case r := <-done:
		t.Errorf("it has not waited: status %d: %s", r.status, r.stderr)
	case <-time.After(time.Second):
	}
	lock.Release()
	if r := <-done; r.status != statusDone || !strings.Contains(r.stderr, "waiting") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	if got := pullsOf(t, s.Root); len(got) != 1 {
		t.Errorf("pulls: %q", got)
	}
}
