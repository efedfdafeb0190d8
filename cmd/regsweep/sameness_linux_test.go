package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// asker is a command that asks before it changes the store.
type asker struct {
	args func(t *testing.T, s *layouttest.Store) []string
	// goesAhead says that it removes only what nothing references, and needs
	// nobody's consent where there is no terminal.
	goesAhead bool
	// outcome is the last line of what it prints.
	outcome string
}

// askers are all commands that ask. The store has an image a/b:v1, another one in
// the trash, one that was deleted through the API, and a blob that nothing needs.
func askers() map[string]asker {
	args := func(args ...string) func(*testing.T, *layouttest.Store) []string {
		return func(*testing.T, *layouttest.Store) []string { return args }
	}
	return map[string]asker{
		"gc":    {args: args("gc"), goesAhead: true, outcome: `^freed .* left$`},
		"rm":    {args: args("rm", "a/b:v1"), outcome: `^freed .* left$`},
		"untag": {args: args("untag", "a/b:v1"), outcome: `^freed .* left$`},
		"prune": {args: args("prune", "--filter", "a/b:v1", "--ago", "1d"), outcome: `^freed .* left$`},
		"apply": {args: plannedRemoval, outcome: `^freed .* left$`},
		"tag":   {args: args("tag", "a/b:v1", "v2", "--force"), outcome: `a/b:v2`},
		"repair": {args: func(t *testing.T, s *layouttest.Store) []string {
			s.MustApply(t, "damage zero layer a/b l1")
			return []string{"repair"}
		}, outcome: `^repaired 1 finding; 0 left$`},
		"undelete": {args: func(_ *testing.T, s *layouttest.Store) []string {
			return []string{"undelete", "a/b@" + s.Digest("gone").String()}
		}, outcome: `^(would be )?brought back: \d+ images? \(.*\)$`},
		"trash restore": {args: func(t *testing.T, s *layouttest.Store) []string {
			return []string{"trash", "restore", strings.TrimSpace(runProgram(t, "", "trash", "ls", "-q", "--root", s.Root).stdout)}
		}, outcome: `^put back: \d+ items? \(.*\)$`},
		"trash empty": {args: args("trash", "empty"), outcome: `^removed for good: \d+ items? \(.*\)$`},
	}
}

// plannedRemoval is apply with a plan that removes an image.
func plannedRemoval(t *testing.T, s *layouttest.Store) []string {
	t.Helper()
	plan := filepath.Join(t.TempDir(), "plan.txt")
	if r := runProgram(t, "", "rm", "a/b:v1", "-d", "--plan", plan, "--root", s.Root); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	return []string{"apply", plan}
}

func askedStore(t *testing.T) *layouttest.Store {
	t.Helper()
	s := build(t, memory(t), `age 10d
image a/b:v1 layers=l1 as=x
image a/b:v2 layers=l2 as=y
image a/b:old layers=l3 as=old
image a/b layers=l4 as=gone
delete-manifest a/b gone
orphan as=o size=9k`)
	if r := runProgram(t, "", "rm", "a/b:old", "--trash", "--yes", "--root", s.Root); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	return s
}

// All commands that ask do so alike: the same question to the same people, the
// same status for the same answer, the same words for what was not done, nothing
// on stdout before, and the outcome in the last line.
func TestCommandsThatAskAreAlike(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	const nobody, both, elsewhere, nowhere = "no terminal", "a terminal", "stderr elsewhere", "a terminal that cannot be opened"
	for name, asks := range askers() {
		for _, c := range []struct {
			name, terminal, answer string
			more                   []string
			status                 int
			changes                bool
		}{
			{"nobody to ask", nobody, "", nil, statusUsage, false},
			{"yes", both, "y\n", nil, statusDone, true},
			{"no", both, "n\n", nil, statusDone, false},
			{"end of input", both, "\x04", nil, statusDone, false},
			{"yes where stderr is elsewhere", elsewhere, "y\n", nil, statusDone, true},
			{"no where stderr is elsewhere", elsewhere, "n\n", nil, statusDone, false},
			{"a terminal that cannot be opened", nowhere, "", nil, statusUsage, false},
			{"--yes, quietly", nobody, "", []string{"--yes", "-q"}, statusDone, true},
			{"--yes on a terminal", both, "", []string{"--yes"}, statusDone, true},
			{"a dry run, quietly", nobody, "", []string{"--dry-run", "-q"}, statusDone, false},
			{"a dry run on a terminal", both, "", []string{"-n"}, statusDone, false},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				s := askedStore(t)
				args := append(append(asks.args(t, s), "--root", s.Root), c.more...)
				before := s.Snapshot(t)
				r := converse(t, args, c.terminal, c.answer)
				status, changes := c.status, c.changes
				if c.terminal == nobody && asks.goesAhead && c.more == nil {
					status, changes = statusDone, true
				}
				if r.status != status {
					t.Fatalf("status %d, want %d\n%s%s", r.status, status, r.stdout, r.stderr)
				}
				if changed := !maps.Equal(before, s.Snapshot(t)); changed != changes {
					t.Errorf("the store has changed: %v\n%s%s", changed, r.stdout, r.stderr)
				}
				judgeConversation(t, asks, c.answer, c.more, r, status, changes)
			})
		}
	}
}

func judgeConversation(t *testing.T, asks asker, answer string, more []string, r result, status int, changes bool) {
	t.Helper()
	quiet := strings.Contains(strings.Join(more, " "), "-q")
	if asked := strings.Contains(r.stderr, "? [y/N] "); asked != (answer != "") {
		t.Errorf("it asked: %v\n%s", asked, r.stderr)
	}
	switch {
	case quiet:
		if r.stdout+r.stderr != "" {
			t.Errorf("quietly it says\n%s%s", r.stdout, r.stderr)
		}
	case status == statusUsage:
		if r.stdout != "" || !strings.Contains(r.stderr, "give --yes, or look at what it would do with --dry-run") {
			t.Errorf("it says\n%s%s", r.stdout, r.stderr)
		}
	case answer != "" && !changes:
		if r.stdout != "" || !regexp.MustCompile(`(the answer was no|there was no answer): nothing has been (removed|put back|changed)\r?\n$`).MatchString(r.stderr) {
			t.Errorf("it says\n%s%s", r.stdout, r.stderr)
		}
	case changes:
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		if last := lines[len(lines)-1]; !regexp.MustCompile(asks.outcome).MatchString(last) {
			t.Errorf("the last line is %q, want %s\n%s", last, asks.outcome, r.stdout)
		}
	}
}

// converse runs the program for somebody who answers. What it says on the
// terminal counts as stderr.
func converse(t *testing.T, args []string, where, answer string) result {
	t.Helper()
	var out, errs bytes.Buffer
	if where == "no terminal" {
		p := &program{in: strings.NewReader(""), out: &out, voice: &term.Voice{W: &errs}}
		status := p.main(args)
		return result{status: status, stdout: out.String(), stderr: errs.String()}
	}
	screen := newTerminal(t)
	p := &program{in: screen.tty, out: &out, voice: &term.Voice{W: screen.tty}}
	if where != "a terminal" {
		p.voice.W = &errs
		p.openTerminal = func() (*os.File, error) {
			if where != "stderr elsewhere" {
				return nil, os.ErrPermission
			}
			return os.OpenFile(screen.tty.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
		}
	}
	done := make(chan int, 1)
	go func() { done <- p.main(args) }()
	if answer != "" {
		screen.until(t, "[y/N]", done)
		if _, err := screen.user.WriteString(answer); err != nil {
			t.Fatal(err)
		}
	}
	status := <-done
	if _, err := screen.tty.WriteString("END\n"); err != nil {
		t.Fatal(err)
	}
	screen.until(t, "END\r\n", nil)
	shown, _, _ := strings.Cut(screen.seen(), "END\r\n")
	// The terminal shows what is typed, too.
	shown = strings.ReplaceAll(strings.ReplaceAll(shown, "[y/N] "+strings.TrimSpace(answer)+"\r\n", "[y/N] \n"), "\r\n", "\n")
	if where == "stderr elsewhere" {
		return result{status: status, stdout: out.String(), stderr: shown}
	}
	return result{status: status, stdout: out.String(), stderr: errs.String() + shown}
}
