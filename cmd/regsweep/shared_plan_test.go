//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// What gets a second name after a plan was made stays, and the report says why.
func TestWhatAnotherNameLeadsToIsLeftOutOfAPlan(t *testing.T) {
	t.Parallel()
	const a, b = "repositories/a/", "repositories/b/"
	for name, c := range map[string]struct{ change, left string }{
		"a layer's link":     {byOtherName(b+"_layers/sha256/{lc}/link", "../../../../a/_layers/sha256/{lc}/link"), "layerLink a lc"},
		"a manifest's link":  {byOtherName(b+"_manifests/revisions/sha256/{b1}/link", "../../../../../a/_manifests/revisions/sha256/{b1}/link"), "manifest a b1"},
		"the data of a blob": {"remove blobs/sha256/{xx:o}/{o}/data\nmove blobs/sha256/{xx:lc}/{lc}/data blobs/sha256/{xx:o}/{o}/data\ntouch blobs/sha256/{xx:o}/{o}/data\nsymlink blobs/sha256/{xx:lc}/{lc}/data ../../{xx:o}/{o}/data", "blob o"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, sharing)
			file := filepath.Join(t.TempDir(), "plan")
			if r := runProgram(t, "", "gc", "-m", "--older-than", "0", "--dry-run", "--plan", file, "--root", s.Root); r.status != 0 {
				t.Fatal(r.stderr)
			}
			s.MustApply(t, expand(s, []string{c.change})[0])
			before := whatPulls(s)
			done := run(t, s, "apply", file, "-y")
			if done.status != 0 {
				t.Fatalf("status %d\n%s", done.status, done.stderr)
			}
			if left := leftLines(s, done); !slices.Contains(left, c.left+": another name in the store leads to it") {
				t.Errorf("%s is not skipped for its other name:\n  %s", c.left, strings.Join(left, "\n  "))
			}
			after := whatPulls(s)
			for _, ref := range before {
				if !slices.Contains(after, ref) && !strings.HasPrefix(ref, "a@") {
					t.Errorf("%s could be pulled and lacks %v", ref, s.Missing(ref))
				}
			}
		})
	}
}

func byOtherName(path, target string) string {
	return "remove " + path + "\nsymlink " + path + " " + target
}

// What is whole by way of links is no problem to check.
func TestCheckFollowsSharedParts(t *testing.T) {
	t.Parallel()
	for _, way := range sharedByLinks() {
		s := layouttest.New(t, sharing)
		way.do(t, s)
		before := whatPulls(s)
		done := runProgram(t, "", "check", "--root", s.Root)
		for _, ref := range before {
			if strings.Contains(done.stdout, " "+ref+" ") {
				t.Errorf("%s: %s can be pulled, and check names it:\n%s", way.name, ref, done.stdout)
			}
		}
		if done.status != 0 && done.status != 1 {
			t.Errorf("%s: status %d\n%s", way.name, done.status, done.stderr)
		}
	}
}
