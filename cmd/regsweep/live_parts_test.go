package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// Every type's image beside an untagged one of the same, which must go whole.
func TestLiveManifestKeepsConfigLayersAndBlobs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		gone []string // of the untagged one
	}{
		{"oci", []string{"old", "old.config", "old.layer1", "old.layer2"}},
		{"docker", []string{"old", "old.config", "old.layer1", "old.layer2"}},
		{"nomediatype", []string{"old", "old.config", "old.layer1", "old.layer2"}},
		{"schema1", []string{"old", "old.layer1", "old.layer2"}},
		{"artifact", []string{"old", "old.layer1", "old.layer2"}}, // its config is everyone's
		{"ociartifact", []string{"old", "old.layer1", "old.layer2"}},
		{"oras", []string{"old", "old.layer1", "old.layer2"}},
		{"unknown", []string{"old", "old.layer1", "old.layer2"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf("image a/b:v1 layers=2 as=img type=%[1]s\nimage a/b layers=2 as=old type=%[1]s\norphan as=o", c.kind)
			liveCase{store: text, goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b@old"}}.run(t)
			liveCase{store: text, args: "-m", goes: append(c.gone, "o"), pulls: []string{"a/b:v1"}}.run(t)
		})
	}
}

func TestLiveParts(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "foreign and embedded layers may be absent",
			store: "image a/b:v1 foreign=2 embedded=2\nimage a/b:win foreign=1 type=docker\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b:win"},
		},
		{
			name: "a foreign layer that is there is kept, and an embedded one",
			store: `manifest a/b:v1 as=img {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"{{cfg}}"},"layers":[{"digest":"{{f}}","urls":["https://example.com/f"]},{"digest":"{{e}}","data":"e30="}]}
				orphan as=o`,
			goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name:   "an absent layer is a problem, and the others are kept",
			store:  "image a/b:v1 layers=l1,l2\nimage c/d:v1\ndamage missing blob l1\norphan as=o",
			status: 3, goes: []string{"o"}, items: []string{}, problems: []string{"missingBlob"}, pulls: []string{"c/d:v1"},
		},
		{
			name:  "a layer whose link was deleted through the API is kept for the manifest that names it",
			store: "image a/b:v1 layers=l1,l2\ndelete-blob a/b l1\norphan as=o",
			goes:  []string{"o"}, items: []string{},
		},
		{
			name:  "layers that are shared between repositories are kept for the last one",
			store: "image FIRST:v1 layers=base,one as=x\nimage SECOND:v1 layers=base,two as=y\ndelete-manifest FIRST x",
			goes:  []string{"one", "x", "x.config"},
			items: []string{"layerLink FIRST base", "layerLink FIRST one", "layerLink FIRST x.config", "repository FIRST"},
			pulls: []string{"SECOND:v1"},
		},
		{
			name:  "a layer link keeps nothing, and goes where no live manifest of its repository references the blob",
			store: "image FIRST:v1 layers=l\nlayer SECOND l\nlayer SECOND m\nimage SECOND:v1",
			goes:  []string{"m"}, items: []string{"layerLink SECOND l", "layerLink SECOND m"}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
		{
			name:  "sha384 and sha512 are kept and swept like sha256",
			store: "image a/b:v1 as=img alg=sha512\nimage a/b:v2 as=img2 alg=sha384\norphan as=o5 alg=sha512\norphan as=o3 alg=sha384\nlayer a/b l5 alg=sha512",
			args:  "-m", goes: []string{"l5", "o3", "o5"}, items: []string{"layerLink a/b l5"}, pulls: []string{"a/b:v1", "a/b:v2"},
		},
		{
			name:  "manifests by sha512 are roots and go like others",
			store: "image a/b:v1 as=img manifest-alg=sha512\nimage a/b as=old manifest-alg=sha512 age=60d\nimage a/b as=old3 manifest-alg=sha384 age=60d\nindex a/b:all of=img",
			args:  "-m", goes: []string{"old", "old.config", "old.layer1", "old3", "old3.config", "old3.layer1"},
			pulls: []string{"a/b:v1", "a/b:all"},
		},
	})
}

func TestLiveSchema1KeepsItsSignatures(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "kept with and without a tag",
			store: "image a/b:v1 type=schema1 as=img signatures=2\nimage a/b type=schema1 as=old signatures=1\norphan as=o",
			goes:  []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b@old"},
		},
		{
			name:  "gone with the manifest",
			store: "image a/b:v1 type=schema1 as=img signatures=2\nimage a/b type=schema1 as=old signatures=2\nimage a/b:v2",
			args:  "-m", goes: []string{"old", "old.layer1", "old.signature1", "old.signature2"},
			items: []string{"layerLink a/b old.layer1", "manifest a/b old"}, pulls: []string{"a/b:v1", "a/b:v2"},
		},
		{
			name:  "kept where the manifest is live, gone where it is not",
			store: "image FIRST:v1 type=schema1 as=img signatures=2\ncopy SECOND img\nimage SECOND:v1",
			args:  "-m", items: []string{"layerLink SECOND img.layer1", "manifest SECOND img"}, pulls: []string{"FIRST:v1", "SECOND:v1"},
		},
	})
}

func TestLiveManifestOfAnUnknownTypeKeepsEveryDigestInItsText(t *testing.T) {
	t.Parallel()
	head := `manifest a/b:v1 as=img {"schemaVersion":2,"mediaType":"application/vnd.example.unknown.v1+json",`
	for name, body := range map[string]string{
		"in a value":            `"thing":"{{x}}"}`,
		"in a list in a list":   `"a":[["b",{"c":["{{x}}"]}]]}`,
		"as a key":              `"{{x}}":1}`,
		"inside other text":     `"annotations":{"a":"see example.com/a/b@{{x}}, please"}}`,
		"in a string of JSON":   `"a":"{\"b\":\"{{x}}\"}"}`,
		"in one with two types": `"mediaType":"application/vnd.oci.image.manifest.v1+json","mediaType":"application/vnd.example.unknown.v1+json","a":"{{x}}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			liveCase{store: head + body + "\norphan as=o\nimage c/d:v1", args: "-m", goes: []string{"o"}, pulls: []string{"c/d:v1"}}.run(t)
		})
	}
}

// A registry accepts four megabytes, and not one byte more.
func TestLiveManifestOfFourMegabytesIsReadAndALargerOneIsBroken(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	const text = "image a/b:v1 as=img pad=%d layers=l1,l2\nlayer a/b l3\norphan as=o"
	s := layouttest.New(t, fmt.Sprintf(text, 1))
	info, err := os.Stat(s.Path("img"))
	if err != nil {
		t.Fatal(err)
	}
	pad := 4<<20 - info.Size() + 1
	liveCase{store: fmt.Sprintf(text, pad), goes: []string{"l3", "o"}, pulls: []string{"a/b:v1"}}.run(t)
	liveCase{store: fmt.Sprintf(text, pad+1), goes: []string{"o"}, items: []string{}, status: 3, problems: []string{"brokenManifest"}}.run(t)
}
