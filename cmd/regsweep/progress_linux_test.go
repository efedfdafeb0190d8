package main

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/walker/disk"
)

// On a terminal progress is one live line, and what follows it is written on a
// line without it. Ctrl-C ends the run at once, though it would wait for an hour.
func TestProgressOnATerminalAndCtrlC(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	screen := newTerminal(t)
	out := &bytes.Buffer{}
	done := make(chan int, 1)
	p := &program{in: screen.tty, out: out, voice: &term.Voice{W: screen.tty}, settling: time.Hour}
	file := filepath.Join(t.TempDir(), "a.json")
	go func() { done <- p.main([]string{"gc", "-y", "--root", s.Root, "--report", file}) }()
	screen.until(t, "removing: ", done)
	screen.until(t, "waiting for pushes", done)
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status := <-done; status != 130 || !s.Has("o") {
		t.Errorf("status %d, the blob is there: %v", status, s.Has("o"))
	}
	screen.until(t, "stopped by signal", nil)
	if text := readFile(t, file); !strings.Contains(text, "stopped by signal") {
		t.Errorf("the report's file does not say so: %s", text)
	}
	text := screen.seen()
	if regexp.MustCompile(`removing[^\r]*stopped`).MatchString(text) || !regexp.MustCompile(`\r *\rregsweep: stopped by signal`).MatchString(text) {
		t.Errorf("the live line was not cleared: %q", text)
	}
	if strings.Contains(text, "\x1b") || strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), "removing: ") {
		t.Errorf("codes or progress in %q and %q", text, out)
	}
}

// The end of a terminal, which is told more than once, and that of a reader end
// the run as SIGTERM does: what was set aside has its name again, and the
// report's file is written.
func TestHangupEndsARunInOrder(t *testing.T) {
	// Under nohup the program would not notice the first of them.
	heard := make(chan os.Signal, 8)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGPIPE} {
		s := newStore(t, "image a/b:v1 as=x\norphan as=o")
		before := s.Snapshot(t)
		screen := newTerminal(t)
		done := make(chan int, 1)
		p := &program{in: strings.NewReader(""), out: &bytes.Buffer{}, voice: &term.Voice{W: screen.tty}, settling: time.Hour}
		file := filepath.Join(t.TempDir(), "a.json")
		go func() { done <- p.main([]string{"gc", "--root", s.Root, "--report", file}) }()
		screen.until(t, "waiting for pushes", done)
		for range 3 {
			if err := syscall.Kill(syscall.Getpid(), sig); err != nil {
				t.Fatal(err)
			}
		}
		if status := <-done; status != 128+int(sig) {
			t.Errorf("%s: status %d", sig, status)
		}
		same(t, "the store", before, s.Snapshot(t))
		if _, err := os.Stat(filepath.Join(s.Dir, ".regsweep")); err == nil {
			t.Error("a run that was stopped has left an index")
		}
		if text := readFile(t, file); !strings.Contains(text, "stopped by signal: "+sig.String()) {
			t.Errorf("the report's file does not say so: %s", text)
		}
	}
}

// A check leaves no live line behind.
func TestProgressOfACheckIsCleared(t *testing.T) {
	t.Parallel()
	s := newStore(t, "scale a repositories=4 images=4 layers=2 base=2")
	slow := &disk.FS{Fault: func(disk.Op, string) error {
		time.Sleep(time.Millisecond)
		return nil
	}}
	screen := newTerminal(t)
	done := make(chan int, 1)
	p := &program{in: screen.tty, out: screen.tty, voice: &term.Voice{W: screen.tty}, files: slow}
	go func() { done <- p.main([]string{"check", "--jobs", "1", "--root", s.Root}) }()
	if status := <-done; status != 0 {
		t.Errorf("status %d: %q", status, screen.seen())
	}
	screen.until(t, "no problems", nil)
	text := screen.seen()
	if !regexp.MustCompile(`checking repositories: `).MatchString(text) || !regexp.MustCompile(`\r *\rstore `).MatchString(text) {
		t.Errorf("the live line was not cleared: %q", text)
	}
}

// While a walk hangs in a slow filesystem's answers, Ctrl-C ends it.
func TestProgressOfASlowWalkAndCtrlC(t *testing.T) {
	s := newStore(t, "scale a repositories=10 images=10 layers=2 base=2")
	screen := newTerminal(t)
	slow := &disk.FS{Fault: func(disk.Op, string) error {
		time.Sleep(20 * time.Millisecond)
		return nil
	}}
	done := make(chan int, 1)
	p := &program{in: screen.tty, out: &bytes.Buffer{}, voice: &term.Voice{W: screen.tty}, files: slow}
	go func() { done <- p.main([]string{"gc", "-d", "--jobs", "1", "--root", s.Root}) }()
	screen.until(t, "reading blobs: ", done)
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	status := <-done
	if status != 130 {
		t.Errorf("status %d: %q", status, screen.seen())
	}
}

// Colors are for terminals, and only where nothing forbids them.
func TestColors(t *testing.T) {
	screen := newTerminal(t)
	for name, c := range map[string]struct {
		environ []string
		noColor bool
		stream  any
		want    bool
	}{
		"on a terminal":                {stream: screen.tty, want: true},
		"elsewhere":                    {stream: &bytes.Buffer{}},
		"with --no-color":              {stream: screen.tty, noColor: true},
		"with NO_COLOR":                {stream: screen.tty, environ: []string{"NO_COLOR=1"}},
		"with NO_COLOR of any value":   {stream: screen.tty, environ: []string{"NO_COLOR=0"}},
		"with NO_COLOR that is empty":  {stream: screen.tty, environ: []string{"NO_COLOR="}, want: true},
		"on a dumb terminal":           {stream: screen.tty, environ: []string{"TERM=dumb"}},
		"on a terminal of other names": {stream: screen.tty, environ: []string{"TERM=xterm"}, want: true},
	} {
		p := &program{environ: c.environ}
		if got := p.ink(&common{noColor: c.noColor}, c.stream).On; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The table has colors on a terminal, and is the same without them.
func TestTableInColors(t *testing.T) {
	text := map[bool]string{}
	for _, plain := range []bool{false, true} {
		s := newStore(t, reportStore)
		screen := newTerminal(t)
		args := []string{"gc", "-d", "-m", "--root", s.Root}
		if plain {
			args = append(args, "--no-color")
		}
		p := &program{in: strings.NewReader(""), out: screen.tty, voice: &term.Voice{W: &bytes.Buffer{}}}
		p.main(args)
		screen.until(t, "would be left", nil)
		text[plain] = strings.ReplaceAll(screen.seen(), s.Root, "ROOT")
	}
	if !strings.Contains(text[false], "\x1b[1m") || strings.Contains(text[true], "\x1b") {
		t.Errorf("colors: %q and %q", text[false], text[true])
	}
	stripped := regexp.MustCompile(`\x1b\[[0-9]*m`).ReplaceAllString(text[false], "")
	first := func(s string) string { a, _, _ := strings.Cut(s, "next"); return a }
	same(t, "the table without its colors", first(text[true]), first(stripped))
}
