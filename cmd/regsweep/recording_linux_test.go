package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// recordedWidths are those of the terminals that every recording is made on.
var recordedWidths = []uint16{80, 120, 200}

// plainWidth is that of the terminal whose user wants no colours.
const plainWidth = 120

// record runs commands on terminals of several widths, with all streams on the
// terminal, and compares what stands there in the end with
// testdata/terminal/NAME.txt; -update writes that. Times and paths, which change,
// are replaced, colours are shown.
//
// A command is a line as people type it, without "regsweep". {NAME} is a digest,
// {RUN} the first run in the trash and {DIR} a directory for files. " < ANSWER" is
// what is typed, and " = N" the exit status, if it is not 0; "any" is any. A line is wider than
// its terminal only if it is a command or a single word. build makes the store at
// a path; it is called for each terminal, so that commands may change it.
func record(t *testing.T, name, build string, commands ...string) {
	t.Helper()
	var text strings.Builder
	for _, width := range recordedWidths {
		r := &recording{width: width, s: recordedAt(t, build), dir: steadyDir(t)}
		if width == plainWidth {
			r.environ = []string{"NO_COLOR=1"}
		}
		for _, command := range commands {
			fmt.Fprintf(&text, "== regsweep %s on %d columns\n%s\n", command, width, r.steady(r.run(t, command)))
		}
	}
	file := filepath.Join("testdata", "terminal", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(readFile(t, file), "\n"), strings.Split(text.String(), "\n")); diff != "" {
		t.Errorf("the terminal shows something else than %s (-recorded +shown); go test -run %s -update writes it anew\n%s", file, t.Name(), diff)
	}
}

// steadyDir is a new directory whose name has always the same length: where a
// line is folded depends on that.
func steadyDir(t *testing.T) string {
	t.Helper()
	for n := os.Getpid(); ; n++ {
		dir := fmt.Sprintf("/tmp/regsweep-%07d", n%1e7)
		err := os.Mkdir(dir, 0o755)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
}

// recordedAt makes a store, in memory where that is possible: directories take
// no room there.
func recordedAt(t *testing.T, text string) *layouttest.Store {
	t.Helper()
	dir := steadyDir(t)
	if os.Getuid() == 0 && exec.Command("mount", "-t", "tmpfs", "-o", "mode=755", "regsweep-test", dir).Run() == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", dir, err)
			}
		})
	}
	return build(t, dir, text)
}

// recording is a session on one terminal.
type recording struct {
	width   uint16
	environ []string
	s       *layouttest.Store
	dir     string
	run1    string // in the trash
}

// run runs a command, and returns what is on the terminal then.
func (r *recording) run(t *testing.T, command string) string {
	t.Helper()
	command, wanted, _ := strings.Cut(command, " = ")
	command, answer, _ := strings.Cut(command, " < ")
	status, _ := strconv.Atoi(wanted)
	screen := newTerminal(t)
	if err := unix.IoctlSetWinsize(int(screen.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: r.width}); err != nil {
		t.Fatal(err)
	}
	p := &program{in: screen.tty, out: screen.tty, voice: &term.Voice{W: screen.tty}, environ: r.environ}
	done := make(chan int, 1)
	go func() { done <- p.main(r.args(t, command)) }()
	if answer != "" {
		screen.until(t, "[y/N] ", done)
		if _, err := screen.user.WriteString(answer + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	got := <-done
	if wanted == "any" {
		status = got
	}
	if got != status {
		t.Errorf("%q: status %d: %s", command, got, screen.seen())
	}
	if _, err := screen.tty.WriteString("\nEND\n"); err != nil {
		t.Fatal(err)
	}
	screen.until(t, "\r\nEND\r\n", nil)
	shown, _, _ := strings.Cut(screen.seen(), "\r\nEND\r\n")
	shown = onScreen(shown)
	r.judge(t, command, shown, status)
	return shown
}

// args are the words of a command.
func (r *recording) args(t *testing.T, command string) []string {
	t.Helper()
	if strings.Contains(command, "{RUN}") {
		r.run1, _, _ = strings.Cut(runProgram(t, "", "trash", "ls", "-q", "--root", r.s.Root).stdout, "\n")
	}
	args := shellWords(t, command)
	for i := range args {
		args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "{RUN}", r.run1), "{DIR}", r.dir)
		for _, n := range r.s.Names() {
			args[i] = strings.ReplaceAll(args[i], "{"+n+"}", r.s.Digest(n).String())
		}
	}
	return append(args, "--root", r.s.Root)
}

var escapeCode = regexp.MustCompile("\x1b\\[[0-9;]*m")

// onScreen is what stands on a terminal after a text was written to it: after a
// carriage return a line is written over.
func onScreen(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = lineOnScreen(line)
	}
	return strings.Join(lines, "\n")
}

func lineOnScreen(line string) string {
	var cells []string
	at := 0
	for len(line) > 0 {
		code := line[:term.CodeLength(line)]
		line = line[len(code):]
		_, size := utf8.DecodeRuneInString(line)
		letter := line[:size]
		line = line[size:]
		switch {
		case letter == "\r" || letter == "":
			if at > 0 {
				cells[at-1] += code
			}
			at = 0
			continue
		case at < len(cells):
			cells[at] = code + letter
		default:
			cells = append(cells, code+letter)
		}
		at++
	}
	return strings.TrimRight(strings.Join(cells, ""), " ")
}

// steady replaces what changes from run to run, by as many characters where a
// line with it may be folded.
func (r *recording) steady(shown string) string {
	shown = strings.NewReplacer(r.s.Root, "ROOT", r.dir, "DIR").Replace(shown)
	for _, change := range []struct{ from, to string }{
		{`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?`, "YYYY-MM-DD hh:mm"},
		{`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z`, "YYYY-MM-DDThh:mm:ssZ"},
		{`[0-9]{8}T[0-9]{6}(\.[0-9]+)?Z`, "YYYYMMDDThhmmssZ"},
		{`\bin [0-9.]+(µs|ms|s)\b`, "in SECONDS"},
		{`\b[0-9.]+ [KMG]?i?B/s`, "SPEED"},
		{`free space: .* before, (about )?.* after`, "free space: N before, ${1}N after"},
	} {
		shown = regexp.MustCompile(change.from).ReplaceAllString(shown, change.to)
	}
	return colourNames.Replace(aboutMachine.ReplaceAllString(shown, ""))
}

// aboutMachine is what doctor says of the machine.
var aboutMachine = regexp.MustCompile(`(?m)^(\x1b\[\d+m)?(ok|warning|error) +(\x1b\[0m)?(root|mount|rights|blocks|inodes|filesystem|configuration|clock|cache|readOnly|registry): .*\n( {9}.*\n)*|^(\x1b\[1m)?(no errors|\d+ errors?), \d+ warnings?(\x1b\[0m)?$`)

var colourNames = strings.NewReplacer("\x1b[0m", "[/]", "\x1b[1m", "[bold]", "\x1b[2m", "[dim]", "\x1b[31m", "[red]", "\x1b[32m", "[green]", "\x1b[33m", "[yellow]", "\x1b", "^[")
