package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// aPair is an index of two images that share a layer with one elsewhere.
const aPair = `
	image a layers=l1,l2 as=x
	image a layers=l1,l3 platform=linux/arm64 as=y
	index a:v1,v2 of=x,y as=i
	image b:v1 layers=l1,l4 as=z
`

// damages are stores with one thing wrong each.
var damages = map[string]struct {
	text string
	want []string // sorted
	args []string
}{
	"an absent layer breaks its image and the index's tags": {
		text: aPair + "damage missing blob l3",
		want: []string{"missingBlob blobs/sha256/{}/{l3}/data breaks a:v1 a:v2 a@{y} last rm --force a@{y}"},
	},
	"an absent layer of two repositories": {
		text: aPair + "damage missing blob l1",
		want: []string{"missingBlob blobs/sha256/{}/{l1}/data breaks a:v1 a:v2 a@{x} a@{y} b:v1 last rm --force a@{x} a@{y} b@{z}"},
	},
	"an absent configuration": {
		text: aPair + "damage missing blob z.config",
		want: []string{"missingBlob blobs/sha256/{}/{z.config}/data breaks b:v1 last rm b@{z}"},
	},
	"a blob's directory with something other than a file": {
		text: aPair + "damage directory blob l4",
		want: []string{"missingBlob blobs/sha256/{}/{l4}/data breaks b:v1 last rm b@{z}", "unknownFile blobs/sha256/{}/{l4}/data"},
	},
	"an absent layer of an alias": {
		text: "image a:v1 layers=0 alias=1 as=x\ndamage missing blob x.alias1",
		want: []string{"missingBlob blobs/sha256/{}/{x.alias1}/data breaks a:v1 last rm a@{x}"},
	},
	"an absent layer of schema 1": {
		text: "image a:v1 type=schema1 layers=l1 as=x\ndamage missing blob l1",
		want: []string{"missingBlob blobs/sha256/{}/{l1}/data breaks a:v1 last rm a@{x}"},
	},
	"an absent manifest": {
		text: aPair + "damage missing blob x",
		want: []string{"missingManifest repositories/a/_manifests/revisions/sha256/{x}/link breaks a:v1 a:v2 a@{x} last rm --force a@{x}"},
	},
	"a manifest cut short": {
		text: aPair + "damage truncated blob z",
		want: []string{"brokenManifest blobs/sha256/{}/{z}/data breaks b:v1 cure repair last rm b@{z}"},
	},
	"a manifest that is none": {
		text: aPair + "manifest c:v1 as=m hello",
		want: []string{"brokenManifest blobs/sha256/{}/{m}/data breaks c:v1 last rm c@{m}"},
	},
	"a manifest larger than any registry takes": {
		text: aPair + "damage huge blob z size=5m",
		want: []string{"brokenManifest blobs/sha256/{}/{z}/data breaks b:v1 cure repair last rm b@{z}"},
	},
	"a manifest's link without a digest": {
		text: aPair + "damage garbage revision a x",
		want: []string{"brokenLink repositories/a/_manifests/revisions/sha256/{x}/link breaks a:v1 a:v2 a@{x} cure repair"},
	},
	"a manifest's link to another one": {
		text: aPair + "image b:v2 as=w\ndamage mismatch revision b z to=w",
		want: []string{"linkMismatch repositories/b/_manifests/revisions/sha256/{z}/link breaks b:v1 cure repair"},
	},
	"a layer that is shorter than it was": {
		text: aPair + "damage truncated blob l3",
		want: []string{"wrongSize blobs/sha256/{}/{l3}/data breaks a:v1 a:v2 a@{y} cure repair last rm --force a@{y}"},
	},
	"a layer without data of an alias": {
		text: "image a:v1 layers=0 alias=1 as=x\ndamage zero blob x.alias1",
		want: []string{"wrongSize blobs/sha256/{}/{x.alias1}/data breaks a:v1 cure repair last rm a@{x}"},
	},
	"a layer that the repository does not link": {
		text: aPair + "delete-blob a l1",
		want: []string{"missingLayerLink repositories/a/_layers/sha256/{l1}/link breaks a:v1 a:v2 a@{x} a@{y} cure undelete a@{x} a@{y} last rm --force a@{x} a@{y}"},
	},
	"an alias that the repository does not link": {
		text: "image a:v1 layers=0 alias=1 as=x\nremove repositories/a/_layers/sha512",
		want: []string{"missingBlob blobs/sha512/{}/{x.alias1}/data breaks a:v1 last rm a@{x}"},
	},
	"a layer link without a digest": {
		text: aPair + "damage zero layer b l4",
		want: []string{"brokenLink repositories/b/_layers/sha256/{l4}/link breaks b:v1 cure repair"},
	},
	"a layer link to another blob": {
		text: aPair + "damage mismatch layer b l4 to=l2",
		want: []string{"linkMismatch repositories/b/_layers/sha256/{l4}/link breaks b:v1 cure repair"},
	},
	"a layer link without a digest that nothing needs": {
		text: aPair + "layer b stray\ndamage garbage layer b stray",
		want: []string{"brokenLink repositories/b/_layers/sha256/{stray}/link cure repair"},
	},
	"a layer link to nothing that nothing needs": {
		text: aPair + "layer b stray\ndamage missing blob stray",
		want: []string{"missingBlob repositories/b/_layers/sha256/{stray}/link cure gc"},
	},
	"a young layer link to nothing": {
		text: aPair + "layer b stray age=10m\ndamage missing blob stray age=10m",
		want: []string{"missingBlob repositories/b/_layers/sha256/{stray}/link cure gc"},
	},
	"a plain blob of an index, linked and absent": {
		text: "layer a cache\nindex a:v1 blobs=cache as=i\ndamage missing blob cache",
		want: []string{"missingBlob repositories/a/_layers/sha256/{cache}/link breaks a:v1"},
	},
	"a tag without its current link": {
		text: aPair + "tag b:v2 z\ndamage half-tag tag b:v2",
		want: []string{"halfTag repositories/b/_manifests/tags/v2 breaks b:v2 cure repair"},
	},
	"a tag with nothing in it": {
		text: aPair + "tag b:v2 z\ndamage empty-tag tag b:v2",
		want: []string{"halfTag repositories/b/_manifests/tags/v2 breaks b:v2 last untag b:v2"},
	},
	"a tag's link without a digest": {
		text: aPair + "damage zero tag b:v1",
		want: []string{"brokenLink repositories/b/_manifests/tags/v1/current/link breaks b:v1 cure repair"},
	},
	"a tag that names what is not linked": {
		text: aPair + "remove repositories/b/_manifests/revisions/sha256/{z}",
		want: []string{"danglingTag repositories/b/_manifests/tags/v1 breaks b:v1 cure repair"},
	},
	"an entry of a history without a digest": {
		text: aPair + "damage garbage path repositories/b/_manifests/tags/v1/index/sha256/{z}/link",
		want: []string{"brokenLink repositories/b/_manifests/tags/v1/index/sha256/{z}/link"},
	},
	"an entry of a history with another digest": {
		text: aPair + "image b:w as=w\ndamage mismatch path repositories/b/_manifests/tags/v1/index/sha256/{z}/link to=w",
		want: []string{"linkMismatch repositories/b/_manifests/tags/v1/index/sha256/{z}/link"},
	},
	"a layer with other data": {
		text: aPair + "damage html blob l4\ndamage huge blob l4 size=1k", args: []string{"--read-data"},
		want: []string{"corruptBlob blobs/sha256/{}/{l4}/data breaks b:v1 cure repair last rm b@{z}"},
	},
	"a layer with other data, of an alias": {
		text: "image a:v1 layers=0 alias=1 as=x\ndamage huge blob x.alias1 size=1k", args: []string{"--read-data"},
		want: []string{"corruptBlob blobs/sha256/{}/{x.alias1}/data breaks a:v1 cure repair last rm a@{x}"},
	},
	"a layer by sha512 with other data": {
		text: "image a:v1 alg=sha512 layers=l1 as=x\ndamage huge blob l1 size=1k", args: []string{"--read-data"},
		want: []string{"corruptBlob blobs/sha512/{}/{l1}/data breaks a:v1 cure repair last rm a@{x}"},
	},
	"a part of an index that was deleted": {
		text: "image a as=x\nimage a:y as=y\nindex a:all of=x,y as=i\ndelete-manifest a x",
		want: []string{"unlinkedChild repositories/a/_manifests/revisions/sha256/{x}/link breaks a:all cure undelete a@{x} last rm a@{i}"},
	},
	"a part of an index that only a tag's history shows": {
		text: "image a:t as=x\nimage a:t as=y\nindex a:all of=x,y as=i\nremove repositories/a/_manifests/revisions/sha256/{x}",
		want: []string{"unlinkedChild repositories/a/_manifests/revisions/sha256/{x}/link breaks a:all cure repair"},
	},
	"a blob that nothing needs with other data": {
		text: aPair + "orphan as=o\ndamage wrong-digest blob o", args: []string{"--read-data"},
		want: []string{"corruptBlob blobs/sha256/{}/{o}/data cure gc"},
	},
	"a manifest with other data is said once": {
		text: aPair + "damage wrong-digest blob z", args: []string{"--read-data"},
		want: []string{"brokenManifest blobs/sha256/{}/{z}/data breaks b:v1 cure repair last rm b@{z}"},
	},
	"a thing of an unknown type with other data": {
		text: "image a:v1 type=unknown layers=l1 as=x\ndamage huge blob l1 size=1k", args: []string{"--read-data"},
		want: []string{"corruptBlob blobs/sha256/{}/{l1}/data breaks a:v1 cure repair last rm a@{x}"},
	},
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	for name, c := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, c.text)
			before := s.Snapshot(t)
			found := check(t, s, 3, c.args...)
			same(t, "the problems", c.want, found.lines(s))
			same(t, "the store", before, s.Snapshot(t))
			if len(c.args) > 0 {
				return
			}
			// Who reads the data finds all of it, too.
			all := strings.Join(func() []string { r := check(t, s, 3, "--read-data"); return r.lines(s) }(), "\n")
			for _, line := range c.want {
				if !strings.Contains(all, line) {
					t.Errorf("with --read-data it says\n%s\nand not %s", all, line)
				}
			}
		})
	}
}

// What a problem's command cures is no longer found when it has run.
func TestCheckCures(t *testing.T) {
	t.Parallel()
	for name, c := range damages {
		if !strings.Contains(strings.Join(c.want, "\n"), " cure ") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, strings.ReplaceAll(c.text, " age=10m", ""))
			first := check(t, s, 3, c.args...)
			for rounds := 0; cure(t, s, c.args) > 0; rounds++ {
				if rounds == 2 { // a broken manifest's blob is garbage after the first
					t.Fatal("the cures do not end")
				}
			}
			r := runProgram(t, "", append([]string{"check", "--root", s.Root, "-o", "json"}, c.args...)...)
			left := parseCheck(t, r)
			for _, line := range left.lines(s) {
				// In the place of damaged data nothing is left, until somebody pushes.
				pushed := strings.HasPrefix(line, "missingBlob ") || strings.HasPrefix(line, "missingManifest ")
				if strings.Contains(line, " cure ") || !pushed && !slices.Contains(first.lines(s), line) {
					t.Errorf("there still is: %s", line)
				}
			}
		})
	}
}

// cure carries out what a check says, and returns how many commands that were.
func cure(t *testing.T, s *layouttest.Store, args []string) (commands int) {
	t.Helper()
	r := runProgram(t, "", append([]string{"check", "--root", s.Root, "-o", "json"}, args...)...)
	for _, p := range parseCheck(t, r).Problems {
		if p.Cure == "" {
			continue
		}
		commands++
		if r := runProgram(t, "", append(shellWords(t, p.Cure)[1:], "--yes", "-q")...); r.status != 0 && r.status != 3 {
			t.Errorf("%s: status %d\n%s", p.Cure, r.status, r.stderr)
		}
	}
	return commands
}

// These are no problems: what the layout, deletions and sparse indexes leave.
func TestCheckFindsNothing(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an empty store":                   "mkdir repositories\nmkdir blobs",
		"images of every type":             everyType,
		"a sparse index":                   "image b as=x\nimage a as=y\nindex a:v1 of=y sparse=x as=i",
		"an index of nothing that is here": "image - as=x\nindex a:v1 sparse=x as=i",
		"foreign and embedded layers":      "image a:v1 layers=1 foreign=2 embedded=2 as=x\nimage a:v2 type=docker foreign=1 as=y",
		"an index of plain blobs":          "layer a one\nlayer a two\nindex a:cache blobs=one,two as=i",
		"plain blobs that are not here":    "layer a one\nindex a:cache blobs=one as=i\ndamage missing blob one\nremove repositories/a/_layers/sha256/{one}",
		"aliases":                          "image a:v1 layers=1 alias=2 as=x\ncopy b:v1 x",
		"a referrer without its subject":   "image a as=x\nreferrer a of=x as=r\ndelete-manifest a x",
		"referrers and signatures":         "image a:v1 as=x\nreferrer a of=x fallback as=r\ncosign a of=x as=c\ncosign a of=x kind=att",
		"tags of registry 2.1.0":           "image - as=x\nold-tag a:v1 x",
		"links with a newline":             "image a:v1 layers=l1 as=x\ndamage newline layer a l1\ndamage newline revision a x\ndamage newline tag a:v1",
		"what a deleted manifest leaves":   "image a:v1 as=x\nimage a:v1 as=y\ntag a:v2 y\ndelete-manifest a x",
		"what a deleted tag leaves":        "image a:v1 as=x\ndelete-tag a:v1",
		"what deleted blobs leave":         "image a:v1 as=x\nlayer a stray\ndelete-blob a stray\norphan as=o",
		"a blob's directory without data":  "image a:v1 as=x\norphan as=o\ndamage missing blob o",
		"uploads":                          "image a:v1 as=x\nupload a kind=started\nupload a kind=patched size=1k\nupload b kind=cancelled\nupload a kind=empty",
		"interrupted writes": "image a:v1 layers=l1 as=x\ntmp blobs/sha256/{xx:l1}/{l1}/data\ntmp repositories/a/_layers/sha256/{l1}/link\n" +
			"tmp repositories/a/_manifests/revisions/sha256/{x}/link\ntmp repositories/a/_manifests/tags/v1/current/link\ntmp repositories/a/_manifests/tags/v1/index/sha256/{x}/link",
		"blobs set aside by a run that was stopped": "image a:v1 as=x\norphan as=o\nmove blobs/sha256/{xx:o}/{o}/data blobs/sha256/{xx:o}/{o}/data.regsweep\nmove repositories/a/_manifests/tags/v1 repositories/a/_manifests/.regsweep-v1",
		"a symbolic link to a blob's data":          "image a:v1 layers=l1 as=x\nmove blobs/sha256/{xx:l1}/{l1}/data /elsewhere/l1\nsymlink blobs/sha256/{xx:l1}/{l1}/data ../../../../../../../elsewhere/l1",
		"sizes that no number says":                 "orphan as=l size=10\nlayer a l\nmanifest a:v1 {\"schemaVersion\":2,\"layers\":[{\"digest\":\"{{l}}\",\"size\":\"ten\"},{\"digest\":\"{{l}}\"},{\"digest\":\"{{l}}\",\"size\":null},{\"digest\":\"{{l}}\",\"size\":3,\"SIZE\":10}]}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, text)
			before := s.Snapshot(t)
			found := check(t, s, 0, "--read-data")
			if len(found.Problems) > 0 {
				t.Errorf("it finds %v", found.Problems)
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}

// everyType has an image of each type, tagged and not, and indexes of some.
const everyType = `
	image oci:v1,v2 layers=3 as=oci
	image docker:v1 type=docker layers=3 as=docker
	image schema1:v1 type=schema1 layers=2 signatures=1
	image artifact:v1 type=artifact
	image artifact:v2 type=ociartifact
	image artifact:v3 type=oras
	image artifact:v4 type=nomediatype
	image artifact:v5 type=unknown layers=2
	image long:v1 alg=sha512 layers=2
	image a/b layers=base as=x
	image a/b layers=base platform=linux/arm64 as=y
	image a/b type=artifact as=att
	index a/b:all of=x,y attest=att as=i
	index a/b:docker type=docker of=x as=j
	index a/b:nested of=i,j
	copy c/d/e:v1 i deep
`

// The demo's store is as pushes and an interrupted life have left it.
func TestCheckTheSample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../testdata/sample.store")
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, string(text))
	found := check(t, s, 0, "--read-data")
	same(t, "the problems", []string{"unknownFile repositories/README"}, found.lines(s))
	c := &found.Checked
	if c.Blobs == 0 || c.BlobsRead != c.Blobs || c.BytesRead != c.Bytes || c.LayerLinks < 30 || c.HistoryEntries < 10 || c.Tags < 10 || c.Manifests < 10 || c.Repositories < 5 || c.BytesPerSecond == 0 {
		t.Errorf("checked: %+v", *c)
	}
}

// A directory that gc does not list may have anything in it.
func TestCheckListsWhatTheLayoutDoesNotDefine(t *testing.T) {
	places := []string{
		"", "blobs/", "blobs/sha256/", "blobs/sha256/{xx:l1}/", "blobs/sha256/{xx:l1}/{l1}/", "repositories/", "repositories/a/_manifests/",
		"repositories/a/_manifests/revisions/", "repositories/a/_manifests/revisions/sha256/", "repositories/a/_manifests/revisions/sha256/{x}/",
		"repositories/a/_manifests/tags/", "repositories/a/_manifests/tags/v1/", "repositories/a/_manifests/tags/v1/current/", "repositories/a/_manifests/tags/v1/index/",
		"repositories/a/_manifests/tags/v1/index/sha256/", "repositories/a/_manifests/tags/v1/index/sha256/{x}/",
		"repositories/a/_layers/", "repositories/a/_layers/sha256/", "repositories/a/_layers/sha256/{l1}/", "repositories/a/_uploads/",
	}
	text, want := "image a:v1 layers=l1 as=x\n", []string{}
	for _, place := range places {
		text += "raw " + place + "STRAY x\n"
		want = append(want, "unknownFile "+strings.ReplaceAll(place, "{xx:l1}", "{}")+"STRAY")
	}
	s := newStore(t, text)
	found := check(t, s, 0)
	got := strings.ReplaceAll(strings.Join(found.lines(s), "\n"), s.Digest("l1").Hex()[:2]+"/STRAY", "{}/STRAY")
	for _, line := range want {
		if !strings.Contains(got+"\n", line+"\n") {
			t.Errorf("no %s in\n%s", line, got)
		}
	}
	if len(found.Problems) != len(want) {
		t.Errorf("%d problems, want %d:\n%s", len(found.Problems), len(want), got)
	}
}
