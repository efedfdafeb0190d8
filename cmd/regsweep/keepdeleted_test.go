package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// keptSample has images that went at different times, with a layer that only they need.
const keptSample = `
age 40d
image a:v1 layers=base as=stays
image a layers=new as=new
image a layers=old as=old
image a layers=armlayer as=arm
image a layers=amdlayer as=amd
index a of=arm,amd as=multi
referrer a of=new as=signed
image a:t layers=was1 as=was1
image a:t layers=was2 as=was2 age=30d
image a:t layers=now as=now age=5d
delete-manifest a new age=3d
delete-manifest a old age=20d
delete-manifest a arm age=20d
delete-manifest a amd age=3d
delete-manifest a multi age=3d
`

// deletedNames are the manifests that undelete can still bring back whole.
func deletedNames(t *testing.T, s *layouttest.Store) (names []string) {
	t.Helper()
	for _, i := range lostOf(t, s, statusDone, "undelete").Images {
		if i.Complete {
			names = append(names, nameOf(s, i.Digest))
		}
	}
	slices.Sort(names)
	return names
}

func TestKeepDeletedKeepsWhatWentNotLongAgo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want []string // can be brought back
		gone []string // manifests whose blobs are gone
	}{
		{nil, nil, []string{"new", "old", "arm", "amd", "multi"}},
		{[]string{"--keep-deleted", "7d"}, []string{"amd", "arm", "multi", "new"}, []string{"old"}},
		{[]string{"--keep-deleted", "30d"}, []string{"amd", "arm", "multi", "new", "old"}, nil},
		{[]string{"-m", "--older-than", "0", "--keep-deleted", "7d"}, []string{"amd", "arm", "multi", "new"}, []string{"old", "was1"}},
		{[]string{"-m", "--older-than", "0", "--keep-deleted", "35d"}, []string{"amd", "arm", "multi", "new", "old"}, nil},
	} {
		s := layouttest.New(t, keptSample)
		for range 2 { // what is kept once is kept the next time
			mustGC(t, s, statusDone, c.args...)
		}
		if got := deletedNames(t, s); !cmp.Equal(got, c.want) {
			t.Errorf("%q: %q can be brought back, not %q", c.args, got, c.want)
		}
		for _, name := range []string{"new", "old", "arm", "amd", "multi", "signed", "was1", "was2", "now", "stays"} {
			if s.Has(name) == slices.Contains(c.gone, name) {
				if name == "signed" && len(c.want) == 0 {
					continue
				}
				t.Errorf("%q: %s is there: %t", c.args, name, s.Has(name))
			}
		}
		if len(c.want) == 0 {
			continue
		}
		lostOf(t, s, statusDone, "undelete", "--all", "a", "-y")
		for _, name := range c.want {
			if lacks := s.Missing(image(s, "a", name)); len(lacks) > 0 {
				t.Errorf("%q: %s lacks %q", c.args, name, lacks)
			}
		}
		if lacks := s.Missing(image(s, "a", "signed")); len(lacks) > 0 {
			t.Errorf("%q: the referrer lacks %q", c.args, lacks)
		}
	}
}

// Which was tagged until 5 days ago is as old as that, however long ago it was pushed.
func TestOlderThanCountsFromTheLossOfTheLastTag(t *testing.T) {
	for age, want := range map[string][]string{
		"4d":  {"was1", "was2"}, // 30 and 5 days
		"6d":  {"was1"},
		"31d": nil,
		"0":   {"was1", "was2"},
	} {
		s := layouttest.New(t, keptSample)
		mustGC(t, s, statusDone, "-m", "--older-than", age)
		var gone []string
		for _, name := range []string{"was1", "was2"} {
			if !s.Has(name) {
				gone = append(gone, name)
			}
		}
		if !cmp.Equal(gone, want) {
			t.Errorf("--older-than %s: %q are gone, not %q", age, gone, want)
		}
	}
}

// A tag whose history shows a later loss counts.
func TestTheLastOfSeveralTagsCounts(t *testing.T) {
	s := layouttest.New(t, `
age 40d
image a:t1 layers=x as=x
tag a:t2 x
image a:t1 layers=y as=y age=30d
image a:t2 layers=z as=z age=2d
`)
	mustGC(t, s, statusDone, "-m", "--older-than", "10d")
	if !s.Has("x") {
		t.Error("it lost its last tag 2 days ago")
	}
	mustGC(t, s, statusDone, "-m", "--older-than", "1d")
	if s.Has("x") {
		t.Error("it lost its last tag 2 days ago, and is kept")
	}
}

func TestKeepDeletedOfTheOtherCommands(t *testing.T) {
	const shared = `
age 40d
image a:v1 layers=shared,one as=v1
image a:v2 layers=shared,two as=v2
image a:t layers=was as=was
image a:t layers=now as=now age=5d
delete-manifest a v2 age=3d
`
	for _, keep := range []bool{false, true} {
		with := func(args ...string) []string {
			if keep {
				args = append(args, "--keep-deleted", "14d")
			}
			return args
		}
		s := layouttest.New(t, shared)
		r := runProgram(t, "", with("rm", "--root", s.Root, "-y", "a:v1")...)
		if r.status != statusDone || s.Has("v1") || s.Has("shared") != keep {
			t.Errorf("rm, keep %t: %v, shared is there: %t", keep, r, s.Has("shared"))
		}
		s = layouttest.New(t, shared)
		r = runProgram(t, "", with("prune", "--root", s.Root, "-y", "--untagged-only", "--ago", "10d")...)
		if r.status != statusDone || s.Has("was") != keep {
			t.Errorf("prune, keep %t: %v, was is there: %t", keep, r, s.Has("was"))
		}
		for _, plan := range [][]string{{"gc", "-m"}, {"prune", "--untagged-only", "--ago", "10d"}} {
			s = layouttest.New(t, shared)
			file := t.TempDir() + "/plan.txt"
			if r := runProgram(t, "", append(plan, "--root", s.Root, "-d", "--older-than=0", "--plan", file)...); plan[0] == "gc" && r.status != statusDone {
				t.Fatal(r.stderr)
			}
			if plan[0] == "prune" {
				if r := runProgram(t, "", append(plan, "--root", s.Root, "-d", "--plan", file)...); r.status != statusDone {
					t.Fatal(r.stderr)
				}
			}
			r = runProgram(t, "", with("apply", "--root", s.Root, "-y", file)...)
			if r.status != statusDone || s.Has("was") != keep {
				t.Errorf("apply of %q, keep %t: %v, was is there: %t", plan, keep, r, s.Has("was"))
			}
			if plan[0] == "gc" && s.Has("v2") != keep {
				t.Errorf("apply of %q, keep %t: v2 is there: %t", plan, keep, s.Has("v2"))
			}
		}
	}
}

func TestRunsSayWhichDeletedImagesEnd(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"gc", "-d"}, "5 deleted images could not be brought back after this"},
		{[]string{"gc"}, "5 deleted images can no longer be brought back"},
		{[]string{"gc", "--keep-deleted", "7d"}, "1 deleted image can no longer be brought back"},
		{[]string{"gc", "-d", "--keep-deleted", "30d"}, ""},
		{[]string{"rm", "-y", "a:v1"}, ""},
		{[]string{"rm", "-d", "b:v1"}, "1 deleted image could not be brought back after this"},
		{[]string{"prune", "-d", "--filter", "b:.*", "--ago", "1d", "--allow-empty"}, "1 deleted image could not be brought back after this"},
	} {
		s := layouttest.New(t, keptSample)
		if c.args[0] != "gc" {
			s.MustApply(t, "age 40d\nimage b:v1 layers=common as=b1\nimage b:v2 layers=common as=b2\ndelete-manifest b b2 age=3d")
		}
		r := runProgram(t, "", append(c.args, "--root", s.Root)...)
		if r.status != statusDone {
			t.Fatal(r.stderr)
		}
		if c.says == "" {
			if strings.Contains(r.stdout, "be brought back") {
				t.Errorf("%q: %s", c.args, r.stdout)
			}
			continue
		}
		if !strings.Contains(r.stdout, c.says) || !strings.Contains(r.stdout, "undelete") {
			t.Errorf("%q says no %q: %s", c.args, c.says, r.stdout)
		}
	}
}

// An entry of a history that holds no digest says by its path what the tag named.
func TestKeepDeletedReadsHistoriesThatHoldNoDigest(t *testing.T) {
	s := layouttest.New(t, `
		age 40d
		image a:v1 as=kept
		image a:t layers=l as=was
		image a:t as=now age=5d
		damage garbage path repositories/a/_manifests/tags/t/index/sha256/{was}/link
	`)
	r := gc(t, s, "-m", "--older-than", "0", "--keep-deleted", "7d")
	if !s.Has("was") || !s.Has("l") || s.Missing(image(s, "a", "was")) != nil {
		t.Errorf("status %d: the image is gone: %v", r.status, itemLines(s, r))
	}
}

// TestKeepDeletedReachesBackBefore1970 keeps what a history names for longer than there has
// been Unix time.
func TestKeepDeletedReachesBackBefore1970(t *testing.T) {
	s := newStore(t, `
age 26000d
image a:keep layers=k as=k age=30d
image a:t layers=l1 as=x
image a:t layers=l2 as=y age=24000d
delete-manifest a x age=24000d
`)
	if removed := itemNames(s, gc(t, s, "-d", "--keep-deleted", "21000d", "--index", "none")); len(removed) > 0 {
		t.Errorf("it would remove %v", removed)
	}
}
