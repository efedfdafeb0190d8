package main

import "testing"

const revisions = "repositories/a/b/_manifests/revisions/sha256/"

func TestSweptBlobsThatAreNotLive(t *testing.T) {
	swept{
		text:  "image a/b:v1 as=x\norphan as=o size=5k\norphan as=empty size=0",
		items: []string{"blob o", "blob empty"},
		gone:  blobs("o", "empty"),
	}.check(t)
}

func TestSweptNothingOfAWholeStore(t *testing.T) {
	swept{text: `
		image a/b:v1 layers=base,one as=x foreign=1 embedded=1 alias=1
		image a/b layers=base,two as=y
		index c/d:all of=x,y
		copy e:v1 x
		upload a/b kind=started age=10m
	`}.check(t)
}

func TestSweptOverwrittenTagLeavesAnUntaggedManifestThatPlainGCKeeps(t *testing.T) {
	swept{text: "image a/b:v1 layers=base,l1 as=old age=40d\nimage a/b:v1 layers=base,l2 as=new"}.check(t)
}

func TestSweptOverwrittenTagWithDeleteUntagged(t *testing.T) {
	swept{
		text: "image a/b:v1 layers=base,l1 as=old age=40d\nimage a/b:v1 layers=base,l2 as=new",
		args: []string{"-m"},
		items: []string{
			"manifest a/b old", "tagHistory a/b:v1 old", "layerLink a/b l1", "layerLink a/b old.config",
			"blob old", "blob old.config", "blob l1",
		},
		gone: join(blobs("old", "old.config", "l1"), layers("a/b", "l1", "old.config"), []string{
			revisions + "{old}/", "repositories/a/b/_manifests/tags/v1/index/sha256/{old}/",
		}),
	}.check(t)
}

// The manifest is untagged in one repository and tagged in another: the blobs
// stay, and in the first nothing stays that names them (fact L3).
func TestSweptManifestLinksPerRepository(t *testing.T) {
	for _, tagged := range []string{"zzz", "aaa"} {
		t.Run("tagged in "+tagged, func(t *testing.T) {
			other := map[string]string{"zzz": "aaa", "aaa": "zzz"}[tagged]
			swept{
				text: "image " + other + " layers=one as=x\ncopy " + tagged + ":v1 x\nimage " + other + ":keep as=k",
				args: []string{"-m"},
				items: []string{
					"manifest " + other + " x", "layerLink " + other + " one", "layerLink " + other + " x.config",
				},
				gone: join(layers(other, "one", "x.config"), []string{"repositories/" + other + "/_manifests/revisions/sha256/{x}/"}),
			}.check(t)
		})
	}
}

// DELETE of a manifest takes its link; what it leaves is plain gc's.
func TestSweptLeftoversOfDeletedManifests(t *testing.T) {
	swept{
		text: `
			image a/b:v1,v2 layers=base,l1 as=x age=40d
			image a/b:v2 layers=base,l2 as=y
			delete-manifest a/b x
		`,
		items: []string{
			"tagHistory a/b:v2 x", "layerLink a/b l1", "layerLink a/b x.config",
			"blob x", "blob x.config", "blob l1",
		},
		gone: join(blobs("x", "x.config", "l1"), layers("a/b", "l1", "x.config"), []string{
			revisions + "{x}/", "repositories/a/b/_manifests/tags/v2/index/sha256/{x}/",
		}),
	}.check(t)
}

// The empty directory of a deleted manifest goes even where nothing else does.
func TestSweptEmptyDirectoriesOfDeletedManifests(t *testing.T) {
	swept{
		text:  "image a/b:v1 as=x\nimage - as=y\nmkdir repositories/a/b/_manifests/revisions/sha256/{y}",
		gone:  []string{revisions + "{y}/"},
		items: nil,
	}.check(t)
}

func TestSweptSignaturesOfAManifestThatGoes(t *testing.T) {
	swept{
		text: "image a/b type=schema1 layers=one signatures=2 as=x\nimage a/b:keep as=k",
		args: []string{"-m"},
		items: []string{
			"manifest a/b x", "layerLink a/b one", "blob x", "blob one", "blob x.signature1", "blob x.signature2",
		},
		gone: join(blobs("x", "one", "x.signature1", "x.signature2"), layers("a/b", "one"), []string{revisions + "{x}/"}),
	}.check(t)
}

func TestSweptDeletedTag(t *testing.T) {
	text := "image a/b:v1 layers=l1 as=x\nimage a/b:v2 layers=l2 as=y\ndelete-tag a/b:v1"
	t.Run("plain gc keeps the manifest", func(t *testing.T) { swept{text: text}.check(t) })
	t.Run("with -m", func(t *testing.T) {
		swept{
			text: text, args: []string{"-m"},
			items: []string{"manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1"},
			gone:  join(blobs("x", "x.config", "l1"), layers("a/b", "l1", "x.config"), []string{revisions + "{x}/"}),
		}.check(t)
	})
}

// DELETE of a blob takes the layer link. The manifest keeps the data.
func TestSweptDeletedBlob(t *testing.T) {
	t.Run("of a live image", func(t *testing.T) {
		s := newStore(t, "image a/b:v1 layers=one as=x\ndelete-blob a/b one")
		r := gc(t, s)
		if !s.Has("one") || len(r.report.Items) != 0 {
			t.Errorf("a manifest references it, and removed was %v", itemLines(s, r))
		}
	})
	t.Run("of no image", func(t *testing.T) {
		swept{
			text:  "image a/b:v1 as=x\nlayer a/b one\ndelete-blob a/b one",
			items: []string{"blob one"},
			gone:  join(blobs("one"), layers("a/b", "one")),
		}.check(t)
	})
}

// Tags that name a manifest whose link is gone.
func TestSweptDanglingTags(t *testing.T) {
	text := `
		image a/b:v1,v2 layers=l1 as=x
		image a/b:v3 layers=l2 as=y
		tag a/b:v2 y
		remove repositories/a/b/_manifests/revisions/sha256/{x}
	`
	s := newStore(t, text)
	r := gc(t, s, "--dry-run")
	swept{
		text:   text,
		status: r.status, // danglingTag is a kind of problem; which status that is, TestSweptDanglingTagsAreCured says
		items: []string{
			"tag a/b:v1 x", "tagHistory a/b:v2 x", "layerLink a/b l1", "layerLink a/b x.config",
			"blob x", "blob x.config", "blob l1",
		},
		problems: []string{"danglingTag repositories/a/b/_manifests/tags/v1"},
		gone: join(blobs("x", "x.config", "l1"), layers("a/b", "l1", "x.config"), []string{
			"repositories/a/b/_manifests/tags/v1/", "repositories/a/b/_manifests/tags/v2/index/sha256/{x}/",
		}),
	}.check(t)
}

// A dangling tag is a problem that a run cures.
func TestSweptDanglingTagsAreCured(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\nimage a/b:v2 as=y\nremove repositories/a/b/_manifests/revisions/sha256/{x}")
	for _, args := range [][]string{{"--dry-run"}, nil} {
		r := mustGC(t, s, 0, args...)
		same(t, "kinds of problems", []string{"danglingTag"}, kinds(r))
		if !r.report.Problems[0].Cured {
			t.Errorf("%v: it is not called cured: %+v", args, r.report.Problems)
		}
	}
}

func TestSweptFreshDanglingTagStays(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\nimage a/b:v2 as=y\nremove repositories/a/b/_manifests/revisions/sha256/{x}\ntag a/b:v1 x age=5m")
	r := gc(t, s)
	if !s.HasPath("repositories/a/b/_manifests/tags/v1/current/link") {
		t.Errorf("a tag younger than the grace went: %v", itemLines(s, r))
	}
}

// A history entry of a manifest that is linked stays, however old.
func TestSweptHistoryOfLinkedManifestsStays(t *testing.T) {
	swept{text: "image a/b:v1 as=x age=90d\nimage a/b:v1,other as=y\ntag a/b:keep x"}.check(t)
}

// Only the history of the removed manifest goes, in every tag that has it.
func TestSweptHistoryInSeveralTags(t *testing.T) {
	swept{
		text: `
			image a/b:v1,v2,v3 layers=base as=x age=90d
			image a/b:v1,v2 layers=base as=y age=60d
			image a/b:v1,v2,v3 layers=base as=z
			delete-manifest a/b x
		`,
		items: []string{"tagHistory a/b:v1 x", "tagHistory a/b:v2 x", "tagHistory a/b:v3 x", "layerLink a/b x.config", "blob x", "blob x.config"},
		gone: join(blobs("x", "x.config"), layers("a/b", "x.config"), []string{
			revisions + "{x}/", "repositories/a/b/_manifests/tags/v1/index/sha256/{x}/",
			"repositories/a/b/_manifests/tags/v2/index/sha256/{x}/", "repositories/a/b/_manifests/tags/v3/index/sha256/{x}/",
		}),
	}.check(t)
}
