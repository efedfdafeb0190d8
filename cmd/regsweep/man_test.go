package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/man"
)

// manPages writes all pages to a new directory and returns their paths.
func manPages(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "man1")
	if r := runProgram(t, "", "man", dir); r.status != 0 || r.stdout+r.stderr != "" {
		t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	pages, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// Every command that help lists has a page, with all of its flags, and no page
// says what help does not.
func TestManPages(t *testing.T) {
	t.Parallel()
	pages := manPages(t)
	for _, page := range pages {
		words := strings.Split(strings.TrimSuffix(filepath.Base(page), ".1"), "-")
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		help := runProgram(t, "", append(words[1:], "--help")...).stdout
		for flag := range strings.FieldsSeq(help) {
			if strings.HasPrefix(flag, "--") && flag != "--help" && strings.Contains(help, "Flags:") && strings.Contains(help, "      "+flag) &&
				!strings.Contains(string(text), `\fB`+man.Escape(flag)+`\fR`) {
				t.Errorf("%s has no %s", page, flag)
			}
		}
		for _, section := range []string{".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"} {
			if !strings.Contains(string(text), "\n"+section+"\n") {
				t.Errorf("%s has no %s", page, section)
			}
		}
	}
	for line := range strings.Lines(runProgram(t, "", "--help").stdout) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.HasPrefix(line, "  ") || strings.HasPrefix(name, "-") || name == "help" || name == "regsweep" || strings.ContainsAny(name, "0123456789") {
			continue
		}
		if !slices.ContainsFunc(pages, func(p string) bool { return filepath.Base(p) == "regsweep-"+name+".1" }) {
			t.Errorf("%s has no page", name)
		}
	}
}

func TestManToStdout(t *testing.T) {
	for name, args := range map[string][]string{
		"regsweep":                  nil,
		"regsweep\\-rm":             {"rm"},
		"regsweep\\-gc":             {"garbage-collect"},
		"regsweep\\-policy\\-check": {"policy", "check"},
	} {
		r := runProgram(t, "", append([]string{"man"}, args...)...)
		if r.status != 0 || !strings.HasPrefix(r.stdout, ".TH "+strings.ToUpper(name)+" 1 ") {
			t.Errorf("man %q: status %d: %.60q %s", args, r.status, r.stdout, r.stderr)
		}
	}
	first, again := runProgram(t, "", "man", "gc"), runProgram(t, "", "man", "gc")
	if diff := cmp.Diff(first.stdout, again.stdout); diff != "" {
		t.Errorf("a second time it differs: %s", diff)
	}
}

func TestManOfNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"man", "sweep"}, {"man", "gc", "now"}, {"man", "./a", "./b"}} {
		r := runProgram(t, "", args...)
		if left, _ := os.ReadDir("."); r.status != 2 || len(left) > 0 {
			t.Errorf("%q: status %d, %d files: %s", args, r.status, len(left), r.stderr)
		}
	}
}

// The pages are what those who check pages want.
func TestManPagesLint(t *testing.T) {
	t.Parallel()
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		if os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1" {
			t.Fatal(err)
		}
		t.Skip("this needs mandoc: apt-get install mandoc")
	}
	if out, err := exec.Command(mandoc, append([]string{"-T", "lint", "-W", "all"}, manPages(t)...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}
