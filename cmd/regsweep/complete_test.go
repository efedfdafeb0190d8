package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// complete is what a shell is told about the last of some words, with the
// number of the directive as its last line.
func complete(t testing.TB, words ...string) []string {
	t.Helper()
	r := runProgram(t, "", append([]string{"__completeNoDesc"}, words...)...)
	if r.status != 0 {
		t.Fatalf("complete %q: status %d: %s", words, r.status, r.stderr)
	}
	return strings.Fields(r.stdout)
}

const (
	thenFiles = ":0"
	thenSpace = ":4"
	thenMore  = ":6" // no space: the word goes on
)

func TestCompletion(t *testing.T) {
	sha512 := strings.Repeat("0123456789abcdef", 8)
	s := newStore(t, `
		names any
		image team/api:v1,v2 as=x
		image team/api/sub:main as=y
		image team/web:v1 as=z
		mkdir repositories/team/web/_manifests/revisions/sha512/`+sha512+`
		image single:latest as=w
		layer onlylayers stray
		mkdir repositories/team/.snapshot/_manifests
		mkdir repositories/team/Not_Valid/_manifests
		mkdir repositories/half
		mkdir repositories/team/api/_manifests/tags/-odd
	`)
	x := s.Digest("x").String()
	for name, c := range map[string]struct {
		words string // after them an empty one, unless there is no blank at the end
		want  []string
	}{
		"namespaces and repositories":    {"ls ", []string{"onlylayers", "single", "team/", thenMore}},
		"one repository":                 {"ls si", []string{"single", thenSpace}},
		"a repository with some below":   {"ls team/a", []string{"team/api", "team/api/", thenMore}},
		"a second repository":            {"ls single ", []string{thenSpace}},
		"a repository after its flag":    {"rm --repository team/w", []string{"team/web", thenSpace}},
		"another repository":             {"rm --repository single team/w", []string{"team/web", thenSpace}},
		"an image's repository":          {"rm team/w", []string{"team/web:", thenMore}},
		"an image's tag":                 {"rm team/api:", []string{"team/api:v1", "team/api:v2", thenSpace}},
		"a second image":                 {"rm team/api:v1 team/api:", []string{"team/api:v2", thenSpace}},
		"an image's digest":              {"rm team/api@", []string{"team/api@" + x, thenSpace}},
		"a digest of another algorithm":  {"rm team/web@sha5", []string{"team/web@sha512:" + sha512, thenSpace}},
		"the beginning of a digest":      {"rm team/api@" + x[:12], []string{"team/api@" + x, thenSpace}},
		"untag has no digests":           {"untag team/api@", []string{thenSpace}},
		"a tag":                          {"untag team/api/sub:m", []string{"team/api/sub:main", thenSpace}},
		"why an image":                   {"why team/web:", []string{"team/web:v1", thenSpace}},
		"why a blob":                     {"why " + x[:9], []string{x, thenSpace}},
		"too little of a digest":         {"why sha256:", []string{thenSpace}},
		"no path out of the store":       {"ls ../", []string{thenSpace}},
		"no repository":                  {"rm nothing:", []string{thenSpace}},
		"orders":                         {"ls --sort ", append(sortKeys, ":36")},
		"formats":                        {"gc -o ", []string{"table", "json", thenSpace}},
		"directories for the root":       {"gc --root ", []string{":16"}},
		"yaml for the configuration":     {"gc --config ", []string{"yml", "yaml", ":8"}},
		"yaml for a policy":              {"prune --policy ", []string{"yml", "yaml", ":8"}},
		"files to protect":               {"gc --protect ", []string{thenFiles}},
		"gc's argument":                  {"gc ", []string{thenFiles}},
		"nothing for an age":             {"gc --grace ", []string{thenSpace}},
		"nothing after a flag's command": {"prune ", []string{thenSpace}},
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Split(c.words, " ")
			words = append([]string{words[0], "--root", s.Root}, words[1:]...)
			if diff := cmp.Diff(c.want, complete(t, words...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What a store with very many names proposes is bounded.
func TestCompletionIsBounded(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x")
	for i := range mostCompletions + 50 {
		if err := os.Mkdir(fmt.Sprintf("%s/%s%d", s.Root, layout.Store+"/"+layout.TagDir("a/b", "t"), i), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(complete(t, "untag", "--root", s.Root, "a/b:")); n != mostCompletions+1 {
		t.Errorf("%d lines, want %d", n, mostCompletions+1)
	}
}

// Where there is no store, and where one cannot be read, nothing is proposed
// and nothing said.
func TestCompletionWithoutAStore(t *testing.T) {
	for name, args := range map[string][]string{
		"a directory that is not there": {"--root", "/does/not/exist"},
		"a directory without a store":   {"--root", t.TempDir()},
		"an unfinished flag":            {"--root"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range complete(t, append(append([]string{"rm"}, args...), "a")...) {
				if line != thenSpace && line != ":16" {
					t.Errorf("it says %q", line)
				}
			}
		})
	}
}

// The runs that are in the trash are found by the command line's flags, too.
func TestCompletionOfRuns(t *testing.T) {
	s := newStore(t, "mkdir .regsweep/trash/20260102T030405Z-gc\nmkdir .regsweep/trash/20260103T030405Z-rm\nmkdir .regsweep/trash/.hidden")
	p := &program{files: &disk.FS{}}
	cmd := &cobra.Command{}
	cmd.Flags().String("root", s.Root, "")
	cmd.Flags().String("config", "", "")
	got, directive := p.completeFirst(p.completeRuns)(cmd, []string{"20260103T030405Z-rm"}, "2026")
	if diff := cmp.Diff([]string{"20260102T030405Z-gc"}, got); diff != "" || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("%v, -want +got:\n%s", directive, diff)
	}
}

// Shells show beside a flag what it does, without the marks that help needs.
func TestCompletionOfFlags(t *testing.T) {
	r := runProgram(t, "", "__complete", "gc", "--prot")
	if !strings.HasPrefix(r.stdout, "--protect\tkeep what FILE names") || strings.Contains(r.stdout, "`") {
		t.Errorf("%q", r.stdout)
	}
}
