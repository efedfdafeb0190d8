package main

import (
	"strings"
	"testing"
)

// Where stdout is not a terminal nothing is folded or coloured: a command is at the
// end of its line.
func TestPipesAreNeitherFoldedNorColoured(t *testing.T) {
	t.Parallel()
	s := newStore(t, reportStore)
	for _, args := range [][]string{
		{"gc", "-d", "-m", "-v"},
		{"gc", "-d", "--protect", "/nowhere/at/all/there/is/no/such/list/and/the/message/about/it/is/long"},
		{"prune", "-d", "--filter", ".*:.*", "--ago", "0s", "-vv"},
		{"check"},
		{"ls"},
		{"ls", "**"},
		{"why", "**"},
		{"doctor"},
		{"undelete"},
		{"protect", "ls"},
		{"trash", "ls"},
	} {
		r := runProgram(t, "", append(args, "--root", s.Root)...)
		if text := r.stdout + r.stderr; text == "" || strings.Contains(text, "\x1b") || strings.Contains(text, ":\n  regsweep ") {
			t.Errorf("%q: %q", args, text)
		}
	}
}
