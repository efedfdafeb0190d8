package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: the program has tty, its user the rest.
type terminal struct {
	user, tty *os.File
	mu        sync.Mutex
	text      bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { user.Close() })
	raw, err := user.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var ioctl error
	if err := raw.Control(func(fd uintptr) {
		if ioctl = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); ioctl == nil {
			n, ioctl = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || ioctl != nil {
		t.Fatal(err, ioctl)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	screen := &terminal{user: user, tty: tty}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := user.Read(b)
			screen.mu.Lock()
			screen.text.Write(b[:n])
			screen.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return screen
}

func (screen *terminal) seen() string {
	screen.mu.Lock()
	defer screen.mu.Unlock()
	return screen.text.String()
}

// until waits for a text, for a minute at most.
func (screen *terminal) until(t *testing.T, text string, done <-chan int) {
	t.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(screen.seen(), text) {
		select {
		case <-late:
			t.Fatalf("it did not say %q: %s", text, screen.seen())
		case status := <-done:
			t.Fatalf("it ended with status %d and did not say %q: %s", status, text, screen.seen())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// start runs the program with stdin and stderr on the terminal.
func (screen *terminal) start(args ...string) (<-chan int, *bytes.Buffer) {
	out := &bytes.Buffer{}
	done := make(chan int, 1)
	go func() {
		p := &program{in: screen.tty, out: out, voice: &term.Voice{W: screen.tty}}
		done <- p.main(args)
	}()
	return done, out
}

// Where stdin and stderr are terminals, the plan is shown and a question asked.
// No, and the end of input, are status 0 with nothing done.
func TestPrompt(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		goes   bool
	}{
		"y": {"y\n", true}, "Y": {"Y\n", true}, "yes": {"yes\n", true},
		"n": {"n\n", false}, "nothing": {"\n", false}, "end of input": {"\x04", false}, "anything": {"sure\n", false}, "half a word and the end": {"n\x04\x04", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\norphan as=o size=5k")
			before := s.Snapshot(t)
			screen := newTerminal(t)
			done, out := screen.start("gc", "--root", s.Root)
			screen.until(t, "[y/N]", done)
			if plan := screen.seen(); !strings.Contains(plan, "would be removed") || !strings.Contains(plan, "5.0 KiB") {
				t.Errorf("the plan was not shown before the question: %q", plan)
			}
			if !s.Has("o") || out.Len() > 0 {
				t.Errorf("something was done before the answer: %s", out)
			}
			if _, err := screen.user.WriteString(c.answer); err != nil {
				t.Fatal(err)
			}
			if status := <-done; status != 0 {
				t.Errorf("status %d: %s", status, screen.seen())
			}
			if s.Has("o") == c.goes {
				t.Errorf("the blob is there: %v", s.Has("o"))
			}
			if !c.goes {
				same(t, "the store", before, s.Snapshot(t))
			}
			if c.goes != strings.Contains(out.String(), "removed") {
				t.Errorf("stdout is %q", out)
			}
		})
	}
}

func TestPromptWithJSON(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	screen := newTerminal(t)
	done, out := screen.start("gc", "--root", s.Root, "-o", "json")
	screen.until(t, "[y/N]", done)
	screen.user.WriteString("y\n")
	if status := <-done; status != 0 || !strings.HasPrefix(out.String(), "{") {
		t.Errorf("status %d, stdout %q", status, out)
	}
}

func TestPromptIsNotAsked(t *testing.T) {
	for name, args := range map[string][]string{
		"with -y":                     {"-y"},
		"with --yes":                  {"--yes"},
		"in a dry run":                {"-d"},
		"with nothing to remove":      {"--grace", "90d"},
		"where the plan is too large": {"--max-remove", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\norphan as=o")
			screen := newTerminal(t)
			done, _ := screen.start(append([]string{"gc", "--root", s.Root}, args...)...)
			<-done
			if strings.Contains(screen.seen(), "[y/N]") {
				t.Errorf("it asked: %s", screen.seen())
			}
		})
	}
}

// Where stdin is no terminal there is nobody to ask, and gc goes ahead.
func TestPromptNeedsATerminalForAnswers(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	screen := newTerminal(t)
	p := &program{in: strings.NewReader(""), out: &bytes.Buffer{}, voice: &term.Voice{W: screen.tty}}
	if status := p.main([]string{"gc", "--root", s.Root}); status != 0 || s.Has("o") {
		t.Errorf("status %d", status)
	}
}

// A pipe is not a yes: a person whose stderr is elsewhere is asked on the
// terminal itself, and where that cannot be opened nothing is done.
func TestPromptOfAPersonWhoseStderrIsElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		args   []string
		lacks  bool
		status int
		goes   bool
	}{
		"yes":               {answer: "y\n", goes: true},
		"no":                {answer: "n\n"},
		"no terminal":       {lacks: true, status: statusUsage},
		"--yes needs none":  {lacks: true, args: []string{"--yes"}, goes: true},
		"a dry run neither": {lacks: true, args: []string{"--dry-run"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 as=x\norphan as=o size=5k")
			screen := newTerminal(t)
			said := &bytes.Buffer{}
			p := &program{in: screen.tty, out: &bytes.Buffer{}, voice: &term.Voice{W: said}, openTerminal: func() (*os.File, error) {
				if c.lacks {
					return nil, os.ErrPermission
				}
				return os.OpenFile(screen.tty.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
			}}
			done := make(chan int, 1)
			go func() { done <- p.main(append([]string{"gc", "--root", s.Root}, c.args...)) }()
			if c.answer != "" {
				screen.until(t, "[y/N]", done)
				if !strings.Contains(screen.seen(), "would be removed") {
					t.Errorf("the plan was not shown before the question: %q", screen.seen())
				}
				if _, err := screen.user.WriteString(c.answer); err != nil {
					t.Fatal(err)
				}
			}
			if status := <-done; status != c.status || s.Has("o") == c.goes {
				t.Errorf("status %d, the blob is there: %v: %s", status, s.Has("o"), said)
			}
			if c.answer == "n\n" {
				screen.until(t, "nothing has been removed", nil)
			}
		})
	}
}

// What became live while the question stood is not removed.
func TestPromptWhileSomebodyPushes(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o\norphan as=p")
	screen := newTerminal(t)
	done, _ := screen.start("gc", "--root", s.Root, "-o", "json", "-v")
	screen.until(t, "[y/N]", done)
	s.MustApply(t, "image c:v1 layers=o as=y age=0")
	screen.user.WriteString("y\n")
	if status := <-done; status != 0 || !s.Has("o") || s.Has("p") {
		t.Errorf("status %d, o is there: %v, p is: %v", status, s.Has("o"), s.Has("p"))
	}
	if missing := s.Missing("c:v1"); missing != nil {
		t.Errorf("c:v1 lacks %v", missing)
	}
}

// The prompt of rm names all that goes, before anything happens.
func TestPromptOfRm(t *testing.T) {
	for answer, goes := range map[string]bool{"y\n": true, "n\n": false, "\x04": false} {
		s := newStore(t, "image a/b:v1,latest layers=base,own as=x\nimage a/b:v2 layers=base as=y\nreferrer a/b of=x as=r\ncosign a/b of=x as=sig")
		before := s.Snapshot(t)
		screen := newTerminal(t)
		done, _ := screen.start("rm", "a/b:v1", "--root", s.Root)
		screen.until(t, "[y/N]", done)
		for _, says := range []string{"a/b@" + s.Digest("x").String(), "tags latest, v1; not named: latest", "referrer", "signature", "frees now", "others share"} {
			if !strings.Contains(screen.seen(), says) {
				t.Errorf("the prompt does not say %q: %s", says, screen.seen())
			}
		}
		same(t, "the store before the answer", before, s.Snapshot(t))
		screen.user.WriteString(answer)
		if status := <-done; status != 0 || s.Has("x") == goes {
			t.Errorf("%q: status %d, the image is there: %v", answer, status, s.Has("x"))
		}
	}
}

// What was pushed while the question stood stays.
func TestPromptOfRmWhileSomebodyPushes(t *testing.T) {
	for name, push := range map[string]string{
		"an image that shares a layer":     "image c:v1 layers=own as=y age=0",
		"the tag, for another image":       "image a/b:v1 layers=own as=y age=0",
		"the same image again":             "copy a/b:v9 x deep age=0",
		"a referrer that shares its layer": "image a/b layers=own subject=x as=y age=0",
		"an index of it":                   "index a/b:all of=x as=i age=0",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "image a/b:v1 layers=own as=x")
			screen := newTerminal(t)
			done, _ := screen.start("rm", "a/b:v1", "--root", s.Root)
			screen.until(t, "[y/N]", done)
			s.MustApply(t, push)
			screen.user.WriteString("y\n")
			if status := <-done; status != 0 {
				t.Errorf("status %d: %s", status, screen.seen())
			}
			for _, ref := range allReferences(t, s) {
				if missing := s.Missing(ref); missing != nil {
					t.Errorf("%s lacks %v", ref, missing)
				}
			}
		})
	}
}
