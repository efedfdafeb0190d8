package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

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
	term := &terminal{user: user, tty: tty}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := user.Read(b)
			term.mu.Lock()
			term.text.Write(b[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (term *terminal) seen() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.text.String()
}

// until waits for a text, for a minute at most.
func (term *terminal) until(t *testing.T, text string, done <-chan int) {
	t.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(term.seen(), text) {
		select {
		case <-late:
			t.Fatalf("it did not say %q: %s", text, term.seen())
		case status := <-done:
			t.Fatalf("it ended with status %d and did not say %q: %s", status, text, term.seen())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// start runs the program with stdin and stderr on the terminal.
func (term *terminal) start(args ...string) (<-chan int, *bytes.Buffer) {
	out := &bytes.Buffer{}
	done := make(chan int, 1)
	go func() {
		p := &program{in: term.tty, out: out, voice: &voice{w: term.tty}}
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
			term := newTerminal(t)
			done, out := term.start("gc", "--root", s.Root)
			term.until(t, "[y/N]", done)
			if plan := term.seen(); !strings.Contains(plan, "would be removed") || !strings.Contains(plan, "5.0 KiB") {
				t.Errorf("the plan was not shown before the question: %q", plan)
			}
			if !s.Has("o") || out.Len() > 0 {
				t.Errorf("something was done before the answer: %s", out)
			}
			if _, err := term.user.WriteString(c.answer); err != nil {
				t.Fatal(err)
			}
			if status := <-done; status != 0 {
				t.Errorf("status %d: %s", status, term.seen())
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
	term := newTerminal(t)
	done, out := term.start("gc", "--root", s.Root, "-o", "json")
	term.until(t, "[y/N]", done)
	term.user.WriteString("y\n")
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
			term := newTerminal(t)
			done, _ := term.start(append([]string{"gc", "--root", s.Root}, args...)...)
			<-done
			if strings.Contains(term.seen(), "[y/N]") {
				t.Errorf("it asked: %s", term.seen())
			}
		})
	}
}

// Where stdin is no terminal there is nobody to ask, and gc goes ahead.
func TestPromptNeedsATerminalForAnswers(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o")
	term := newTerminal(t)
	p := &program{in: strings.NewReader(""), out: &bytes.Buffer{}, voice: &voice{w: term.tty}}
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
			term := newTerminal(t)
			said := &bytes.Buffer{}
			p := &program{in: term.tty, out: &bytes.Buffer{}, voice: &voice{w: said}, openTerminal: func() (*os.File, error) {
				if c.lacks {
					return nil, os.ErrPermission
				}
				return os.OpenFile(term.tty.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
			}}
			done := make(chan int, 1)
			go func() { done <- p.main(append([]string{"gc", "--root", s.Root}, c.args...)) }()
			if c.answer != "" {
				term.until(t, "[y/N]", done)
				if !strings.Contains(term.seen(), "would be removed") {
					t.Errorf("the plan was not shown before the question: %q", term.seen())
				}
				if _, err := term.user.WriteString(c.answer); err != nil {
					t.Fatal(err)
				}
			}
			if status := <-done; status != c.status || s.Has("o") == c.goes {
				t.Errorf("status %d, the blob is there: %v: %s", status, s.Has("o"), said)
			}
			if c.answer == "n\n" {
				term.until(t, "nothing has been removed", nil)
			}
		})
	}
}

// What became live while the question stood is not removed.
func TestPromptWhileSomebodyPushes(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o\norphan as=p")
	term := newTerminal(t)
	done, _ := term.start("gc", "--root", s.Root, "-o", "json", "-v")
	term.until(t, "[y/N]", done)
	s.MustApply(t, "image c:v1 layers=o as=y age=0")
	term.user.WriteString("y\n")
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
		term := newTerminal(t)
		done, _ := term.start("rm", "a/b:v1", "--root", s.Root)
		term.until(t, "[y/N]", done)
		for _, says := range []string{"a/b@" + s.Digest("x").String(), "tags latest, v1; not named: latest", "referrer", "signature", "frees now", "others share"} {
			if !strings.Contains(term.seen(), says) {
				t.Errorf("the prompt does not say %q: %s", says, term.seen())
			}
		}
		same(t, "the store before the answer", before, s.Snapshot(t))
		term.user.WriteString(answer)
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
			term := newTerminal(t)
			done, _ := term.start("rm", "a/b:v1", "--root", s.Root)
			term.until(t, "[y/N]", done)
			s.MustApply(t, push)
			term.user.WriteString("y\n")
			if status := <-done; status != 0 {
				t.Errorf("status %d: %s", status, term.seen())
			}
			for _, ref := range allReferences(t, s) {
				if missing := s.Missing(ref); missing != nil {
					t.Errorf("%s lacks %v", ref, missing)
				}
			}
		})
	}
}
