package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// checkResult is the JSON of check, as docs/formats.md has it.
type checkResult struct {
	Checked struct {
		Repositories, Tags, Manifests, UnknownTypes, LayerLinks, HistoryEntries int
		Blobs, Bytes, BlobsRead, BytesRead, BytesPerSecond                      int64
		ElapsedSeconds, ReadSeconds                                             float64
		SetAside                                                                bool
	}
	Problems []struct {
		Kind, Path, Detail, Cure, LastResort string
		Breaks, Loses                        []string
	}
}

// check runs check with -o json and further arguments, which must end with a status.
func check(t testing.TB, s *layouttest.Store, status int, args ...string) (c checkResult) {
	t.Helper()
	r := runProgram(t, "", append([]string{"check", "--root", s.Root, "-o", "json"}, args...)...)
	if r.status != status {
		t.Fatalf("check %v: status %d, want %d\n%s%s", args, r.status, status, r.stdout, r.stderr)
	}
	return parseCheck(t, r)
}

func parseCheck(t testing.TB, r result) (c checkResult) {
	t.Helper()
	conforms(t, "check", r.stdout)
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil {
		t.Fatalf("no JSON: %v\n%s%s", err, r.stdout, r.stderr)
	}
	return c
}

// lines are the problems in one line each: KIND PATH breaks REFERENCES cure
// COMMAND or last COMMAND, with {NAME} for digests and {} for the first two digits of one.
func (c *checkResult) lines(s *layouttest.Store) []string {
	list := []string{}
	for _, p := range c.Problems {
		line := p.Kind + " " + p.Path
		if p.Breaks != nil {
			line += " breaks " + strings.Join(p.Breaks, " ")
		}
		if p.Cure != "" {
			line += " cure " + plainCommand(s, p.Cure)
		}
		if p.LastResort != "" {
			line += " last " + plainCommand(s, p.LastResort)
		}
		list = append(list, named(s, line))
	}
	slices.Sort(list)
	return list
}

// named writes {NAME} for the digests that a store's text gave names to.
func named(s *layouttest.Store, text string) string {
	for _, name := range s.Names() {
		if s.Digest(name).IsZero() { // an upload
			continue
		}
		for _, hex := range []string{s.Digest(name).Hex(), s.Alias(name).Hex()} {
			text = strings.ReplaceAll(text, "/"+hex[:2]+"/"+hex, "/{}/{"+name+"}")
			text = strings.ReplaceAll(strings.ReplaceAll(text, "sha256:"+hex, "{"+name+"}"), hex, "{"+name+"}")
		}
	}
	return text
}

// plainCommand is a command without its name and root, which it must have.
func plainCommand(s *layouttest.Store, command string) string {
	plain := strings.Replace(strings.TrimPrefix(command, "regsweep "), "--root "+s.Root+" ", "", 1)
	plain = strings.TrimSuffix(plain, " --root "+s.Root)
	if strings.Contains(plain, s.Root) || len(plain) != len(command)-len("regsweep ")-len(" --root "+s.Root) {
		return "INCOMPLETE " + command
	}
	return plain
}
