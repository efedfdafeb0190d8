package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// A file that cannot be written in the end stops nothing: it is said, and the
// status is 1.
func TestReportFileThatCannotBeWrittenStopsNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	dir := filepath.Join(t.TempDir(), "reports")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := &filing{path: filepath.Join(dir, "a.json"), command: "gc", result: map[string]int{}}
	if err := os.Remove(dir); err != nil { // while the run was going on
		t.Fatal(err)
	}
	if err := f.finish(nil, true); err == nil || !strings.Contains(err.Error(), "--report") {
		t.Errorf("the error is %v", err)
	}
	if r := runProgram(t, "", "gc", "--root", s.Root, "--report", filepath.Join(dir, "a.json")); r.status != statusFailed || !s.Has("o") {
		t.Errorf("status %d, and the blob is there: %v", r.status, s.Has("o"))
	}
}

// An answer of no is no failure, and the report says that nothing went.
func TestReportFileAfterARefusalSaysThatNothingWent(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=5k")
	file := filepath.Join(t.TempDir(), "a.json")
	r := runProgram(t, "", "gc", "--root", s.Root, "--max-remove", "0", "--report", file)
	text := readFile(t, file)
	conforms(t, "report", text)
	if r.status != statusFailed || !strings.Contains(text, `"error"`) {
		t.Errorf("status %d: %s", r.status, text)
	}
	if strings.Contains(text, `"removed": {`) && !strings.Contains(strings.Split(strings.Split(text, `"removed": {`)[1], "}")[0], `"blobs": 0`) {
		t.Errorf("it says that something was removed: %s", text)
	}
}

// A store that cannot be read in full fails the run, and the file says of each
// path why; so does a run that is stopped.
func TestReportFileOfARunThatFails(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=5k")
	for _, ending := range []string{endJSON, endHTML, endProm} {
		file := filepath.Join(t.TempDir(), "report"+ending)
		files := &disk.FS{Fault: func(op disk.Op, path string) error {
			if strings.HasSuffix(path, "_manifests") {
				return syscall.EIO
			}
			return nil
		}}
		var errs lines
		p := &program{in: strings.NewReader(""), out: &lines{}, voice: &term.Voice{W: &errs}, files: files}
		if status := p.main([]string{"gc", "--root", s.Root, "--report", file}); status != statusFailed || !s.Has("o") {
			t.Fatalf("status %d: %s", status, errs.String())
		}
		text := readFile(t, file)
		switch ending {
		case endJSON:
			conforms(t, "report", text)
			if !strings.Contains(text, `"error": "`) || !strings.Contains(text, `"kind": "ioError"`) || strings.Contains(text, `"dryRun": true`) {
				t.Errorf("it lacks the error: %s", text)
			}
		case endHTML:
			if d := parsePage(t, text); !strings.Contains(d.textOf("error"), "cannot be read") || len(d.rows("problems")) == 0 {
				t.Errorf("it lacks the error: %q", d.textOf("error"))
			}
		case endProm:
			if strings.Contains(text, `kind="ioError"} 0`) || !strings.Contains(text, "last_run_success{") || strings.Contains(text, "store_bytes") {
				t.Errorf("it lacks the problem: %s", text)
			}
		}
	}
}

// A command that makes no report takes none, and one that only lists problems has those.
func TestReportFileOfOtherCommands(t *testing.T) {
	t.Parallel()
	c := common{reportFile: "a.prom"}
	for want, known := range map[string][]string{
		"--report: this command makes no report": nil,
		`--report "a.prom" has another ending`:   {endJSON},
		"":                                       {endJSON, endProm},
	} {
		got := ""
		if err := c.verifyReport(known...); err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%v: %q", known, got)
		}
	}
	file := filepath.Join(t.TempDir(), "check.prom")
	f := &filing{path: file, command: "check", lists: true, result: problemsOnly{{Kind: walker.HalfTag}}}
	if err := f.finish(nil, true); err != nil {
		t.Fatal(err)
	}
	failed := &filing{path: file + endProm, command: "check", lists: true}
	if err := failed.finish(errors.New("it could not be read"), false); err != nil {
		t.Fatal(err)
	}
	if text := readFile(t, file+endProm); !strings.Contains(text, `last_run_success{command="check",dry_run="false",root=""} 0`) {
		t.Errorf("the metrics of a failure are %s", text)
	}
	text := readFile(t, file)
	if !strings.Contains(text, `kind="halfTag"} 1`) || !strings.Contains(text, `kind="ioError"} 0`) || strings.Contains(text, "store_") {
		t.Errorf("the metrics are %s", text)
	}
}

type problemsOnly []walker.Problem

func (p problemsOnly) ProblemList() []walker.Problem { return p }

// With -q nothing is printed, and the file is written all the same.
func TestReportFileIsWrittenWithQuiet(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	file := filepath.Join(t.TempDir(), "a.html")
	r := runProgram(t, "", "gc", "-q", "-d", "--root", s.Root, "--report", file)
	if r.status != 0 || r.stdout != "" || r.stderr != "" || !strings.Contains(readFile(t, file), "<title>") {
		t.Errorf("status %d, %q, %q", r.status, r.stdout, r.stderr)
	}
}
