//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// The shells themselves complete names: what counts is what the program is
// called with after the key was pressed. In each of them "regsweep" is a
// function that prints its arguments, unless it is asked for completions.
var completingShells = map[string]struct {
	pkg, needs string // needs is a file besides the shell
	args       []string
	setup      string
}{
	"bash": {
		pkg: "bash-completion", needs: "/usr/share/bash-completion/bash_completion",
		args: []string{"--norc", "--noprofile", "-i"},
		setup: `. /usr/share/bash-completion/bash_completion
regsweep() { if [ "$1" = __complete ]; then command regsweep "$@"; else printf '<%s>' "$@"; echo; fi; }
. <(command regsweep completion bash)
shopt -s hostcomplete # then bash breaks words at @
bind 'set bell-style none'`,
	},
	"zsh": {
		pkg: "zsh", args: []string{"-f", "-i"},
		setup: `autoload -U compinit && compinit -D -u
regsweep() { if [ "$1" = __complete ]; then command regsweep "$@"; else printf '<%s>' "$@"; echo; fi; }
source <(command regsweep completion zsh)
unsetopt BEEP`,
	},
	"fish": {
		pkg: "fish", args: []string{"--no-config", "-i"},
		setup: `function regsweep; if test "$argv[1]" = __complete; command regsweep $argv; else; printf '<%s>' $argv; echo; end; end
command regsweep completion fish | source`,
	},
}

func TestCompletionInShells(t *testing.T) {
	layouttest.Long(t)
	s := newStore(t, "image team/api:v1.0,other as=x\nimage mono:main as=y")
	x := s.Digest("x").String()
	for name, shell := range completingShells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := need(t, name, shell.pkg)
			if _, err := os.Stat(shell.needs); shell.needs != "" && err != nil {
				lacking(t, "this needs %s: apt-get install %s", shell.needs, shell.pkg)
			}
			sh := startShell(t, s.Root, path, shell.args, shell.setup)
			for typed, want := range map[string]string{
				"regsweep rm mo\t\t":              "<rm><mono:main>",
				"regsweep rm team/api:v\t":        "<rm><team/api:v1.0>",
				"regsweep rm team/api@sha2\t":     "<rm><team/api@" + x + ">",
				"regsweep rm team/api@sha256:\t":  "<rm><team/api@" + x + ">",
				"regsweep ls mo\t--sort reclai\t": "<ls><mono><--sort><reclaimable>",
				"regsweep ver\t":                  "<version>",
			} {
				if got := sh.run(t, typed); got != want {
					t.Errorf("%q becomes %q, want %q", typed, got, want)
				}
			}
		})
	}
}

// shell is an interactive shell on a terminal.
type shell struct {
	screen *terminal
	n      int
}

func startShell(t *testing.T, root, path string, args []string, setup string) *shell {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// As regsweep, the test's own program is what it tests.
	if err := os.Symlink(self, filepath.Join(dir, "regsweep")); err != nil {
		t.Fatal(err)
	}
	sh := &shell{screen: newTerminal(t)}
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = sh.screen.tty, sh.screen.tty, sh.screen.tty
	cmd.Env = []string{
		"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "TERM=dumb", "PS1=", "COLUMNS=300",
		"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + root,
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	script := filepath.Join(dir, "setup")
	if err := os.WriteFile(script, []byte(setup+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	sh.run(t, ". "+script)
	return sh
}

// run types a line, and returns what it printed last.
func (sh *shell) run(t *testing.T, line string) string {
	t.Helper()
	sh.n++
	before := len(sh.screen.seen())
	end := fmt.Sprintf("[end of %d]", sh.n)
	fmt.Fprintf(sh.screen.user, "%s\recho '[end of' %d]\r", line, sh.n)
	sh.screen.until(t, end+"\r\n", nil)
	printed := ""
	for l := range strings.Lines(sh.screen.seen()[before:]) {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "<") {
			printed = strings.TrimSpace(strings.TrimSuffix(l, end))
		}
	}
	return printed
}
