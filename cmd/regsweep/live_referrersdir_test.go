package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

const theirType = "_application%2Fvnd.example.thing"

// What the referrers API that is proposed upstream links below a subject.
func TestLiveReferrersDirectories(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "keep what only they link, while the subject lives",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 only\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "keep it with -m, too, and its referrers in turn",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 only\nreferrer a/b of=r1 as=r2 only\nreferrer a/b of=r2 as=r3 listed\nimage a/b as=old\norphan as=o",
			args:  "-m", goes: []string{"o", "old", "old.config", "old.layer1"}, pulls: []string{"a/b:v1", "a/b@r3"},
		},
		{
			name:  "go with their subject",
			store: "image a/b:v1\nimage a/b as=img\nreferrer a/b of=img as=r1 only\nreferrer a/b of=r1 as=r2 listed",
			args:  "-m", goes: []string{"empty.json", "img", "img.config", "img.layer1", "r1", "r1.layer", "r2", "r2.layer"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "keep the referrers of one that is kept since it was deleted not long ago",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 only\nreferrer a/b of=r1 as=r3 only\nimage a/b as=old",
			args:  "-m --keep-deleted 400d", goes: []string{"old", "old.config", "old.layer1"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "are kept with a subject that was deleted not long ago, and theirs in turn",
			store: "age 100d\nimage a/b:v1\nimage a/b as=img\nreferrer a/b of=img as=r1 only\nreferrer a/b of=r1 as=r3 only\nimage a/b as=old\ndelete-manifest a/b img age=1d",
			args:  "-m --keep-deleted 10d", goes: []string{"old", "old.config", "old.layer1"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "of a manifest that was deleted keep nothing",
			store: "image a/b:v1\nimage a/b as=img\nreferrer a/b of=img as=r1 only\ndelete-manifest a/b img",
			goes:  []string{"empty.json", "img", "img.config", "img.layer1", "r1", "r1.layer"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "keep what another repository links, and does not keep",
			store: "image FIRST:v1 as=img\nimage SECOND:v1\nreferrer FIRST of=img as=r1 only\ncopy SECOND r1",
			args:  "-m", goes: []string{}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
		{
			name:  "keep a whole repository if a link in them holds no digest",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 only\nimage a/b as=old\nlayer a/b stray\norphan as=o\nraw repositories/a/b/_manifests/revisions/sha256/{img}/_referrers/" + theirType + "/sha256/{r1}/link nothing",
			args:  "-m", goes: []string{"o"}, items: []string{}, status: 3, problems: []string{"brokenLink"}, pulls: []string{"a/b:v1", "a/b@old"},
		},
		{
			name:  "keep a whole repository if nobody can tell what is in them",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 only\nimage a/b as=old\norphan as=o\nmkdir repositories/a/b/_manifests/revisions/sha256/{img}/_referrers/other/deep",
			args:  "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b@old"},
		},
		{
			name:  "keep nothing where the blob of a link is gone",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 only\nreferrer a/b of=img as=r2 only\nimage a/b as=old\ndamage missing blob r2",
			args:  "-m", goes: []string{"old", "old.config", "old.layer1", "r2.layer"}, pulls: []string{"a/b:v1"},
		},
	})
}

const withReferrers = "image a/b:v1 layers=l1 as=x\nreferrer a/b of=x as=r1 only\nreferrer a/b of=x as=r2 listed\nimage a/b:keep as=k"

func TestRmTakesReferrersDirectories(t *testing.T) {
	removedCase{
		text: withReferrers, args: []string{"rm", "a/b:v1"},
		items: []string{
			"tag a/b:v1 x", "manifest a/b r2", "manifest a/b x", "layerLink a/b empty.json", "layerLink a/b l1", "layerLink a/b r1.layer", "layerLink a/b r2.layer", "layerLink a/b x.config",
			"blob empty.json", "blob l1", "blob r1", "blob r1.layer", "blob r2", "blob r2.layer", "blob x", "blob x.config",
		},
	}.check(t)
}

func TestRmOfAReferrerLeavesTheOthers(t *testing.T) {
	s := removedCase{
		text: withReferrers, args: []string{"rm", "a/b@sha256:{r2}"}, shared: 1,
		items: []string{"manifest a/b r2", "layerLink a/b r2.layer", "blob r2", "blob r2.layer"},
	}.check(t)
	if r := gc(t, s, "-m"); len(r.report.Items) != 0 || r.status != 0 {
		t.Errorf("gc after it: status %d, %v\n%s", r.status, itemsOf(s, r), r.stderr)
	}
}

func TestReferrersDirectoriesGoAndComeBackWithTheirSubject(t *testing.T) {
	for name, args := range map[string][]string{
		"rm":    {"rm", "a/b:v1", "--yes"},
		"gc -m": {"gc", "-m"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "age 30d\n" + withReferrers
			if name == "gc -m" {
				text = strings.Replace(text, "a/b:v1", "a/b", 1)
			}
			s := layouttest.New(t, text)
			before := filesOf(s.Snapshot(t))
			if r := runProgram(t, "", append(args, "--root", s.Root, "--trash")...); r.status != statusDone {
				t.Fatalf("status %d\n%s", r.status, r.stderr)
			}
			dir := "repositories/a/b/_manifests/revisions/sha256/{x}"
			if s.HasPath(dir) || s.Has("r1") || s.Has("r1.layer") {
				t.Errorf("something of it is left: %v", s.Tree(t))
			}
			if r := runProgram(t, "", "trash", "restore", trashRuns(t, s)[0], "--root", s.Root, "--yes"); r.status != statusDone {
				t.Fatalf("restore: status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			same(t, "what was restored", before, filesOf(s.Snapshot(t)))
		})
	}
}

func trashRuns(t *testing.T, s *layouttest.Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Dir, ".regsweep", "trash"))
	if err != nil || len(entries) == 0 {
		t.Fatalf("no run in the trash (%v)", err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// filesOf leaves out directories and the program's own files.
func filesOf(all map[string]string) map[string]string {
	files := map[string]string{}
	for path, text := range all {
		if !strings.HasPrefix(text, "d") && !strings.HasPrefix(path, ".regsweep") {
			files[path] = text
		}
	}
	return files
}

func TestCheckKnowsReferrersDirectories(t *testing.T) {
	s := layouttest.New(t, "age 30d\n"+withReferrers)
	if c := check(t, s, statusDone); len(c.lines(s)) != 0 {
		t.Errorf("%v", c.lines(s))
	}
	s = layouttest.New(t, "age 30d\n"+withReferrers+"\nraw repositories/a/b/_manifests/revisions/sha256/{x}/_referrers/README x\nraw repositories/a/b/_manifests/revisions/sha256/{x}/_referrers/_x/sha256/{r2}/link x")
	r := run(t, s, "check")
	for _, want := range []string{"brokenLink", "_referrers/README"} {
		if !strings.Contains(r.stdout+r.stderr, want) && !strings.Contains(strings.Join(kinds(r), " "), want) {
			t.Errorf("%s is not told:\n%s%s", want, r.stdout, r.stderr)
		}
	}
}
