//go:build linux

package main

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// documentedRoot is where the registry of the documents is.
const documentedRoot = "/var/lib/registry"

// scene is a sample registry, and a directory with the files that the documents speak of.
type scene struct {
	root, dir string
	columns   int // of the terminal that stdout is, or 0
}

func newScene(t *testing.T, store string) *scene {
	t.Helper()
	text, err := os.ReadFile(cmp.Or(storeFile(store), "../../testdata/sample.store"))
	if err != nil {
		t.Fatal(err)
	}
	// In memory, a sweep has not to wait for the disk that all others write to.
	s := &scene{root: build(t, memory(t), string(text)).Root, dir: t.TempDir()}
	if err := os.CopyFS(s.dir, os.DirFS("../../testdata/docs")); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// As regsweep, the test's own program is what the documents run.
	if err := os.Symlink(self, filepath.Join(s.dir, "bin", "regsweep")); err != nil {
		t.Fatal(err)
	}
	return s
}

func storeFile(store string) string {
	if store == "" {
		return ""
	}
	return "../../testdata/docs/" + store + ".store"
}

// run runs a command line, and returns what it says on stdout and stderr. Where
// stdout is a terminal, stderr comes after it.
func (s *scene) run(t *testing.T, command string) (lines []string, status int) {
	t.Helper()
	project, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", strings.ReplaceAll(command, documentedRoot, s.root))
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"), "HOME="+s.dir,
		"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="+s.root,
		"REGISTRY_CONFIGURATION_PATH="+filepath.Join(s.dir, "config.yml"), "PROJECT="+project)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var screen *terminal
	if s.columns > 0 {
		screen = newTerminal(t)
		if err := unix.IoctlSetWinsize(int(screen.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: uint16(s.columns)}); err != nil {
			t.Fatal(err)
		}
		cmd.Stdout, cmd.Stderr = screen.tty, &errs
	}
	err = cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if screen != nil {
		const end = "[end of output]\n"
		screen.tty.WriteString(end)
		screen.until(t, strings.TrimSpace(end)+"\r\n", nil)
		out.WriteString(strings.TrimSuffix(strings.ReplaceAll(screen.seen(), "\r", ""), end))
	}
	text := strings.ReplaceAll(out.String()+errs.String(), s.root, documentedRoot)
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil, status
	}
	return strings.Split(text, "\n"), status
}

// What differs from run to run, and what stands for it.
var varies = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ?)?`), "TIME"},
	{regexp.MustCompile(`\d{8}T\d{6}(\.\d+)?Z?`), "TIME"},
	{regexp.MustCompile(`free space: .*`), "free space: ..."},
	{regexp.MustCompile(`"free(Before|After)": ?\d+`), `"free$1":N`},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|µs|us|s)\b`), "SECONDS"},
	{regexp.MustCompile(`"elapsedSeconds": ?[0-9.e-]+`), `"elapsedSeconds":N`},
	{regexp.MustCompile(`go1\.\S+ \S+/\S+`), "GO"},
	{regexp.MustCompile(`^regsweep (\(devel\)|v?[0-9a-f.]+\S*)$`), "regsweep VERSION"},
	{regexp.MustCompile(`^commit (unknown|[0-9a-f]+)$`), "commit COMMIT"},
	{regexp.MustCompile(`/tmp/\S*`), "TEMPORARY"},
	{regexp.MustCompile(` +$`), ""},
}

func normal(lines []string) []string {
	lines = slices.Clone(lines)
	for i, line := range lines {
		for _, v := range varies {
			line = v.what.ReplaceAllString(line, v.as)
		}
		lines[i] = line
	}
	return lines
}

// pieces splits a documented output where it leaves lines out.
func pieces(lines []string) (list [][]string) {
	list = append(list, nil)
	for _, line := range lines {
		if line == "..." {
			list = append(list, nil)
			continue
		}
		list[len(list)-1] = append(list[len(list)-1], line)
	}
	return list
}

// matches reports whether a documented output is what was printed.
func matches(want, got []string) bool {
	rest := normal(got)
	list := pieces(normal(want))
	for i, piece := range list {
		at := find(rest, piece)
		last := i == len(list)-1
		if last && len(list) > 1 {
			at = len(rest) - len(piece)
		}
		if at < 0 || i == 0 && at > 0 || !slices.Equal(rest[at:at+len(piece)], piece) {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return len(rest) == 0 || len(list) > 1
}

// find is where a piece is in some lines, or -1.
func find(lines, piece []string) int {
	for at := 0; at+len(piece) <= len(lines); at++ {
		if slices.Equal(lines[at:at+len(piece)], piece) {
			return at
		}
	}
	return -1
}

// refit writes what was printed in the form of what was documented: of each
// piece as many lines, from the line that begins with the same words.
func refit(want, got []string) (fitted []string, ok bool) {
	list := pieces(want)
	if len(list) == 1 {
		return slices.Clone(got), true
	}
	rest := got
	for i, piece := range list {
		at := 0
		switch {
		case i == len(list)-1:
			at = len(rest) - len(piece)
		case i > 0:
			for words := 2; words > 0; words-- {
				at = slices.IndexFunc(rest, func(line string) bool { return beginning(line, words) == beginning(piece[0], words) })
				if at >= 0 {
					break
				}
			}
		}
		if i > 0 {
			fitted = append(fitted, "...")
		}
		if at < 0 || at+len(piece) > len(rest) {
			return nil, false
		}
		fitted = append(fitted, rest[at:at+len(piece)]...)
		rest = rest[at+len(piece):]
	}
	return fitted, true
}

// beginning is a line's first words.
func beginning(line string, words int) string {
	list := strings.Fields(line)
	return strings.Join(list[:min(words, len(list))], " ")
}
