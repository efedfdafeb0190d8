package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/outfile"
)

// writeTo writes a file as a flag does.
func writeTo(t *testing.T, path, text string) error {
	t.Helper()
	d, err := outfile.Open("--plan", path, t.TempDir())
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Write(func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

// What is there under the file's name is there until the new one is complete.
func TestFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, strings.Repeat("n", 250)+".json")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := writeTo(t, file, "new"); err != nil {
		t.Fatal(err)
	}
	same(t, "the file", "new", readFile(t, file))
	before, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what a reader has open", "old", string(before))
	isAlone(t, dir, 1)
}

// A symbolic link stays, and what it names is written: a file that is there,
// one that is not, through several links, relative ones too.
func TestFileBehindASymbolicLinkIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sub := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(dir, "b", "target")
	for link, to := range map[string]string{"a/one": "two", "a/two": "../b/three", "b/three": target} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	for _, text := range []string{"first", "second"} {
		if err := writeTo(t, filepath.Join(dir, "a", "one"), text); err != nil {
			t.Fatal(err)
		}
		same(t, "what the link names", text, readFile(t, target))
	}
	for _, link := range []string{"a/one", "a/two", "b/three"} {
		if _, err := os.Readlink(filepath.Join(dir, link)); err != nil {
			t.Error(err)
		}
	}
	isAlone(t, filepath.Join(dir, "b"), 2)
}

// What cannot be written in the end is refused before anything is done.
func TestFileThatCannotBeWrittenIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	dir := t.TempDir()
	loop, folder, below := filepath.Join(dir, "loop"), filepath.Join(dir, "folder.json"), filepath.Join(dir, "below.json")
	if err := os.Symlink(loop, loop); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(filepath.Join(s.Root, "docker/registry/v2/blobs/r.json"), below); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{loop, folder, link, below, filepath.Join(dir, "nowhere", "r.json")} {
		if r := runProgram(t, "", "gc", "--root", s.Root, "--dry-run", "--plan", file); r.status != statusFailed || r.stdout != "" {
			t.Errorf("--plan %s: status %d\n%s%s", file, r.status, r.stdout, r.stderr)
		}
		if !strings.HasSuffix(file, ".json") {
			continue
		}
		if r := runProgram(t, "", "gc", "--root", s.Root, "--report", file); r.status != statusFailed || r.stdout != "" || !s.Has("o") {
			t.Errorf("--report %s: status %d, the blob is there: %v\n%s%s", file, r.status, s.Has("o"), r.stdout, r.stderr)
		}
	}
}

// A file keeps its mode.
func TestFileKeepsItsMode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "r.json")
	for _, mode := range []os.FileMode{0o600, 0o640, 0o666} {
		if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if err := writeTo(t, file, "new"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("the mode was %v and is %v, %v", mode, info.Mode(), err)
		}
	}
}

// isAlone fails if a directory has other than n names.
func isAlone(t *testing.T, dir string, n int) {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != n {
		t.Errorf("the directory has %v: %v", names, err)
	}
}

// Who no longer reads the result ends the run as a signal would, and a result
// that cannot be written fails it. The report's file is written in both cases.
func TestResultThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"nobody reads":     {syscall.EPIPE, 141, ""},
		"the disk is full": {syscall.ENOSPC, statusFailed, "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\norphan as=o")
			file := filepath.Join(t.TempDir(), "r.json")
			for _, format := range []string{"table", "json"} {
				var said strings.Builder
				p := &program{in: strings.NewReader(""), out: failingWriter{c.err}, voice: &term.Voice{W: &said}}
				if status := p.main([]string{"gc", "--root", s.Root, "--report", file, "-o", format}); status != c.status {
					t.Errorf("status %d, want %d: %s", status, c.status, &said)
				}
				if !strings.Contains(said.String(), c.says) || c.says == "" && strings.Contains(said.String(), "regsweep:") {
					t.Errorf("it says %s", &said)
				}
				conforms(t, "report", readFile(t, file))
			}
			if s.Has("o") {
				t.Error("the garbage is still there")
			}
		})
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
