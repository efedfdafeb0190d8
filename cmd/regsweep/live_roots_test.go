package main

import (
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func TestLiveRoots(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "without -m every linked manifest is live, tagged or not",
			store: "image a/b:v1 as=tagged\nimage a/b as=untagged\nimage c/d as=alone\norphan as=o",
			goes:  []string{"o"},
			items: []string{},
			pulls: []string{"a/b:v1", "a/b@untagged", "c/d@alone"},
		},
		{
			name:  "without -m a manifest that lost its tag to another is live, and so is the history that names it",
			store: "image a/b:v1 as=old age=60d\nimage a/b:v1 as=new",
			items: []string{},
			pulls: []string{"a/b@old", "a/b:v1"},
		},
		{
			name:  "with -m untagged manifests go with all that only they kept",
			store: "image a/b:v1 layers=base,one as=img\nimage a/b layers=base,two as=old",
			args:  "-m",
			goes:  []string{"old", "old.config", "two"},
			items: []string{"layerLink a/b old.config", "layerLink a/b two", "manifest a/b old"},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "with -m a manifest that lost its tag to another goes, and its history",
			store: "image a/b:v1 as=old age=60d\nimage a/b:v1 as=new",
			args:  "-m",
			goes:  []string{"old", "old.config", "old.layer1"},
			items: []string{"layerLink a/b old.config", "layerLink a/b old.layer1", "manifest a/b old", "tagHistory a/b v1 old"},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "a manifest with two tags stays for one of them",
			store: "image a/b:v1,v2 as=img\ndelete-tag a/b:v1",
			args:  "-m",
			items: []string{},
			pulls: []string{"a/b:v2"},
		},
		{
			name:  "with -m a tag in one repository keeps nothing in another",
			store: "image FIRST:v1 as=img\ncopy SECOND img\nimage SECOND:other as=other",
			args:  "-m",
			items: []string{"layerLink SECOND img.config", "layerLink SECOND img.layer1", "manifest SECOND img"},
			pulls: []string{"FIRST:v1", "SECOND:other"},
		},
		{
			name:  "a manifest that was deleted through the API is no root, and a layer link is none either",
			store: "image a/b:v1 as=img\nimage a/b:v2 as=other\ndelete-manifest a/b img",
			goes:  []string{"img", "img.config", "img.layer1"},
			items: []string{"layerLink a/b img.config", "layerLink a/b img.layer1"},
			pulls: []string{"a/b:v2"},
		},
		{
			name: "a tag whose manifest link is gone is no root",
			store: `image a/b:v1 as=img
				image a/b:v2 as=other
				remove repositories/a/b/_manifests/revisions/sha256/{img}/link`,
			goes:     []string{"img", "img.config", "img.layer1"},
			items:    []string{"layerLink a/b img.config", "layerLink a/b img.layer1", "tag a/b v1"},
			problems: []string{"danglingTag"},
			pulls:    []string{"a/b:v2"},
		},
	})
}

func TestLiveUntaggedManifestsWithMYoungerThanOlderThanAndGrace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, age, args string
		goes            bool
	}{
		{"a day is spared by default", "23h", "-m", false},
		{"older than a day goes by default", "25h", "-m", true},
		{"--older-than spares longer", "6d", "-m --older-than 7d", false},
		{"older than --older-than goes", "8d", "-m --older-than 7d", true},
		{"--older-than 0 leaves the grace", "30m", "-m --older-than 0", false},
		{"--older-than 0 takes what is past the grace", "2h", "-m --older-than 0", true},
		{"a longer grace counts", "25h", "-m --grace 48h", false},
		{"past the longer grace goes", "49h", "-m --grace 48h", true},
		{"neither spares a minute", "1m", "-m --older-than 0 --grace 0", true},
		{"without -m age does not matter", "9w", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := liveCase{args: c.args, store: "image a/b:v1 age=90d\nimage a/b as=img age=" + c.age, pulls: []string{"a/b:v1"}}
			if c.goes {
				l.goes = []string{"img", "img.config", "img.layer1"}
			} else {
				l.pulls = append(l.pulls, "a/b@img")
			}
			l.run(t)
		})
	}
}

// The blobs of a spared manifest are older than it where a push found them there.
func TestLiveYoungUntaggedManifestKeepsItsOldLayersAndChildren(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{{
		name: "with -m",
		store: `image a/b:v1 age=90d
			image a/b as=child layers=base age=60d
			index a/b of=child as=idx age=3h`,
		args:  "-m",
		items: []string{},
		pulls: []string{"a/b@idx", "a/b:v1"},
	}})
}

func TestLiveRepositoryIsWhateverHasOneOfItsDirectories(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "only _manifests",
			store: "index only/manifests:v1 as=idx\nremove repositories/only/manifests/_uploads\norphan as=o",
			goes:  []string{"o"},
			items: []string{},
			pulls: []string{"only/manifests:v1"},
		},
		{
			name:  "only _layers",
			store: "image a/b:v1\nlayer only/layers l",
			goes:  []string{"l"},
			items: []string{"layerLink only/layers l", "repository only/layers"},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "only _layers, with a layer that another repository uses",
			store: "image FIRST:v1 layers=l\nlayer SECOND l",
			items: []string{"layerLink SECOND l", "repository SECOND"},
			pulls: []string{"FIRST:v1"},
		},
		{
			name:  "only _uploads",
			store: "image a/b:v1\nupload only/uploads age=8d\nupload only/uploads age=2d",
			items: []string{"upload only/uploads 00000000-0000-7000-8000-000000000001"},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "one below another, at any depth",
			store: "image a:v1\nimage a/b:v1\nimage a/b/c/d/e/f:v1\nimage a/b/c as=deep\norphan as=o",
			goes:  []string{"o"},
			pulls: []string{"a:v1", "a/b:v1", "a/b/c/d/e/f:v1", "a/b/c@deep"},
		},
	})
}

func TestLiveOtherNamesWithAnUnderscoreAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, `
		image a/b:v1
		raw repositories/a/b/_referrers/sha256/x/link hello
		raw repositories/_company/list hello
		raw repositories/c/_tmp/link hello
		orphan as=o
	`)
	liveCase{goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"}}.on(t, s)
	for _, path := range []string{"a/b/_referrers/sha256/x/link", "_company/list", "c/_tmp/link"} {
		if !s.HasPath("repositories/" + path) {
			t.Errorf("%s is gone", path)
		}
	}
}

// What is below such a directory is a copy that no registry serves.
func TestLiveSnapshotsAndRecycleBinsAreNotEntered(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{".snapshot", "@eaDir", "#recycle", "$RECYCLE.BIN", "~tmp", "+old", "lost+found"} {
		for _, at := range []string{"", "/x"} {
			t.Run(dir+at, func(t *testing.T) {
				t.Parallel()
				// The image is made elsewhere, since # begins a comment.
				s := layouttest.New(t, "image a/b:v1\nimage c/d:v1 as=copy\nupload c/d age=30d\nimage x:v1\nmove repositories/c repositories"+at+"/"+dir+"/c")
				liveCase{
					goes:  []string{"copy", "copy.config", "copy.layer1"},
					items: []string{},
					pulls: []string{"a/b:v1", "x:v1"},
				}.on(t, s)
				if !s.HasPath("repositories" + at + "/" + dir + "/c/d/_manifests/revisions/sha256/{copy}/link") {
					t.Error("the copy's manifest link is gone")
				}
			})
		}
	}
}

// All that is in them is live: nobody knows what made them.
func TestLiveOtherOddNamesAreEnteredAndReported(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a/UPPER", "a..b", "-dash", "a%20b", "ümlaut", "a,b", "a/b/very" + strings.Repeat("-long", 50)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, "names any\nimage "+name+":v1 as=img\nimage "+name+" as=untagged\nlayer "+name+" l\nimage c/d:v1\norphan as=o")
			liveCase{
				goes: []string{"o"}, items: []string{},
				problems: []string{"unknownFile"}, // which do not change the status
				pulls:    []string{name + ":v1", name + "@untagged", "c/d:v1"},
			}.on(t, s, "-m")
			r := gc(t, s, "--dry-run")
			if len(r.report.Problems) != 1 || !strings.Contains(r.report.Problems[0].Path, name) {
				t.Errorf("%s is not the one problem of %v", name, r.report.Problems)
			}
		})
	}
}
