package main

import (
	"strconv"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

const (
	ociHead   = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`
	indexHead = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",`
)

// jsonSpellings are manifests whose references encoding/json v1 sees, or saw
// before a later one took their place. x and y are blobs.
func jsonSpellings() map[string]string {
	return map[string]string{
		"keys in capitals":                         ociHead + `"CONFIG":{"DIGEST":"{{x}}"},"LAYERS":[{"Digest":"{{y}}"}]}`,
		"keys in mixed case":                       ociHead + `"conFig":{"digesT":"{{x}}"},"Layers":[{"dIgEsT":"{{y}}"}]}`,
		"keys with escapes":                        ociHead + `"\u0063onfig":{"d\u0069gest":"{{x}}"},"l\u0061yers":[{"\u0044igest":"{{y}}"}]}`,
		"keys that fold to s":                      ociHead + `"config":{"digeſt":"{{x}}"},"layerſ":[{"digest":"{{y}}"}]}`,
		"keys that fold to s by an escape":         ociHead + `"layer\u017f":[{"dige\u017ft":"{{x}}"},{"digest":"{{y}}"}]}`,
		"layers twice":                             ociHead + `"layers":[{"digest":"{{x}}"}],"layers":[{"digest":"{{y}}"}]}`,
		"layers twice, in another case":            ociHead + `"layers":[{"digest":"{{x}}"}],"Layers":[{"digest":"{{y}}"}]}`,
		"layers twice, the second time empty":      ociHead + `"layers":[{"digest":"{{x}}"},{"digest":"{{y}}"}],"layers":[]}`,
		"layers twice, the second time null":       ociHead + `"layers":[{"digest":"{{x}}"},{"digest":"{{y}}"}],"layers":null}`,
		"layers twice, the second without digests": ociHead + `"layers":[{"digest":"{{x}}"},{"digest":"{{y}}"}],"layers":[{"size":1},{"size":2}]}`,
		"config twice":                             ociHead + `"config":{"digest":"{{x}}"},"config":{"digest":"{{y}}"}}`,
		"config twice, the second without digest":  ociHead + `"config":{"digest":"{{x}}"},"layers":[{"digest":"{{y}}"}],"config":{"size":1}}`,
		"a digest twice in one descriptor":         ociHead + `"layers":[{"digest":"{{x}}","digest":"{{y}}"}]}`,
		"urls that are empty":                      ociHead + `"layers":[{"digest":"{{x}}","urls":[]},{"digest":"{{y}}","urls":null}]}`,
		"media types that say foreign":             ociHead + `"layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{{x}}"},{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"{{y}}","urls":["https://example.com"]}]}`,
		"the media type last":                      `{"schemaVersion":2,"config":{"digest":"{{x}}"},"layers":[{"digest":"{{y}}"}],"mediaType":"application/vnd.oci.image.manifest.v1+json"}`,
		"the media type's key in capitals":         `{"SCHEMAVERSION":2,"MEDIATYPE":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"{{x}}"},"layers":[{"digest":"{{y}}"}]}`,
		"white space all around":                   " \t" + ociHead + " \t \"config\" : { \"digest\" : \"{{x}}\" } , \"layers\" : [ { \"digest\" : \"{{y}}\" } ] } ",
		"fields of other types among them":         ociHead + `"annotations":{"a":"b"},"x":[1,2.5e3,true,null,{"layers":[]}],"config":{"platform":{"os":"linux"},"digest":"{{x}}"},"layers":[{"annotations":{"digest":"no"},"digest":"{{y}}"}]}`,
		"schema 1 in capitals":                     `{"schemaVersion":1,"FSLAYERS":[{"BLOBSUM":"{{x}}"},{"blobſum":"{{y}}"}]}`,
		"schema 1, blobSum twice":                  `{"schemaVersion":1,"fsLayers":[{"blobSum":"{{x}}","blobsum":"{{y}}"}]}`,
		"blobs in capitals":                        `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","BLOBS":[{"DIGEST":"{{x}}"},{"digest":"{{y}}"}]}`,
		"an index of blobs in capitals":            indexHead + `"MANIFESTS":[{"DIGEST":"{{x}}"},{"digest":"{{y}}"}]}`,
		"an index of blobs, twice":                 indexHead + `"manifests":[{"digest":"{{x}}"}],"Manifests":[{"digest":"{{y}}"}]}`,
	}
}

func TestLiveWhateverEncodingJSONSeesAsAReferenceIsSeen(t *testing.T) {
	t.Parallel()
	for name, text := range jsonSpellings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			liveJSON(text, "x", "y").run(t)
		})
	}
}

// liveJSON is a store with one tagged manifest, whose named layers stay.
func liveJSON(text string, names ...string) liveCase {
	c := liveCase{args: "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"c/d:v1"}}
	for _, name := range names {
		c.store += "layer a/b " + name + "\n"
	}
	c.store += "manifest a/b:v1 as=img " + text + "\norphan as=o\nimage c/d:v1"
	return c
}

// Children of an index and subjects of referrers are references as well.
func TestLiveSpellingsOfManifestsAndSubject(t *testing.T) {
	t.Parallel()
	var cases []liveCase
	for name, key := range map[string]string{"in capitals": "MANIFESTS", "folded": "manifeſts", "with escapes": `m\u0061nifests`} {
		cases = append(cases, liveCase{
			name:  "children " + name,
			store: "image a/b as=child\nmanifest a/b:v1 as=idx " + indexHead + `"` + key + `":[{"Digest":"{{child}}"}]}`,
			args:  "-m", items: []string{}, pulls: []string{"a/b@child"},
		})
	}
	for name, key := range map[string]string{"in capitals": "SUBJECT", "folded": "ſubject", "with escapes": `s\u0075bject`} {
		cases = append(cases, liveCase{
			name:  "a subject " + name,
			store: "image a/b:v1 as=img\nmanifest a/b as=ref " + ociHead + `"layers":[{"digest":"{{x}}"}],"` + key + `":{"digest":"{{img}}"}}`,
			args:  "-m", items: []string{}, pulls: []string{"a/b:v1", "a/b@ref"},
		})
	}
	cases = append(cases, liveCase{
		name: "a subject twice",
		store: `image a/b:v1 as=one
			image a/b as=two
			manifest a/b as=ref ` + ociHead + `"layers":[{"digest":"{{x}}"}],"subject":{"digest":"{{one}}"},"Subject":{"digest":"{{two}}"}}`,
		args: "-m", goes: []string{"two", "two.config", "two.layer1"}, pulls: []string{"a/b:v1", "a/b@ref"},
	})
	runLive(t, cases)
}

func TestLiveDigestsWrittenWithEscapesAreSeen(t *testing.T) {
	t.Parallel()
	const layers = "layer a/b x\nlayer a/b y\n"
	s := layouttest.New(t, layers)
	x, y := s.Digest("x").Hex(), s.Digest("y").Hex()
	text := ociHead + `"config":{"digest":"\u0073ha256\u003a` + x + `"},"layers":[{"digest":"sha256:\u00` +
		strconv.FormatInt(int64(y[0]), 16) + y[1:] + `"}]}`
	liveJSON(text, "x", "y").run(t)
	// A type that we do not know is searched for digests, escaped or not.
	unknown := `{"mediaType":"application/vnd.example.unknown.v1+json","a":["sha256\u003a` + x + `",{"sha25\u0036:` + y + `":1}]}`
	liveJSON(unknown, "x", "y").run(t)
}
