// Package deploy tests what is in deploy/ with the tools of those who read such
// files: it has no code of its own.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/program"
)

const project = "../.."

// build makes the binary once, static as in a release.
var build = sync.OnceValues(func() (string, error) {
	if path, err := program.Given(); path != "" || err != nil {
		return path, err
	}
	path := filepath.Join(buildDir, "regsweep")
	return path, program.Build(project, path)
})

var buildDir string

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, "regsweep-deploy", func(dir string) { buildDir = dir }))
}

func regsweep(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// read is the text of a file of the project.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(project, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// file is the text of any file.
func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	check(t, err)
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	check(t, os.WriteFile(name, []byte(text), 0o644))
}

// check ends the test if something has failed that it needs.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contains fails the test if a text lacks another.
func contains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s does not say %q:\n%.2000s", what, part, text)
	}
}

// run runs a program, which has to succeed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// accepted fails the test if regsweep does not know a command line: with --help
// it reads the flags and does nothing.
func accepted(t *testing.T, where string, args []string) {
	t.Helper()
	if len(args) == 0 {
		t.Errorf("%s has no command", where)
		return
	}
	if out, err := exec.Command(regsweep(t), append(args, "--help")...).CombinedOutput(); err != nil {
		t.Errorf("%s: regsweep %s: %v\n%s", where, strings.Join(args, " "), err, out)
	}
}

// glob are the files of a pattern in the project; there has to be one.
func glob(t *testing.T, patterns ...string) (files []string) {
	t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(project, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(found))
		}
		files = append(files, found...)
	}
	return files
}
