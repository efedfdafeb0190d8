package main

import (
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func TestLiveFreshThings(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "a blob younger than the grace",
			store: "image a/b:v1\norphan as=young age=50m\norphan as=old age=70m",
			goes:  []string{"old"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "a blob younger than a longer grace",
			store: "image a/b:v1\norphan as=young age=50h\norphan as=old age=60h",
			args:  "--grace 55h", goes: []string{"old"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "nothing without grace",
			store: "image a/b:v1\norphan as=young age=1m\nlayer a/b l age=1m",
			args:  "--grace 0", goes: []string{"l", "young"}, items: []string{"layerLink a/b l"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "files from the future, whatever the grace",
			store: "image a/b:v1\norphan as=future age=-2h\nlayer a/b l age=-2h\nimage a/b as=img age=-2h\norphan as=o",
			args:  "-m --grace 0 --older-than 0", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b@img"},
		},
		{
			name:  "an old blob that a young layer link names, and the link: a push found the blob there",
			store: "image a/b:v1\norphan as=l\nlayer a/b l age=50m\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "an old blob that a young layer link names in one repository, while an old one does in another",
			store: "image c/d:v1\nlayer FIRST l\nlayer SECOND l age=50m\norphan as=o",
			goes:  []string{"o"}, items: []string{"layerLink FIRST l", "repository FIRST"}, pulls: []string{"c/d:v1"},
		},
		{
			name:  "an old blob that a young alias names",
			store: "image a/b:v1\nlayer a/b l alias\ntouch repositories/a/b/_layers/sha512 age=50m\norphan as=o",
			goes:  []string{"o"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "an old manifest that a young link names, with all it reaches",
			store: "image c/d:v1\nimage a/b as=x\nindex a/b of=x as=idx\ntouch repositories/a/b/_manifests/revisions/sha256/{idx}/link age=50m",
			args:  "-m --older-than 0", items: []string{}, pulls: []string{"a/b@idx", "c/d:v1"},
		},
		{
			name:  "what a young manifest link names is live without -m as well",
			store: "image a/b as=x age=50m\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b@x"},
		},
		{
			name:  "a young tag of a signature whose subject goes",
			store: "image a/b:v1\nimage a/b as=img\ncosign a/b of=img as=s\ntouch repositories/a/b/_manifests/tags/sha256-{img}.sig age=50m",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"},
			items: []string{"layerLink a/b img.config", "layerLink a/b img.layer1", "manifest a/b img"}, pulls: []string{"a/b:v1", "a/b@s"},
		},
	})
}

// A push writes its blobs before the manifest that names them, and may take days.
func TestLiveLayerLinksOfARepositoryWithAFreshUpload(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "are fresh as long as uploads are kept",
			store: "image a/b:v1\nlayer a/b l age=6d\nlayer a/b old age=8d\nupload a/b age=50m size=1k",
			goes:  []string{"old"}, items: []string{"layerLink a/b old"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "are not once the upload is idle",
			store: "image a/b:v1\nlayer a/b l age=6d\nupload a/b age=70m size=1k",
			goes:  []string{"l"}, items: []string{"layerLink a/b l"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "are not for an upload to another repository",
			store: "image c/d:v1\nlayer FIRST l age=6d\nupload SECOND age=5m size=1k",
			goes:  []string{"l"}, items: []string{"layerLink FIRST l", "repository FIRST"}, pulls: []string{"c/d:v1"},
		},
		{
			name:  "are so by --uploads-older-than",
			store: "image a/b:v1\nlayer a/b l age=6d\nlayer a/b m age=20h\nupload a/b age=50m size=1k",
			args:  "--uploads-older-than 24h", goes: []string{"l"}, items: []string{"layerLink a/b l"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "are so by a longer grace",
			store: "image a/b:v1\nlayer a/b l age=6d\nupload a/b age=3h size=1k",
			args:  "--grace 4h", items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "are so by the upload's newest file",
			store: "image a/b:v1\nlayer a/b l age=6d\nupload a/b age=20d as=u size=1k\ntouch repositories/a/b/_uploads/00000000-0000-7000-8000-000000000001/data age=50m",
			items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "are so by the upload's hash state",
			store: "image a/b:v1\nlayer a/b l age=6d\nupload a/b age=20d as=u size=1k\ntouch repositories/a/b/_uploads/00000000-0000-7000-8000-000000000001/hashstates/sha256/1024 age=50m",
			items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "keep their blobs, and no manifest link is fresh for it",
			store: "image a/b:v1\nimage a/b as=img age=6d\nupload a/b age=50m size=1k\norphan as=o",
			args:  "-m", goes: []string{"img", "o"}, items: []string{"manifest a/b img"}, pulls: []string{"a/b:v1"},
		},
	})
}

// A client that finds all layers there pushes no more than a link and a tag.
func TestLiveFreshTagKeepsTheManifestThatItNames(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, `
		image a/b:v1 as=x
		image a/b:v2
		remove repositories/a/b/_manifests/revisions/sha256/{x}/link
		touch repositories/a/b/_manifests/tags/v1 age=5m
	`)
	liveCase{
		status: 3, goes: []string{"x.config", "x.layer1"}, problems: []string{"danglingTag"}, pulls: []string{"a/b:v2"},
	}.on(t, s)
	if !s.HasPath("repositories/a/b/_manifests/tags/v1/current/link") {
		t.Error("the fresh tag is gone")
	}
}

func TestLiveAgeIsTheModificationTime(t *testing.T) {
	t.Parallel()
	// Every test here writes files this moment and sets their times back: their
	// change times are the present, as after chown, a restore or a mount.
	s := layouttest.New(t, "image a/b:v1\norphan as=o age=70m\nlayer a/b l age=70m")
	liveCase{goes: []string{"l", "o"}, pulls: []string{"a/b:v1"}}.on(t, s)
}

func TestLiveKeptCountsWhatOnlyFreshnessOrABrokenRepositoryKeeps(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, `
		image a/b:v1 layers=base
		image c/d as=x layers=base,one
		layer c/d two size=3k
		damage truncated blob x
		orphan as=young age=5m size=5k
		orphan as=old
	`)
	r := mustGC(t, s, 3, "--dry-run")
	kept := r.report.Kept
	if kept.Recent.Blobs != 1 || kept.Recent.Bytes != 5<<10 {
		t.Errorf("fresh: %+v, want the one blob of 5 KiB", kept.Recent)
	}
	// The config, one and two: base is a/b's as well, and x is linked as a manifest.
	if kept.BrokenRepository.Blobs != 3 {
		t.Errorf("broken repository: %+v, want 3 blobs", kept.BrokenRepository)
	}
}
