package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// nameless is a message in which nothing stands where the name of something should.
var nameless = regexp.MustCompile(`(?m)(^|[ :(])(open|list|stat|lstat|read|lock|touch|rename|unlink|remove|rmdir|sync|mkdir|write|link|mount) :|: :|"path": ?""`)

// failingCommands are command lines that reach what a command reads and writes.
var failingCommands = [][]string{
	{"gc", "-m", "--older-than", "0", "-y", "-v"},
	{"gc", "-m", "--older-than", "0", "-y", "--trash"},
	{"gc", "--dry-run", "-o", "json"},
	{"rm", "-y", "a:v1"},
	{"rm", "-y", "--repository", "b"},
	{"untag", "-y", "a:v1"},
	{"prune", "--filter", "a:.*", "--ago", "1d", "--keep", "1", "-y"},
	{"check", "--read-data", "-o", "json"},
	{"ls"},
	{"ls", "a", "--history"},
	{"why", "a:v1"},
	{"repair", "-y"},
	{"undelete", "-y", "--all", "a"},
	{"tag", "a:v1", "new"},
	{"protect", "add", "a:v1"},
	{"protect", "ls"},
	{"doctor"},
	{"trash", "ls"},
	{"trash", "empty", "-y"},
	{"trash", "restore", "-y", "RUN"},
}

const namedStore = `age 40d
image a:v1 layers=l1 as=x
image a:v2 layers=l1,l2 as=y
image a layers=l4
image b:v1 layers=l3 as=z
image a:v3 layers=l5 as=w
delete-manifest a w
upload a kind=patched size=1k
orphan size=1k`

// errPlanted is what a call fails with.
var errPlanted = errors.New("planted trouble")

// Whatever call fails, in whatever command: what is said of it names the path, and
// the store's own directory has a name, too.
func TestErrorsNameWhatFailed(t *testing.T) {
	t.Parallel()
	type step struct {
		command []string
		n       int // the call that fails
		op      disk.Op
	}
	// One call for each kind of call on each kind of path: in which command counts little.
	var steps []step
	known := map[string]bool{}
	for _, command := range failingCommands {
		n := 0
		runNamed(t, command, func(op disk.Op, path string) error {
			kind := op.String() + " " + digits.ReplaceAllString(path, "N")
			if !known[kind] {
				known[kind] = true
				steps = append(steps, step{command, n, op})
			}
			n++
			return nil
		})
	}
	if len(steps) < 100 {
		t.Fatalf("only %d kinds of calls are made", len(steps))
	}
	var wait sync.WaitGroup
	turns := make(chan bool, 4)
	for _, i := range layouttest.Steps(len(steps)) {
		s := steps[i]
		turns <- true
		wait.Go(func() {
			defer func() { <-turns }()
			n, at := 0, ""
			root, said := runNamed(t, s.command, func(_ disk.Op, path string) error {
				if n++; n != s.n+1 {
					return nil
				}
				at = path
				return errPlanted
			})
			for line := range strings.Lines(said) {
				if nameless.MatchString(line) || strings.Contains(line, errPlanted.Error()) && !namesPath(line, at, root) {
					t.Errorf("%q: %s %q fails, and it says: %s", s.command, s.op, at, line)
				}
			}
		})
	}
	wait.Wait()
}

// digits are what differs among paths of a kind.
var digits = regexp.MustCompile(`[0-9a-f]{2,}|v[0-9]|repositories/[ab]`)

// between stands in a message between an item and what is below it.
var between = regexp.MustCompile(`: (it is removed, but a part of it is left: )?[a-z]+ `)

// runInTrash is a run's name in the trash, which has the time in it.
var runInTrash = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z-[a-z]+`)

// namesPath reports whether a line says which path it is about. In JSON the path is
// another line; doctor says in words what it asks for.
func namesPath(line, at, root string) bool {
	if strings.Contains(line, `"detail": `) || strings.HasPrefix(line, "error ") || strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "warning  ") {
		return true
	}
	if at == "" {
		return strings.Contains(line, root) || strings.Contains(line, " .: ") || strings.Contains(line, "own directory")
	}
	line, at = runInTrash.ReplaceAllString(line, "RUN"), runInTrash.ReplaceAllString(at, "RUN")
	return strings.Contains(line, at) || strings.Contains(between.ReplaceAllString(line, "/"), at)
}

// runNamed runs a command over a store of its own, and returns the store's root and
// all that was said.
func runNamed(t *testing.T, command []string, fault func(disk.Op, string) error) (root, said string) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := layouttest.Build(filepath.Join(dir, "store"), namedStore, layouttest.Options{})
	if err != nil {
		t.Error(err)
		return "", ""
	}
	args := append([]string{}, command...)
	if command[0] == "trash" {
		if r := runProgram(t, "", "rm", "--trash", "-y", "a:v1", "--root", s.Root); r.status != statusDone {
			t.Errorf("status %d: %s", r.status, r.stderr)
		}
		runs, _ := os.ReadDir(filepath.Join(s.Dir, ".regsweep", "trash"))
		if last := len(args) - 1; args[last] == "RUN" && len(runs) > 0 {
			args[last] = runs[0].Name()
		}
	}
	var out, errs strings.Builder
	p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}, files: &disk.FS{Fault: fault}, settling: 1}
	p.main(append(args, "--root", s.Root, "--jobs", "1", "--index", "none"))
	_ = os.RemoveAll(dir)
	return s.Root, errs.String() + out.String()
}

// What is given as an empty text is never opened: each command says which flag or
// argument is empty, or what it lacks.
func TestEmptyNamesAreRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t, "age 40d\nimage a:v1 layers=l1")
	absent := filepath.Join(t.TempDir(), "absent")
	arguments := map[string][]string{
		"apply": {absent}, "export": {"a:v1", absent}, "pulls read": {absent}, "man": {absent}, "policy check": {absent},
		"tag": {"a:v1", "new"}, "protect add": {"a:v1"}, "protect rm": {"a:v1"}, "rm": {"a:v1"}, "untag": {"a:v1"},
		"why": {"a:v1"}, "trash restore": {"run"}, "check": {"--merge", absent},
	}
	flags := map[string]int{}
	said := func(args ...string) {
		r := runProgram(t, "", args...)
		if text := r.stderr + r.stdout; nameless.MatchString(text) || strings.Contains(text, "no such file or directory") && !strings.Contains(text, "/") {
			t.Errorf("%q: status %d\n%s", args, r.status, text)
		}
	}
	eachCommand(func(cmd *cobra.Command) {
		if !cmd.Runnable() {
			return
		}
		name := strings.Join(strings.Fields(cmd.CommandPath())[1:], " ")
		words := strings.Fields(name)
		where := []string{"--root", s.Root}
		if cmd.Flag("root") == nil || name == "check" {
			where = nil
		}
		given := arguments[name]
		for i := range given {
			args := append(append([]string{}, words...), given...)
			if given[i] == "--merge" {
				continue
			}
			args[len(words)+i] = ""
			said(append(args, where...)...)
		}
		said(append(append(append([]string{}, words...), ""), where...)...)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "bool" || f.Value.Type() == "count" || flags[f.Name] > 1 {
				return
			}
			flags[f.Name]++ // what many commands have is one flag
			said(append(append(append([]string{}, words...), "--"+f.Name+"="), given...)...)
		})
	})
}
