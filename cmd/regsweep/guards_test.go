package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// guarded is a command that would empty a store, or would not.
type guarded struct {
	name, store string
	args        []string
	refused     string // what the refusal says; "" if the command goes on
}

const (
	lastTag    = "would have no tag left"
	lastImage  = "would have no manifest left"
	allDangle  = "every tag names a manifest whose link is gone"
	tagless    = "no tag in the store"
	oneImage   = "image a/b:v1 as=x"
	twoTags    = "image a/b:v1,v2 as=x"
	oneOfTwo   = "image a/b:v1 as=x\nimage c/d:v1 as=y"
	allDangles = "image a/b:v1 as=x\nimage c/d:v1 as=y\nremove repositories/a/b/_manifests/revisions\nremove repositories/c/d/_manifests/revisions\nimage e as=z"
)

// TestGuardsFollowTheEffect holds for every command: what was named exactly is
// meant, and nothing else takes a store's last tag or image.
func TestGuardsFollowTheEffect(t *testing.T) {
	t.Parallel()
	prune := []string{"prune", "--filter", ".*:.*", "--ago", "1d", "--untagged"}
	for _, c := range []guarded{
		{"rm of the only image by its tag", oneImage, []string{"rm", "a/b:v1"}, ""},
		{"rm of the only image by its digest", oneImage, []string{"rm", "a/b@sha256:{x}"}, ""},
		{"rm of the only repository", oneImage, []string{"rm", "--repository", "a/b"}, ""},
		{"rm of all images by a glob", oneImage, []string{"rm", "a/b:*"}, lastTag},
		{"rm of all images by a glob and an exact name", oneOfTwo, []string{"rm", "a/b:v1", "c/*:v1"}, lastTag},
		{"rm of one of two images by a glob", oneOfTwo, []string{"rm", "c/*:v1"}, ""},
		{"rm of an untagged image in a store without tags", "image a/b as=x\nimage a/b as=y", []string{"rm", "a/b@sha256:{x}"}, ""},
		{"untag of the only tag", oneImage, []string{"untag", "a/b:v1"}, ""},
		{"untag of both tags by a glob", twoTags, []string{"untag", "a/b:*"}, lastTag},
		{"untag of one of two tags by a glob", twoTags, []string{"untag", "a/b:*1"}, ""},
		{"prune of all tags", oneOfTwo, prune, "without"},
		{"prune of untagged images in a store without tags", "image a/b as=x\nimage c/d as=y", []string{"prune", "--untagged-only", "--ago", "1d", "--filter", ".*:.*"}, tagless},
		{"gc -m of a store without tags", "image a/b as=x", []string{"gc", "-m"}, tagless},
		{"gc of a store whose only tag dangles and whose image is lost", "image a/b:v1 as=x\nimage a/b as=y\nremove repositories/a/b/_manifests/revisions/sha256/{x}\ndamage missing blob x", []string{"gc"}, lastTag},
		{"gc where every tag dangles", allDangles, []string{"gc"}, allDangle},
		{"gc -m where every tag dangles", allDangles, []string{"gc", "-m"}, allDangle},
		{"rm of an untagged image where every tag dangles", allDangles, []string{"rm", "e@sha256:{z}"}, ""},
		{"untag of one tag where every tag dangles", allDangles, []string{"untag", "a/b:v1"}, ""},
		{"gc where one tag dangles", allDangles + "\nimage f:v1", []string{"gc"}, ""},
		{"gc where every tag dangles and no image of them is stored", allDangles + "\ndamage missing blob x\ndamage missing blob y", []string{"gc"}, lastTag},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.compare(t)
		})
	}
}

// argsFor writes digests in place of the names of images.
func (c *guarded) argsFor(s *layouttest.Store) (args []string) {
	for _, a := range c.args {
		args = append(args, expand(s, []string{a})...)
	}
	return args
}

func (c *guarded) compare(t *testing.T) {
	s := layouttest.New(t, "age 30d\n"+c.store)
	args := c.argsFor(s)
	if args[0] != "gc" {
		args = append(args, "--yes")
	}
	before := s.Snapshot(t)
	r := run(t, s, args...)
	if c.refused == "" {
		if r.status != statusDone && r.status != statusProblems || cmp.Equal(before, s.Snapshot(t)) {
			t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
		}
		return
	}
	if r.status != statusFailed || !strings.Contains(r.stderr, c.refused) {
		t.Errorf("status %d, want a refusal: %s\n%s", r.status, c.refused, r.stderr)
	}
	if diff := cmp.Diff(before, s.Snapshot(t)); diff != "" {
		t.Errorf("it has changed the store (-before +after)\n%s", diff)
	}
	if r := run(t, s, append(args, "--allow-empty")...); r.status != statusDone && r.status != statusProblems || cmp.Equal(before, s.Snapshot(t)) {
		t.Errorf("with --allow-empty: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
}

// TestPlanOfExactNamesIsCarriedOutAsItsCommandWouldBe says that the guards ask
// the same of apply as of the command whose plan it is.
func TestPlanOfExactNamesIsCarriedOutAsItsCommandWouldBe(t *testing.T) {
	t.Parallel()
	for _, c := range []guarded{
		{"rm of the only image", oneImage, []string{"rm", "a/b:v1"}, ""},
		{"rm of the only repository", oneImage, []string{"rm", "--repository", "a/b"}, ""},
		{"untag of the only tag", oneImage, []string{"untag", "a/b:v1"}, ""},
		{"rm of an untagged image in a store without tags", "image a/b as=x\nimage a/b as=y", []string{"rm", "a/b@sha256:{x}"}, ""},
		{"rm by a glob", oneImage, []string{"rm", "a/b:*"}, lastTag},
		{"untag by a glob", twoTags, []string{"untag", "a/b:*"}, lastTag},
		{"prune", oneOfTwo, []string{"prune", "--filter", ".*:.*", "--ago", "1d"}, lastTag},
		{"gc -m", "image a/b as=x", []string{"gc", "-m"}, tagless},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, "age 30d\n"+c.store)
			file := filepath.Join(t.TempDir(), "plan")
			args := append(c.argsFor(s), "--dry-run", "--plan", file)
			if c.refused != "" {
				args = append(args, "--allow-empty")
			}
			if r := run(t, s, args...); r.status != statusDone {
				t.Fatalf("status %d\n%s", r.status, r.stderr)
			}
			r := run(t, s, "apply", file, "--yes")
			if c.refused != "" {
				if r.status != statusFailed || !strings.Contains(r.stderr, c.refused) {
					t.Errorf("status %d, want a refusal: %s\n%s", r.status, c.refused, r.stderr)
				}
				r = run(t, s, "apply", file, "--yes", "--allow-empty")
			}
			if r.status != statusDone || r.report.Removed.Tags+r.report.Removed.Manifests == 0 {
				t.Errorf("status %d, %+v\n%s", r.status, r.report.Removed, r.stderr)
			}
		})
	}
}
