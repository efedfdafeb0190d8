package main

import (
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func TestLiveTags(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "a tag whose manifest is linked only as a layer is a root",
			store: "image - as=x layers=l1,l2\nold-tag a/b:v1 x\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "and so it is with -m",
			store: "image - as=x layers=l1,l2\nold-tag a/b:v1 x\nimage a/b as=old\norphan as=o",
			args:  "-m", goes: []string{"o", "old", "old.config", "old.layer1"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "in one repository, while it is linked as a manifest in another",
			store: "image FIRST:v1 as=x\nold-tag SECOND:v1 x\nimage FIRST as=old",
			args:  "-m", goes: []string{"old", "old.config", "old.layer1"}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
		{
			name:  "a schema 1 manifest that is linked only as a layer",
			store: "image - as=x type=schema1 layers=2\nold-tag a/b:v1 x",
			args:  "-m", items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:   "without current/link the newest history entry is a root, and a problem",
			store:  "image a/b:v1 as=older age=90d\nimage a/b:v1 as=newer age=60d\ndamage half-tag tag a/b:v1\nimage a/b:v2",
			args:   "-m",
			status: 3, goes: []string{"older", "older.config", "older.layer1"},
			items:    []string{"layerLink a/b older.config", "layerLink a/b older.layer1", "manifest a/b older", "tagHistory a/b v1 older"},
			problems: []string{"halfTag"}, pulls: []string{"a/b:v2", "a/b@newer"},
		},
		{
			name:   "the newest is so by time, not by name",
			store:  "image a/b:v1 as=one age=60d\nimage a/b:v1 as=two age=90d\ndamage half-tag tag a/b:v1\nimage a/b:v2",
			args:   "-m",
			status: 3, goes: []string{"two", "two.config", "two.layer1"}, problems: []string{"halfTag"}, pulls: []string{"a/b:v2", "a/b@one"},
		},
		{
			name:   "without current/link and history it is a problem, and keeps nothing",
			store:  "image a/b:v1 as=x\ndamage empty-tag tag a/b:v1\nimage a/b:v2",
			args:   "-m",
			status: 3, goes: []string{"x", "x.config", "x.layer1"}, problems: []string{"halfTag"}, pulls: []string{"a/b:v2"},
		},
		{
			name:  "a plain file among tags is an unknown file, and changes nothing",
			store: "image a/b:v1\nraw repositories/a/b/_manifests/tags/.DS_Store x\norphan as=o",
			args:  "-m", goes: []string{"o"}, items: []string{}, problems: []string{"unknownFile"}, pulls: []string{"a/b:v1"},
		},
	})
}

// A push by sha512 is stored under sha256, and linked under both.
func TestLiveAliases(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "keep the blob that the link names, and both links",
			store: "image a/b:v1 alias=2\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "in several repositories",
			store: "image FIRST:v1 alias=1 as=x\ncopy SECOND:v1 x\nimage SECOND as=old alias=1",
			args:  "-m", goes: []string{"old", "old.alias1", "old.config", "old.layer1"}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
		{
			name:  "kept in one repository by its alias, and in the other by nothing",
			store: "image FIRST:v1 alias=1 as=x\nlayer SECOND x.alias1\nimage SECOND:v1",
			args:  "-m", pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
		{
			name:  "that nothing references go with both links",
			store: "image a/b:v1\nlayer a/b l alias",
			goes:  []string{"l"}, pulls: []string{"a/b:v1"},
		},
	})
}

// The blob is referenced as it is stored here, and by its alias there.
func TestLiveBlobReferencedByItsAliasInOneRepositoryAndPlainlyInAnother(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{{
		name: "is kept in both",
		// The first line is written before l has an alias.
		store: `image SECOND:v1 as=z layers=l
			layer FIRST l alias
			manifest FIRST:v1 as=x ` + ociHead + `"layers":[{"digest":"{{l}}"}]}`,
		args: "-m", items: []string{}, pulls: []string{"FIRST:v1", "SECOND:v1"},
	}})
}

func TestLiveLinkContentDecides(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "and a newline behind it is forgiven",
			store: "image a/b:v1 as=x alias=1\nlayer a/b l\ndamage newline revision a/b x\ndamage newline tag a/b:v1\ndamage newline layer a/b x.layer1\ndamage newline layer a/b l\nimage a/b as=old\norphan as=o",
			args:  "-m", goes: []string{"l", "o", "old", "old.config", "old.layer1"}, pulls: []string{"a/b:v1"},
		},
		{
			name: "a manifest link that names another manifest keeps both, with all they reach",
			store: `image a/b:v1 as=x layers=lx
				image FIRST as=y layers=ly
				copy SECOND y
				damage mismatch revision a/b x to=y
				delete-manifest FIRST y
				delete-manifest SECOND y
				orphan as=o`,
			args:   "-m",
			status: 3, goes: []string{"o"}, problems: []string{"linkMismatch"},
		},
		{
			name:   "a layer link that names another blob keeps both",
			store:  "image a/b:v1\nlayer a/b l1\norphan as=l2\ndamage mismatch layer a/b l1 to=l2\norphan as=o",
			status: 3, goes: []string{"o"}, items: []string{}, problems: []string{"linkMismatch"}, pulls: []string{"a/b:v1"},
		},
		{
			name:   "a layer link under sha512 that names another blob by sha512 keeps both",
			store:  "image a/b:v1\nlayer a/b l1 alg=sha512\norphan as=l2 alg=sha512\ndamage mismatch layer a/b l1 to=l2\norphan as=o",
			status: 3, goes: []string{"o"}, items: []string{}, problems: []string{"linkMismatch"}, pulls: []string{"a/b:v1"},
		},
		{
			name:   "a history entry that names another manifest keeps both, where it is the newest",
			store:  "image a/b:v1 as=x\nimage a/b as=y\nimage a/b:v2\ndamage half-tag tag a/b:v1\ndamage mismatch path repositories/a/b/_manifests/tags/v1/index/sha256/{x}/link to=y",
			args:   "-m",
			status: 3, items: []string{}, problems: []string{"halfTag", "linkMismatch"}, pulls: []string{"a/b:v2", "a/b@x", "a/b@y"},
		},
	})
}

// gc does not read the layer links of live images (see "Speed and size"), so
// that only the digest of the path is sure to be kept.
func TestLiveLayerLinkOfALiveImageThatNamesAnotherBlobKeepsThePathsBlob(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "image a/b:v1 layers=l1\norphan as=l2\ndamage mismatch layer a/b l1 to=l2\norphan as=o")
	if r := gc(t, s); r.status != 0 && r.status != 3 {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	if !s.Has("l1") || s.Has("o") {
		t.Error("l1 is gone, or the orphan is still there")
	}
}
