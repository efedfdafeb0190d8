package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"golang.org/x/sys/unix"
)

// On a terminal ls fits the width, and shortens digests unless told otherwise.
func TestLsOnATerminal(t *testing.T) {
	s := newStore(t, `
		image team/with/a/rather/long/name:a-tag-with-a-name-of-some-length,another-one,and-a-third layers=l1:3m as=x
		image team/with/a/rather/long/name type=artifact layers=l2 as=y
	`)
	show := func(width uint16, args ...string) string {
		screen := newTerminal(t)
		if err := unix.IoctlSetWinsize(int(screen.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: width}); err != nil {
			t.Fatal(err)
		}
		p := &program{in: screen.tty, out: screen.tty, voice: &term.Voice{W: screen.tty}}
		if status := p.main(append([]string{"ls", "--root", s.Root, "--progress", "none"}, args...)); status != 0 {
			t.Fatalf("status %d", status)
		}
		screen.tty.WriteString("END\n")
		screen.until(t, "END", nil)
		return strings.ReplaceAll(strings.TrimSuffix(screen.seen(), "END\r\n"), "\r", "")
	}
	const name = "team/with/a/rather/long/name"
	for _, args := range [][]string{nil, {name}} {
		for _, width := range []uint16{130, 100, 80, 60} {
			for line := range strings.Lines(show(width, args...)) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > int(width) {
					t.Errorf("%d columns on a terminal of %d: %s", n, width, line)
				}
			}
		}
	}
	whole := s.Digest("x").String()
	if text := show(120, name); strings.Contains(text, whole) || !regexp.MustCompile(`sha256:[0-9a-f]{12} `).MatchString(text) || !strings.Contains(text, "…") {
		t.Errorf("digests and tags are not shortened: %s", text)
	}
	if text := show(120, name, "--no-trunc"); !strings.Contains(text, whole) || !strings.Contains(text, "a-tag-with-a-name-of-some-length") {
		t.Errorf("--no-trunc shortens: %s", text)
	}
	if text := runProgram(t, "", "ls", "--root", s.Root, name).stdout; !strings.Contains(text, whole) {
		t.Errorf("digests are shortened where there is no terminal: %s", text)
	}
	// Numbers are aligned at their right.
	lines := strings.Split(show(120), "\n")
	if end := strings.Index(lines[0], "SIZE") + len("SIZE"); lines[1][:end] != strings.TrimRight(lines[1][:end], " ") {
		t.Errorf("numbers are not aligned:\n%s\n%s", lines[0], lines[1])
	}
}
