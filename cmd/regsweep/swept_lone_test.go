package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
)

// asideStore is an image, garbage, and a part of the image that a stopped run
// has set aside, with something else that it has or has not.
const asideStore = "image a/b:v1 layers=one,two as=x\nimage c:v1 layers=three as=y\norphan as=o\nlayer c dead\n"

// Whichever name was set aside, and whatever was made or removed in the store's
// directory since: what is live gets its name back, and nothing stays set aside.
func TestWhatAStoppedRunSetAsideIsFoundByWhatItLeft(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	touched := func(t *testing.T, s *layouttest.Store) {
		stoppedLongAgo(t, s)
		if err := os.WriteFile(filepath.Join(s.Dir, ".DS_Store"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	marks := map[string]func(*testing.T, *layouttest.Store){"marked": stopped, "marked and touched": func(t *testing.T, s *layouttest.Store) { stopped(t, s); touched(t, s) }, "touched": touched}
	live := map[string]string{
		"a layer":      aside(layerPath("a/b", "one")),
		"a config":     aside(layerPath("a/b", "x.config")),
		"a manifest":   aside(revisionPath("a/b", "x")),
		"its blob":     aside(blobPath("x")),
		"a layer blob": aside(blobPath("one")),
	}
	others := map[string]string{
		"":                           "",
		"and garbage's blob":         aside(blobPath("o")),
		"and a dead layer link":      aside(layerPath("c", "dead")),
		"and a manifest's elsewhere": aside(revisionPath("c", "y")),
	}
	for mark, leave := range marks {
		for part, move := range live {
			for other, more := range others {
				if mark == "touched" && other == "" && strings.HasPrefix(move, "move repositories/a/b/_layers") {
					continue // TestNothingTellsOfALayerLinkThatIsSetAside
				}
				t.Run(strings.Join([]string{mark, part, other}, " "), func(t *testing.T) {
					s := layouttest.New(t, "age 30d\n"+asideStore+move+more)
					if leave != nil {
						leave(t, s)
					}
					if r := run(t, s, "check"); r.status != statusProblems || !strings.Contains(r.stdout, walker.SetAside) || !strings.Contains(r.stdout, "regsweep gc") {
						t.Errorf("check: status %d\n%s%s", r.status, r.stdout, r.stderr)
					}
					if r := run(t, s, "gc"); r.status != statusDone {
						t.Fatalf("gc: status %d\n%s", r.status, r.stderr)
					}
					nothingAside(t, s)
				})
			}
		}
	}
}

// nothingAside holds a store against what a sweep leaves in the end.
func nothingAside(t *testing.T, s *layouttest.Store) {
	t.Helper()
	for _, ref := range []string{"a/b:v1", "c:v1"} {
		if missing := s.Missing(ref); missing != nil {
			t.Errorf("%s lacks %v", ref, missing)
		}
	}
	for _, path := range s.Tree(t) {
		if strings.Contains(path, layout.Own) {
			t.Errorf("%s is still there", path)
		}
	}
	if r := run(t, s, "check"); r.status != statusDone || strings.Contains(r.stdout, "stopped") {
		t.Errorf("check at the end: status %d\n%s", r.status, r.stdout)
	}
}

// A layer link that is set aside, and no mark, no other name: a gc that reads no
// more than it must cannot know. check does, and its cure works.
func TestNothingTellsOfALayerLinkThatIsSetAside(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\n"+asideStore+aside(layerPath("a/b", "one")))
	r := run(t, s, "check")
	if r.status != statusProblems || !strings.Contains(r.stdout, walker.SetAside) || !strings.Contains(r.stdout, "regsweep gc --resume") || !strings.Contains(r.stdout, "a/b:v1") {
		t.Fatalf("check: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if r := run(t, s, "gc", "--resume"); r.status != statusDone {
		t.Fatalf("gc: status %d\n%s", r.status, r.stderr)
	}
	nothingAside(t, s)
}

// A name that a stopped run set aside and that a push has made anew leaves, also
// where nothing but another name tells of that run.
func TestWhatWasSetAsideAndPushedAgainLeaves(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\n"+asideStore+aside(blobPath("o")))
	for _, path := range expand(s, []string{layerPath("a/b", "one"), revisionPath("c", "y"), blobPath("two")}) {
		at := filepath.Join(s.Dir, path)
		text, err := os.ReadFile(at)
		if err == nil {
			err = os.WriteFile(at+".regsweep", text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := run(t, s, "gc"); r.status != statusDone {
		t.Fatalf("gc: status %d\n%s", r.status, r.stderr)
	}
	nothingAside(t, s)
}

// Somebody has removed the mark in the store's own directory, and all that a
// stopped run set aside is live again. Whatever is asked next gives the name
// back or reports it, and never says that all is well.
func TestNamesSetAsideAreNeverIgnoredThoughTheMarkIsRemoved(t *testing.T) {
	t.Parallel()
	mark := func(repository string) string {
		return "raw repositories/" + repository + "/_layers/sha256/" + layout.Unfinished + "\n"
	}
	for part, text := range map[string]string{
		"a layer":               aside(layerPath("a/b", "one")) + mark("a/b"),
		"a layer, marked in c":  aside(layerPath("a/b", "one")) + mark("c"),
		"a config":              aside(layerPath("a/b", "x.config")) + mark("a/b"),
		"a manifest":            aside(revisionPath("a/b", "x")),
		"a manifest's blob":     aside(blobPath("x")),
		"a layer's blob":        aside(blobPath("one")),
		"a tag":                 "move repositories/a/b/_manifests/tags/v1 repositories/a/b/_manifests/.regsweep-v1\n",
		"a tag and its history": "tag a/b:v2 x\nmove repositories/a/b/_manifests/tags/v1 repositories/a/b/_manifests/.regsweep-v1\n",
	} {
		for _, line := range []string{"check", "ls", "ls a/b", "why {one}", "gc", "gc --dry-run", "gc -m --older-than 0", "gc --trash", "rm c:v1 --yes"} {
			t.Run(part+" "+line, func(t *testing.T) {
				s := layouttest.New(t, "age 30d\n"+asideStore+text)
				before := s.Snapshot(t)
				r := runProgram(t, "", append(strings.Fields(strings.ReplaceAll(line, "{one}", s.Digest("one").String())), "--root", s.Root)...)
				said := r.stdout + r.stderr
				switch verb, _, _ := strings.Cut(line, " "); {
				case verb == "check":
					// A tag that was taken out was named by somebody, and is not live.
					tag := strings.HasPrefix(part, "a tag") && strings.Contains(said, "stopped")
					if !tag && (r.status != statusProblems || !strings.Contains(said, walker.SetAside)) {
						t.Errorf("status %d\n%s", r.status, said)
					}
				case verb == "ls" || verb == "why" || strings.Contains(line, "--dry-run"):
					if r.status != statusDone || !strings.Contains(said, "set aside") && !strings.Contains(said, "stopped") {
						t.Errorf("status %d\n%s", r.status, said)
					}
					same(t, "the store", before, s.Snapshot(t))
				default:
					refs := []string{"a/b:v1", "c:v1"}
					if verb == "rm" {
						refs = refs[:1]
					}
					if r.status != statusDone {
						t.Errorf("status %d\n%s", r.status, said)
					}
					if strings.HasPrefix(part, "a tag") {
						// Where it is not asked for untagged images, its image is kept.
						refs[0] = "a/b@" + s.Digest("x").String()
						if strings.Contains(line, "-m") {
							refs = refs[1:]
						}
					}
					wholeAfter(t, s, refs...)
				}
			})
		}
	}
}

// wholeAfter holds that references are whole and nothing stays set aside.
func wholeAfter(t *testing.T, s *layouttest.Store, refs ...string) {
	t.Helper()
	for _, ref := range refs {
		if lacks := s.Missing(ref); lacks != nil {
			t.Errorf("%s lacks %v", ref, lacks)
		}
	}
	for _, path := range s.Tree(t) {
		if strings.Contains(path, layout.Own) && !strings.HasPrefix(path, layout.Own+"/") {
			t.Errorf("%s is still there", path)
		}
	}
}

// A mark may be among links alone, where the store's own directory takes none.
// Commands that do not look at all repositories know it, too.
func TestMarksAmongLinksAreKnownToEveryCommand(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\n"+asideStore+"raw repositories/a/b/_layers/sha256/"+layout.Unfinished+"\n"+aside(layerPath("a/b", "one"))+
		"remove "+revisionPath("c", "y")+"\nremove repositories/c/_manifests/tags/v1\n")
	before := s.Snapshot(t)
	for _, line := range []string{"tag a/b:v1 v2", "undelete c@" + s.Digest("y").String() + " --yes", "undelete --all c --yes"} {
		r := runProgram(t, "", append(strings.Fields(line), "--root", s.Root)...)
		if r.status != statusFailed || !strings.Contains(r.stderr, "a sweep was stopped") || !strings.Contains(r.stderr, "--keep-deleted 7d") {
			t.Errorf("%s: status %d\n%s", line, r.status, r.stderr)
		}
		same(t, "the store", before, s.Snapshot(t))
	}
	if r := runProgram(t, "", "doctor", "--root", s.Root); !strings.Contains(r.stdout, "a run was stopped while names were set aside") {
		t.Errorf("doctor: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	to := filepath.Join(t.TempDir(), "layout")
	if r := runProgram(t, "", "export", "a/b:v1", to, "--root", s.Root); r.status != statusDone {
		t.Errorf("export: status %d\n%s", r.status, r.stderr)
	}
	if r := runProgram(t, "", "gc", "--keep-deleted", "60d", "--root", s.Root); r.status != statusDone {
		t.Fatalf("gc: status %d\n%s", r.status, r.stderr)
	}
	wholeAfter(t, s, "a/b:v1")
	if r := runProgram(t, "", "undelete", "--all", "c", "--yes", "--root", s.Root); r.status != statusDone {
		t.Errorf("undelete: status %d\n%s", r.status, r.stderr)
	}
}

// Reading commands take what is set aside and live for what it is.
func TestLsAndWhySeeWhatIsSetAside(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "age 30d\n"+asideStore+aside(layerPath("a/b", "one"))+aside(blobPath("one")))
	before := s.Tree(t)
	for _, args := range [][]string{{"ls"}, {"ls", "a/b"}, {"why", s.Digest("one").String()}, {"gc", "--dry-run"}} {
		r := runProgram(t, "", append(args, "--root", s.Root)...)
		if r.status != statusDone {
			t.Errorf("%v: status %d\n%s", args, r.status, r.stderr)
		}
		if args[0] == "why" && !strings.Contains(r.stdout, "a/b:v1") {
			t.Errorf("%v: %s", args, r.stdout)
		}
	}
	if !slices.Equal(before, s.Tree(t)) {
		t.Error("something has changed")
	}
}
