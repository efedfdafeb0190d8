package main

import (
	"strings"
	"testing"
)

// Words that people type first are answered with the command that they mean, and
// what stands after them changes nothing about that.
func TestWordsThatPeopleTypeFirst(t *testing.T) {
	t.Parallel()
	for word, meant := range map[string]string{
		"delete": "regsweep rm NAME:TAG", "list": "regsweep ls", "du": "regsweep ls", "df": "regsweep ls", "tags": "regsweep ls", "images": "regsweep ls",
		"inspect": "regsweep ls NAME", "history": "regsweep ls NAME --history", "undo": "regsweep trash restore", "purge": "regsweep prune", "docter": "doctor",
	} {
		for _, after := range []string{"", "a/b:v1", "--force a/b:v1", "-h", "--json", "-n --registry r.example.org", "--root /nowhere -q"} {
			r := runProgram(t, "", append([]string{word}, strings.Fields(after)...)...)
			if r.status != statusUsage || r.stdout != "" || !strings.Contains(r.stderr, "did you mean "+meant+"? ") || strings.Contains(r.stderr, "flag") {
				t.Errorf("%s %s: status %d: %s%s", word, after, r.status, r.stdout, r.stderr)
			}
		}
	}
}

// Flags of acr that mean nothing here are answered with the advice to leave them
// out, by every command that removes or lists.
func TestFlagsOfAcrAreToBeLeftOut(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"prune", "gc", "rm", "untag", "ls", "apply", "why", "check", "doctor"} {
		for _, flag := range []string{"--registry=r.example.org", "--registry r.example.org", "-r r.example.org", "--concurrency 3", "--include-locked"} {
			r := runProgram(t, "", append([]string{command}, strings.Fields(flag)...)...)
			if r.status != statusUsage || !strings.Contains(r.stderr, "leave it out") {
				t.Errorf("%s %s: status %d: %s", command, flag, r.status, r.stderr)
			}
		}
	}
}
