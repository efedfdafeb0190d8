package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// brokenStore has a repository for damage, whose untagged manifest, unused
// layer and all else must then stay, and another whose garbage still goes.
const brokenStore = `
	image broken:v1 as=img layers=l1,l2
	image broken:v2 as=good
	image broken as=untagged
	layer broken unused
	image other:v1 layers=l1
	image other as=old
	layer other garbage
	orphan as=o
`

// Which repository is read first must not matter: other is second in one run
// and first in the next.
func runBroken(t *testing.T, damage string, problems ...string) {
	t.Helper()
	for _, name := range []string{"aaa", "zzz"} {
		for _, args := range []string{"", "-m"} {
			t.Run(name+args, func(t *testing.T) {
				t.Parallel()
				c := liveCase{
					store: strings.ReplaceAll(brokenStore+damage, "broken", name), args: args,
					status: 3, goes: []string{"garbage", "o"}, problems: problems,
					items: []string{"layerLink other garbage"}, pulls: []string{name + ":v2", name + "@untagged", "other:v1"},
				}
				if args == "-m" {
					c.goes = []string{"garbage", "o", "old", "old.config", "old.layer1"}
					c.items = nil
				} else {
					c.pulls = append(c.pulls, "other@old")
				}
				c.run(t)
			})
		}
	}
}

func TestLiveAllThatARepositoryLinksIfAManifestIsBroken(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for _, kind := range []string{"zero", "garbage", "truncated", "html", "wrong-digest", "long", "newline"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			runBroken(t, "damage "+kind+" blob img", "brokenManifest")
		})
	}
	t.Run("a tagged one over 4 MiB", func(t *testing.T) {
		t.Parallel()
		runBroken(t, "image broken:big pad=5m", "brokenManifest")
	})
	t.Run("an untagged one", func(t *testing.T) {
		t.Parallel()
		runBroken(t, "image broken as=lost\ndamage truncated blob lost", "brokenManifest")
	})
	t.Run("an index", func(t *testing.T) {
		t.Parallel()
		runBroken(t, "index broken:all of=img as=idx\ndamage truncated blob idx", "brokenManifest")
	})
	t.Run("an index's child", func(t *testing.T) {
		t.Parallel()
		runBroken(t, "index broken:all of=img,good as=idx\ndamage truncated blob img", "brokenManifest")
	})
}

func TestLiveAllThatARepositoryLinksIfAManifestIsMissing(t *testing.T) {
	t.Parallel()
	runBroken(t, "damage missing blob img", "missingManifest")
}

func TestLiveAllThatARepositoryLinksIfALinkHoldsNoDigest(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for target, name := range map[string]string{
		"revision broken img":      "a manifest link",
		"revision broken untagged": "an untagged manifest's link",
		"tag broken:v1":            "a tag",
		"layer broken unused":      "a layer link",
	} {
		for _, kind := range []string{"zero", "garbage", "long", "html"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				for _, args := range []string{"", "-m"} {
					// What the links' own paths name is live like all else.
					liveCase{
						store: brokenStore + "damage " + kind + " " + target, args: args,
						status: 3, goes: slices.Concat([]string{"garbage", "o"}, map[string][]string{"-m": {"old", "old.config", "old.layer1"}}[args]),
						problems: []string{"brokenLink"}, pulls: []string{"broken:v2", "other:v1"},
					}.run(t)
				}
			})
		}
	}
}

// A manifest that is shared and broken breaks each repository that links it.
func TestLiveBrokenManifestInSeveralRepositories(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{{
		name: "keeps the layers of each",
		store: `image FIRST:v1 as=img
			copy SECOND:v1 img
			layer FIRST u1
			layer SECOND u2
			image m/other:v1
			layer m/other u3
			damage truncated blob img`,
		args: "-m", status: 3, goes: []string{"u3"}, problems: []string{"brokenManifest"}, // one file
		items: []string{"layerLink m/other u3"}, pulls: []string{"m/other:v1"},
	}})
}

// A broken repository keeps what it links, and expands what it can.
func TestLiveBrokenRepositoryKeepsUntaggedIndexesAndTheirChildrensReferrers(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{{
		name: "with -m",
		store: `image a/b:v1 as=img
			image a/b as=x
			index a/b of=x as=idx
			referrer a/b of=x as=r
			image a/b as=s1 type=schema1 signatures=2
			image a/b:al alias=1
			damage truncated blob img
			image c/d:v1`,
		args: "-m", status: 3, items: []string{}, problems: []string{"brokenManifest"},
		pulls: []string{"a/b@idx", "a/b@r", "a/b@s1", "a/b:al", "c/d:v1"},
	}})
}

func TestLiveLayerLinkWhoseBlobIsAbsentGoesAndKeepsNothing(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{{
		name:  "unused",
		store: "image a/b:v1\nimage a/b as=old\nlayer a/b l\ndamage missing blob l",
		args:  "-m",
		goes:  []string{"old", "old.config", "old.layer1"},
		items: []string{"layerLink a/b l", "layerLink a/b old.config", "layerLink a/b old.layer1", "manifest a/b old"},
		pulls: []string{"a/b:v1"},
	}})
}

// Whatever stands where the layout has a file or a directory, and can not be
// read as one, stops the run before it removes anything.
func TestLiveNothingGoesIfAnythingCannotBeRead(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	const store = "image a/b:v1 as=img alias=1\nimage a/b as=old\nimage c/d:v1 as=other\nlayer a/b l alias\norphan as=o\nupload a/b as=u age=30d\n"
	manifests := "path repositories/a/b/_manifests"
	targets := map[string]string{
		"a manifest link":          "revision a/b img",
		"a tag's link":             "tag a/b:v1",
		"a layer link":             "layer a/b l",
		"an alias's directory":     "path repositories/a/b/_layers/sha512",
		"a manifest's blob":        "blob img",
		"a layer's blob":           "blob img.layer1",
		"the manifests":            manifests,
		"the revisions":            manifests + "/revisions",
		"the revisions by sha256":  manifests + "/revisions/sha256",
		"a revision":               manifests + "/revisions/sha256/{img}",
		"the tags":                 manifests + "/tags",
		"a tag's current":          manifests + "/tags/v1/current",
		"the layers":               "path repositories/a/b/_layers",
		"the layers by sha256":     "path repositories/a/b/_layers/sha256",
		"the uploads":              "path repositories/a/b/_uploads",
		"the repositories":         "path repositories",
		"the blobs":                "path blobs",
		"the blobs by sha256":      "path blobs/sha256",
		"a prefix among the blobs": "path blobs/sha256/{xx:img}",
		"a blob's directory":       "path blobs/sha256/{xx:img}/{img}",
	}
	for name, target := range targets {
		for _, kind := range []string{"dangling", "circle"} {
			t.Run(name+" is a "+kind+" link", func(t *testing.T) {
				t.Parallel()
				s := layouttest.New(t, store+"damage "+kind+" "+target)
				before := s.Snapshot(t)
				for _, args := range [][]string{{"-m", "--dry-run"}, {"-m"}, {}} {
					mustFailWhole(t, s, before, args...)
				}
			})
		}
	}
	// What an ordinary user cannot read: TestUnreadable.
}

// mustFailWhole runs gc, which must end with status 1, name a path and change nothing.
func mustFailWhole(t *testing.T, s *layouttest.Store, before map[string]string, args ...string) {
	t.Helper()
	r := gc(t, s, args...)
	if r.status != 1 {
		t.Errorf("gc %v: status %d, want 1\n%s%s", args, r.status, r.stdout, r.stderr)
	}
	if diff := cmp.Diff(before, s.Snapshot(t)); diff != "" {
		t.Errorf("gc %v has changed the store (-before +after)\n%s", args, diff)
	}
	if !strings.Contains(r.stderr+r.stdout, "repositories") && !strings.Contains(r.stderr+r.stdout, "blobs") {
		t.Errorf("gc %v: no path is named\n%s", args, r.stderr)
	}
}

// A FIFO would block whoever opens it, and a socket can not be opened.
func TestLiveSpecialFilesAreNotOpened(t *testing.T) {
	t.Parallel()
	for target, keep := range map[string][]string{
		"revision a/b img":                       {"img", "img.config", "img.layer1", "other.layer1"},
		"tag a/b:v1":                             {"img", "img.config", "img.layer1", "other.layer1"},
		"layer a/b img.layer1":                   {"img", "img.config", "img.layer1", "other.layer1"},
		"layer a/b unused":                       {"img", "img.config", "img.layer1", "other.layer1"},
		"blob img":                               {"img.config", "img.layer1", "other.layer1"},
		"blob img.layer1":                        {"img", "img.config", "other.layer1"},
		"path repositories/a/b/_layers/sha256/x": {"img", "img.config", "img.layer1", "other.layer1"},
	} {
		for _, kind := range []string{"fifo", "socket"} {
			t.Run(target+" as a "+kind, func(t *testing.T) {
				t.Parallel()
				s := layouttest.New(t, "image a/b:v1 as=img\nimage c/d:v1 as=other\nlayer a/b unused\norphan as=o\ndamage "+kind+" "+target)
				r := gc(t, s, "-m")
				// gc does not read the layer links of live images.
				if unread := target == "layer a/b img.layer1"; !unread && r.status == 0 && len(r.report.Problems) == 0 {
					t.Errorf("status 0, and no problem\n%s", r.stdout)
				}
				for _, name := range keep {
					if !s.Has(name) {
						t.Errorf("%s is gone", name)
					}
				}
				if missing := s.Missing("c/d:v1"); missing != nil {
					t.Errorf("c/d:v1 lacks %v", missing)
				}
			})
		}
	}
}
