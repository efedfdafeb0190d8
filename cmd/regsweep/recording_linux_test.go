package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// recordedWidths are those of the terminals that every recording is made on.
var recordedWidths = []uint16{80, 120, 200}

// record runs commands on terminals of several widths, with stdout and stderr on
// the terminal, and compares what was shown with testdata/terminal/NAME.txt; -update
// writes that. Times and the store's path, which change, are replaced, colours
// are shown. No line may be wider than its terminal. build makes the store; it
// is called for each terminal, so that commands may change it.
func record(t *testing.T, name string, build func(t *testing.T) *layouttest.Store, commands ...string) {
	t.Helper()
	var text strings.Builder
	for _, width := range recordedWidths {
		s := build(t)
		for _, command := range commands {
			shown := showOn(t, width, append(argumentsWithDigests(s, strings.Fields(command)), "--root", s.Root))
			checkWidth(t, command, shown, int(width))
			fmt.Fprintf(&text, "== regsweep %s on %d columns\n%s\n", command, width, steady(s, shown))
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

// argumentsWithDigests puts digests in the place of {NAME}.
func argumentsWithDigests(s *layouttest.Store, args []string) []string {
	for i := range args {
		for _, n := range s.Names() {
			args[i] = strings.ReplaceAll(args[i], "{"+n+"}", s.Digest(n).String())
		}
	}
	return args
}

// showOn runs the program on a terminal of a width, and returns what is on it.
func showOn(t *testing.T, width uint16, args []string) string {
	t.Helper()
	term := newTerminal(t)
	if err := unix.IoctlSetWinsize(int(term.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: width}); err != nil {
		t.Fatal(err)
	}
	p := &program{in: term.tty, out: term.tty, voice: &voice{w: term.tty}}
	// The live line of progress depends on how long things take.
	if status := p.main(append(args, "--progress", "none")); status != statusDone {
		t.Errorf("%q: status %d: %s", args, status, term.seen())
	}
	if _, err := term.tty.WriteString("\nEND\n"); err != nil {
		t.Fatal(err)
	}
	term.until(t, "\r\nEND\r\n", nil)
	shown, _, _ := strings.Cut(term.seen(), "\r\nEND\r\n")
	return strings.ReplaceAll(shown, "\r\n", "\n")
}

var escapeCode = regexp.MustCompile("\x1b\\[[0-9;]*m")

func checkWidth(t *testing.T, command, shown string, width int) {
	t.Helper()
	for line := range strings.Lines(shown) {
		plain := escapeCode.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
		if n := utf8.RuneCountInString(plain); n > width {
			t.Errorf("regsweep %s: %d columns on a terminal of %d: %s", command, n, width, plain)
		}
	}
}

var (
	minute = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}`)
	second = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z`)
)

// steady replaces what changes from run to run, by as many characters.
func steady(s *layouttest.Store, shown string) string {
	shown = strings.ReplaceAll(shown, s.Root, "ROOT")
	shown = minute.ReplaceAllString(shown, "YYYY-MM-DD hh:mm")
	shown = second.ReplaceAllString(shown, "YYYY-MM-DDThh:mm:ssZ")
	return strings.ReplaceAll(shown, "\x1b", "^[")
}

const recordedStore = `
	age 20d
	image team/app layers=base:3m,l1:1m as=x platform=linux/amd64 created=2024-05-01
	image team/app layers=base,l2:2m as=y platform=linux/arm64/v8 created=2024-06-01
	index team/app:v1.2,latest of=x,y as=i
	referrer team/app of=i as=r size=77
	age 10d
	image team/app:v1.1 layers=base,l3:500k as=z platform=linux/amd64 created=2024-04-01
	image team/web:main layers=base,l4 as=w type=docker created=2024-04-02
	image team/web:main layers=base,l5 as=v type=docker created=2024-04-03
	image a/repository/with/quite/a/long/name/of/many/parts:a-tag-with-a-long-name layers=l9:10k as=q
	orphan as=o size=5m
	age 5h
	image team/web layers=l6:700k as=u
`

func recorded(t *testing.T) *layouttest.Store { return newStore(t, recordedStore) }

func TestRecordingOfLs(t *testing.T) {
	record(t, "ls", recorded, "ls", "ls team/app", "ls team/*", "ls team/app --tags", "ls team/app:latest", "ls team/web --history", "ls --untagged --sort size -q")
}

func TestRecordingOfWhy(t *testing.T) {
	record(t, "why", recorded, "why {l1}", "why {base} --all", "why team/app:v1.1", "why team/web@{u}", "why team/web@{w}", "why {o}", "why team/app:*")
}
