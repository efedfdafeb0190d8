package main

import (
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// One test for each way in which the registries' own collectors lose live
// data; L1 is in live_faults_test.go.

func TestL2SparseIndexInAnotherRepositoryKeepsItsChildsLayers(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name: "its child was deleted through the API in one of them",
			store: `image FIRST as=d1
				image FIRST as=d2
				index FIRST:multi of=d1,d2 as=dix
				copy SECOND:multi dix deep
				delete-manifest FIRST d1`,
			args:  "-m",
			items: []string{"layerLink FIRST d1.config", "layerLink FIRST d1.layer1"},
			pulls: []string{"FIRST@d2", "SECOND:multi"},
		},
		{
			name: "a pull-through cache has one platform here and another there",
			store: `image lib/src as=p1
				image lib/src as=p2
				index FIRST:latest sparse=p1,p2 as=dix
				copy FIRST p1
				copy SECOND:latest dix
				copy SECOND p2
				raw /scheduler-state.json {}
				delete-manifest lib/src p1
				delete-manifest lib/src p2`,
			args: "-m --older-than 24h", pulls: []string{"FIRST@p1", "SECOND@p2"},
		},
		{
			name: "three levels down",
			store: `image FIRST as=d1
				index FIRST as=i1 of=d1
				index FIRST as=i2 of=i1
				index FIRST:multi as=i3 of=i2
				copy SECOND:multi i3 deep
				delete-manifest FIRST i1
				delete-manifest FIRST d1`,
			args: "-m", pulls: []string{"SECOND:multi"},
		},
	})
}

func TestL3UntaggedInOneRepositoryAndTaggedInAnother(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "goes whole from the one, or not at all",
			store: "image FIRST as=img layers=2\ncopy SECOND:v1 img",
			args:  "-m",
			items: []string{"layerLink FIRST img.config", "layerLink FIRST img.layer1", "layerLink FIRST img.layer2", "manifest FIRST img", "repository FIRST"},
			pulls: []string{"SECOND:v1"},
		},
		{
			name:  "stays with its layer links while it is young",
			store: "image - as=img layers=2\ncopy FIRST img age=3h\ncopy SECOND:v1 img",
			args:  "-m", items: []string{}, pulls: []string{"FIRST@img", "SECOND:v1"},
		},
		{
			name:  "stays with its layer links as a tagged index's child",
			store: "image FIRST as=img\nindex FIRST:all of=img\ncopy SECOND:v1 img",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:all", "SECOND:v1"},
		},
		{
			name:  "stays with its layer links without -m",
			store: "image FIRST as=img\ncopy SECOND:v1 img\nlayer FIRST l\nlayer SECOND l",
			goes:  []string{"l"}, items: []string{"layerLink FIRST l", "layerLink SECOND l"}, pulls: []string{"FIRST@img", "SECOND:v1"},
		},
	})
}

func TestL4BlobsReferencedBySha512StayAndTheRunEnds(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"", "-m"} {
		runLive(t, []liveCase{{
			name:  "gc " + args,
			store: "image FIRST:v1 as=img alias=2\ncopy SECOND:v1 img\nlayer FIRST u1 alias\nlayer SECOND u1",
			args:  args, goes: []string{"u1"}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		}})
	}
}

func TestL5RepositoryWithoutLayersIsSeen(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"", "-m"} {
		runLive(t, []liveCase{{
			name:  "gc " + args,
			store: "index FIRST:v1 as=idx\nindex FIRST:v2 sparse=idx as=idx2\nimage SECOND:v1\norphan as=o",
			args:  args, goes: []string{"o"}, items: []string{}, pulls: []string{"FIRST:v1", "FIRST@idx", "SECOND:v1"},
		}})
	}
}

func TestL6UntaggedChildrenOfTaggedIndexesStayWithM(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "of a multi-arch image",
			store: "image FIRST as=amd64\nimage FIRST as=arm64 platform=linux/arm64\nindex FIRST:v1 of=amd64,arm64 as=idx\ncopy SECOND:v1 idx deep",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
		{
			name:  "of a referrers' tag",
			store: "image FIRST:v1 as=img\nreferrer FIRST of=img as=r1 fallback\nimage SECOND:v1",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:v1", "FIRST@r1", "SECOND:v1"},
		},
	})
}

func TestL7RepositoryWithoutTagsDirectoryIsSweptWholeWithMOrNotAtAll(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "old",
			store: "image FIRST as=img\nimage SECOND:v1",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"},
			items: []string{"layerLink FIRST img.config", "layerLink FIRST img.layer1", "manifest FIRST img", "repository FIRST"},
			pulls: []string{"SECOND:v1"},
		},
		{
			name:  "young",
			store: "image FIRST as=img age=3h\nimage SECOND:v1",
			args:  "-m", items: []string{}, pulls: []string{"FIRST@img", "SECOND:v1"},
		},
		{
			name:  "without -m",
			store: "image FIRST as=img\nimage SECOND:v1",
			items: []string{}, pulls: []string{"FIRST@img", "SECOND:v1"},
		},
	})
}

func TestL8ReferrersWithoutATagStayWithTheirSubject(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "in each repository that has both",
			store: "image FIRST:v1 as=img\nreferrer FIRST of=img as=r1\ncopy SECOND:v1 img\ncopy SECOND r1",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:v1", "FIRST@r1", "SECOND:v1", "SECOND@r1"},
		},
		{
			name:  "and go with it, signatures by tag as well",
			store: "image FIRST as=img\nreferrer FIRST of=img as=r1\ncosign FIRST of=img as=s\nimage SECOND:v1",
			args:  "-m",
			goes:  []string{"empty.json", "img", "img.config", "img.layer1", "r1", "r1.layer", "s", "s.config", "s.layer"}, pulls: []string{"SECOND:v1"},
		},
	})
}

func TestL9ManifestKeysInAnyCaseAndTwice(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{{
		name: "keep what they name in each repository",
		store: `manifest FIRST:v1 as=m1 ` + ociHead + `"CONFIG":{"digest":"{{c}}"},"Layers":[{"Digest":"{{l}}"}]}
			manifest SECOND:v1 as=m2 ` + ociHead + `"layers":[{"digest":"{{first}}"}],"layers":[{"digest":"{{second}}"}]}
			orphan as=o`,
		args: "-m", goes: []string{"o"}, items: []string{},
	}})
}

// What makes the registries' collectors stop, or what they tolerate, is no
// reason for ours to stop: it is left where it is.
func TestLiveStrangersAreLeftAloneAndChangeNothing(t *testing.T) {
	t.Parallel()
	strangers := []string{
		"blobs/sha256/zz/nothex/data", "blobs/data", "blobs/.DS_Store", "blobs/sha256/README", "blobs/lost+found/data", "blobs/md5/00/00/data",
		"blobs/sha256/00/@eaDir/data", ".DS_Store", "lost+found/x", "repositories/README", "repositories/a/README",
		"repositories/a/b/_manifests/revisions/.nfs0001", "repositories/a/b/_manifests/revisions/sha256/.nfs0001",
		"repositories/a/b/_manifests/revisions/sha256/nothex/link", "repositories/a/b/_manifests/revisions/README", "repositories/a/b/_manifests/x",
		"repositories/a/b/_manifests/tags/.DS_Store", "repositories/a/b/_manifests/tags/v1/x", "repositories/a/b/_manifests/tags/v1/current/x",
		"repositories/a/b/_layers/sha256/nothex/link", "repositories/a/b/_layers/x", "repositories/a/b/_layers/sha256/x", "repositories/a/b/_uploads/x",
		"repositories/a/b/README",
	}
	text := "image a/b:v1 as=img\norphan as=o\nimage a/b as=old\nmkdir blobs/sha256/ab/abababababababababababababababababababababababababababababababab\n"
	for _, path := range strangers {
		text += "raw " + path + " hello\n"
	}
	s := layouttest.New(t, text)
	c := liveCase{goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b@old"}}
	c.on(t, s)
	c.goes, c.items, c.pulls = []string{"old", "old.config", "old.layer1"}, nil, []string{"a/b:v1"}
	c.on(t, s, "-m")
	for _, path := range strangers {
		if !s.HasPath(path) {
			t.Errorf("%s is gone", path)
		}
	}
}
