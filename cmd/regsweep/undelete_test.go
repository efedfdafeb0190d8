package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// lostOf is what undelete, or another command with its JSON, says of a store.
func lostOf(t *testing.T, s *layouttest.Store, status int, args ...string) lostList {
	t.Helper()
	r := runProgram(t, "", append(args, "--root", s.Root, "-o", "json")...)
	if r.status != status {
		t.Fatalf("%q: status %d, want %d: %s%s", args, r.status, status, r.stdout, r.stderr)
	}
	var list lostList
	if r.stdout == "" {
		return list
	}
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, r.stdout)
	}
	return list
}

// lostText is a line for each image: its name here, how it went, its tag, what it lacks.
func lostText(s *layouttest.Store, list lostList) []string {
	lines := []string{}
	for _, i := range list.Images {
		line := i.Repository + " " + nameOf(s, i.Digest) + " " + i.How
		if i.Tag != "" {
			line += " tag=" + i.Tag
		}
		for _, d := range i.Missing {
			line += " lacks=" + nameOf(s, d)
		}
		if i.Complete != (len(i.Missing) == 0) {
			line += " complete?"
		}
		if i.Restored {
			line += " restored"
		}
		lines = append(lines, line)
	}
	return lines
}

// deletedSample has an image that went in each way.
const deletedSample = `
age 10d
image a:v1 layers=base as=kept
image a:v2 layers=base as=deleted
image a:latest layers=base as=over1
image a:latest layers=base as=over2
image a layers=base as=arm
image a layers=base as=amd
index a:multi of=arm,amd as=multi
image b:v1 layers=2 as=swept
image c:x layers=base,own as=unlinked
image d:x layers=base as=other
delete-manifest a deleted age=2d
delete-manifest a arm age=3d
delete-manifest a multi age=3d
delete-manifest b swept age=1d
remove blobs/sha256/{xx:swept}/{swept}
remove repositories/a/_manifests/revisions/sha256/{over1}
remove repositories/c/_manifests
mkdir repositories/c/_manifests/revisions
`

func TestUndeleteLists(t *testing.T) {
	s := layouttest.New(t, deletedSample)
	want := []string{
		"a deleted deleted", "a arm deleted", "a multi deleted", "a over1 overwritten tag=latest",
		"c unlinked unlinked",
	}
	for _, args := range [][]string{{"undelete"}, {"ls", "--deleted"}} {
		got := lostText(s, lostOf(t, s, statusDone, args...))
		// What went at one time has the order of the digests.
		if diff := cmp.Diff(sortedWords(want), sortedWords(got)); diff != "" {
			t.Errorf("%q: %s", args, diff)
		}
	}
	if got := lostText(s, lostOf(t, s, statusDone, "undelete", "c")); !cmp.Equal(got, want[4:]) {
		t.Error(got)
	}
	if r := runProgram(t, "", "undelete", "--root", s.Root, "klingon"); r.status != statusFailed || !strings.Contains(r.stderr, "there is no repository") {
		t.Error(r)
	}
	text := runProgram(t, "", "undelete", "--root", s.Root, "a").stdout
	for _, want := range []string{"IMAGE", "WENT", "CREATED", "deleted", "overwritten", "latest", "whole", "undelete --root"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func sortedWords(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// image is NAME@DIGEST of what has a name.
func image(s *layouttest.Store, repository, name string) string {
	return repository + "@" + s.Digest(name).String()
}

// A deletion leaves the links of referrers behind, in a store that has them.
func TestUndeleteOfAnImageWithReferrersLinks(t *testing.T) {
	s := layouttest.New(t, `
		age 10d
		image a:v1 as=kept
		image a:v2 as=x
		referrer a of=x as=r
		delete-manifest a x
		raw repositories/a/_manifests/revisions/sha256/{x}/_referrers/_application%2Fx/sha256/{r}/link text
	`)
	if got, want := lostText(s, lostOf(t, s, statusDone, "undelete")), []string{"a x deleted"}; !cmp.Equal(got, want) {
		t.Error(got)
	}
	lostOf(t, s, statusDone, "undelete", image(s, "a", "x"), "-y")
	if lacks := s.Missing(image(s, "a", "x")); len(lacks) > 0 {
		t.Errorf("it lacks %q", lacks)
	}
}

func TestUndeleteBringsBack(t *testing.T) {
	s := layouttest.New(t, deletedSample+"delete-blob a base\n")
	before := s.Tree(t)
	multi := image(s, "a", "multi")
	dry := lostText(s, lostOf(t, s, statusDone, "undelete", multi, "--tag", "new", "-d"))
	if want := []string{"a multi deleted tag=new"}; !cmp.Equal(dry, want) || !cmp.Equal(before, s.Tree(t)) {
		t.Errorf("a dry run says %q", dry)
	}
	// An index brings its children back, and the layers that all need.
	got := lostText(s, lostOf(t, s, statusDone, "undelete", multi, "--tag", "new", "-y"))
	if want := []string{"a multi deleted tag=new restored"}; !cmp.Equal(got, want) {
		t.Error(got)
	}
	for _, ref := range []string{"a:new", multi, image(s, "a", "arm"), image(s, "a", "amd")} {
		if lacks := s.Missing(ref); len(lacks) > 0 {
			t.Errorf("%s lacks %q", ref, lacks)
		}
	}
	// The beginning of a digest is enough; c/x had no link left at all.
	for _, ref := range []string{"a@" + s.Digest("deleted").Hex()[:12], image(s, "a", "over1"), image(s, "c", "unlinked")} {
		lostOf(t, s, statusDone, "undelete", ref, "-y")
	}
	for _, ref := range []string{image(s, "a", "deleted"), image(s, "a", "over1"), image(s, "c", "unlinked")} {
		if lacks := s.Missing(ref); len(lacks) > 0 {
			t.Errorf("%s lacks %q", ref, lacks)
		}
	}
	if lacks := s.Missing("a:latest"); len(lacks) > 0 || !currentNames(t, s, "a", "latest", "over2") {
		t.Errorf("a:latest lacks %q, or names something else", lacks)
	}
	if r := runProgram(t, "", "check", "--root", s.Root, "-q"); r.status != statusDone {
		t.Errorf("check: status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	if list := lostText(s, lostOf(t, s, statusDone, "undelete")); len(list) > 0 {
		t.Errorf("still deleted: %q", list)
	}
	// What is there is left as it is; it can still get a tag.
	tree := s.Tree(t)
	r := runProgram(t, "", "undelete", "--root", s.Root, "-y", multi)
	if r.status != statusDone || !strings.Contains(r.stdout, "is not deleted") || !cmp.Equal(tree, s.Tree(t)) {
		t.Error(r)
	}
	lostOf(t, s, statusDone, "undelete", multi, "--tag", "again", "-y")
	if lacks := s.Missing("a:again"); len(lacks) > 0 {
		t.Error(lacks)
	}
}

func currentNames(t *testing.T, s *layouttest.Store, repository, tag, name string) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, layout.TagDir(repository, tag), layout.Current, layout.Link))
	return err == nil && string(b) == s.Digest(name).String()
}

func TestUndeleteAll(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"a arm deleted restored", "a deleted deleted restored", "a multi deleted restored"}},
		{[]string{"--since", "60h"}, []string{"a deleted deleted restored"}},
		{[]string{"--overwritten"}, []string{"a arm deleted restored", "a deleted deleted restored", "a multi deleted restored", "a over1 overwritten tag=latest restored"}},
	} {
		s := layouttest.New(t, deletedSample)
		got := lostText(s, lostOf(t, s, statusDone, append([]string{"undelete", "--all", "a", "-y"}, c.args...)...))
		if diff := cmp.Diff(c.want, sortedWords(got)); diff != "" {
			t.Errorf("%q: %s", c.args, diff)
		}
		if r := runProgram(t, "", "undelete", "--all", "--root", s.Root, "b", "-y"); r.status != statusDone || !strings.Contains(r.stdout, "nothing to bring back") {
			t.Error(r)
		}
	}
}

func TestUndeleteRefuses(t *testing.T) {
	s := layouttest.New(t, deletedSample+`
image e:v1 layers=gone,there as=part
delete-manifest e part
remove blobs/sha256/{xx:gone}/{gone}
image f:v1 layers=rotten as=rot
delete-manifest f rot
delete-blob f rotten
damage garbage blob rotten
`)
	before := s.Tree(t)
	other := s.Digest("other").String()
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{statusFailed, "v1 exists, and is not overwritten", []string{"-y", image(s, "a", "deleted"), "--tag", "v1"}},
		{statusFailed, "does not show that it had it", []string{"-y", "a@" + other}}, // another repository's
		{statusFailed, "not in the store any more", []string{"-y", image(s, "b", "swept")}},
		{statusFailed, "is not complete: 1 blob is missing", []string{"-y", image(s, "e", "part")}},
		{statusFailed, "has another digest", []string{"-y", image(s, "f", "rot")}},
		{statusUsage, "give --yes", []string{image(s, "a", "deleted")}},
		{statusUsage, "a deleted image has none", []string{"-y", "a:v2"}},
		{statusUsage, "needs to know which repository", []string{"--all"}},
		{statusUsage, "need --all", []string{"--overwritten", "a"}},
		{statusUsage, "--tag needs exactly one", []string{"-y", image(s, "a", "deleted"), image(s, "a", "arm"), "--tag", "x"}},
		{statusUsage, "keep for signatures", []string{"-y", image(s, "a", "deleted"), "--tag", "sha256-" + strings.Repeat("a", 64)}},
	} {
		r := runProgram(t, "", append([]string{"undelete", "--root", s.Root}, c.args...)...)
		if r.status != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q: status %d, %q", c.args, r.status, r.stderr)
		}
		if diff := cmp.Diff(before, s.Tree(t)); diff != "" {
			t.Fatalf("%q changed %s", c.args, diff)
		}
	}
	got := lostText(s, lostOf(t, s, statusDone, "undelete", "-y", image(s, "e", "part"), "--partial"))
	if want := []string{"e part deleted lacks=gone restored"}; !cmp.Equal(got, want) {
		t.Error(got)
	}
}

// An index may name another repository's image, which stays that one's.
func TestUndeleteOfASparseIndexTakesNothingFromOthers(t *testing.T) {
	s := layouttest.New(t, `
age 10d
image secret/x:v1 layers=2 as=private
image a layers=1 as=own
index a:i of=own sparse=private as=i
delete-manifest a i
`)
	lostOf(t, s, statusDone, "undelete", "-y", image(s, "a", "i"))
	if s.HasPath("repositories/a/_manifests/revisions/sha256/{private}") {
		t.Error("another repository's image has been linked")
	}
	if lacks := s.Broken(image(s, "a", "i")); len(lacks) > 0 {
		t.Error(lacks)
	}
}

func TestUndeleteAndTagWhereLinksAreNotTheTruth(t *testing.T) {
	s := layouttest.New(t, deletedSample+"raw lockfiles/database-in-use x\nmove lockfiles /docker/registry/lockfiles\n")
	for _, args := range [][]string{{"undelete", "-y", image(s, "a", "deleted")}, {"tag", "a:v1", "v9"}} {
		if r := runProgram(t, "", append(args, "--root", s.Root)...); r.status != statusFailed || !strings.Contains(r.stderr, "GitLab") {
			t.Error(r)
		}
		if r := runProgram(t, "", append(args, "--root", s.Root, "-d")...); r.status != statusDone || !strings.Contains(r.stderr, "GitLab") {
			t.Error(r)
		}
	}
	s = layouttest.New(t, deletedSample+"raw /scheduler-state.json {}\n")
	for _, args := range [][]string{{"undelete", "-y", image(s, "a", "deleted")}, {"tag", "a:v1", "v9"}} {
		if r := runProgram(t, "", append(args, "--root", s.Root)...); r.status != statusFailed || !strings.Contains(r.stderr, "pull-through") {
			t.Error(r)
		}
	}
}
