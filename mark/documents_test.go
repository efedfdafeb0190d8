package mark

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/regsweep/regsweep/mark/manifest"
)

const documentDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// What is remembered of documents is believed by later versions of this program as long
// as documentVersion is the same: whoever changes a line here has to change that, too.
func TestShorterDocumentsHaveAVersion(t *testing.T) {
	if documentVersion != 1 {
		t.Fatal("write down here what the new version says")
	}
	for _, c := range []struct{ name, whole, short string }{
		{
			"an image",
			`{"schemaVersion": 2, "mediaType": "m", "config": {"mediaType": "c", "digest": "` + documentDigest + `", "size": 3}, "layers": [{"digest": "x"}], "annotations": {"a": "b"}}`,
			`{"annotations":{"a":"b"},"config":{"digest":"@","mediaType":"c"},"layers":[],"mediaType":"m"}`,
		},
		{
			"an image with another configuration",
			`{"config": {"digest": "sha256:b"}, "layers": null, "subject": {}, "artifactType": "t"}`,
			`{"artifactType":"t","config":{"digest":"sha256:b"},"layers":null}`,
		},
		{
			"an index",
			`{"manifests": [{"digest": "sha256:b", "platform": {"os": "linux"}, "annotations": {"x": "y"}}], "schemaVersion": 2}`,
			`{"manifests":[{"digest":"sha256:b","platform":{"os":"linux"},"annotations":{"x":"y"}}]}`,
		},
		{
			"a configuration",
			`{"architecture": "arm64", "os": "linux", "variant": "v8", "created": "2026-01-01T00:00:00Z", "config": {"Env": ["A=B"], "Labels": {"l": "<1>"}}, "rootfs": {}, "history": [{"created_by": "x"}]}`,
			`{"architecture":"arm64","config":{"Labels":{"l":"\u003c1\u003e"}},"created":"2026-01-01T00:00:00Z","os":"linux","variant":"v8"}`,
		},
		{
			"schema 1",
			`{"schemaVersion": 1, "name": "n", "architecture": "amd64", "fsLayers": [{"blobSum": "s"}], "history": [{"v1Compatibility": "{\"os\":\"x\"}"}, {"v1Compatibility": "{}"}]}`,
			`{"architecture":"amd64","fsLayers":[],"history":[{"V1Compatibility":"{\"os\":\"x\"}"}]}`,
		},
		{"what has other types stays as it is", `{"config": 5, "history": "x", "created": {"a": 1}}`, `{"config":5,"created":{"a":1},"history":"x"}`},
		{"null", `null`, `null`},
		{"a name that is there twice", `{"annotations": {"a": "b"}, "annotations": {"c": "d"}, "x": 1}`, `{"annotations": {"a": "b"}, "annotations": {"c": "d"}, "x": 1}`},
		{"a name that is there twice in another way", `{"os": "a", "OS": "b", "x": 1}`, `{"os": "a", "OS": "b", "x": 1}`},
		{"a letter that Go's decoder takes for another", `{"annotation\u017f": {"a": "b"}, "x": 1}`, "{\"annotation\u017f\":{\"a\":\"b\"}}"},
		{"labels twice", `{"config": {"Labels": {"a": "b"}, "labels": {"c": "d"}, "x": 1}}`, `{"config":{"Labels":{"a":"b"},"labels":{"c":"d"},"x":1}}`},
		{"a size that is no number", `{"config": {"digest": "` + documentDigest + `", "size": "3"}}`, `{"config":{"digest":"@","size":"3"}}`},
	} {
		short, ok := manifest.Shorten([]byte(c.whole), documentDigest)
		if !ok || string(short) != c.short {
			t.Errorf("%s: %t\n%s, not\n%s", c.name, ok, short, c.short)
		}
	}
	for _, none := range []string{"", "[]", "5", `"x"`, `{`, `{"a":1}x`} {
		if short, ok := manifest.Shorten([]byte(none), ""); ok {
			t.Errorf("%q is a document: %s", none, short)
		}
	}
}

// documentViews are all that documents are read into.
func documentViews() []any {
	return []any{new(described), new(labelled), new(describedConfig), new(labelledConfig)}
}

// withoutLayers leaves out of a view what a shorter document does not have.
func withoutLayers(view any) any {
	ofSchema1 := func(history []struct{ V1Compatibility string }) []struct{ V1Compatibility string } {
		if len(history) == 0 || history[0].V1Compatibility == "" {
			return nil
		}
		return history[:1]
	}
	if m, is := view.(configured); is && m.config() != nil {
		m.config().Size = nil
	}
	switch m := view.(type) {
	case *described:
		m.MediaType = m.mediaType()
		m.Layers, m.Blobs, m.FSLayers, m.History = nil, nil, nil, ofSchema1(m.History)
	case *labelled:
		m.History = ofSchema1(m.History)
	}
	return view
}

// FuzzShorten holds that a shorter document says to every view what the whole one does.
func FuzzShorten(f *testing.F) {
	for _, text := range []string{
		`{"mediaType":"m","config":{"digest":"` + documentDigest + `","size":3},"layers":[{"size":1}]}`,
		`{"manifests":[],"annotations":{"a":"b","c":1}}`,
		`{"fsLayers":[],"history":[{"v1Compatibility":"{}"}],"architecture":"a"}`,
		`{"created":"x","config":{"Labels":{"a":null}},"os":"l","history":[{"created_by":"x"}]}`,
		`{"annotations":{"a":"b"},"Annotations":{"c":"d"}}`, `{"config":{"size":"x"},"history":[{"v1Compatibility":"x"},{"v1Compatibility":5}]}`,
		`{"config":{"Labels":5}}`, `{"config":"@"}`, `{"layers":5,"Blobs":null,"manifests":{}}`, "null", "[]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		short, ok := manifest.Shorten(text, "")
		if again, _ := manifest.Shorten(short, ""); ok && string(again) != string(short) {
			t.Errorf("it is shortened again: %s, then %s", short, again)
		}
		whole, shorter := documentViews(), documentViews()
		for i := range whole {
			err := json.Unmarshal(text, whole[i])
			if serr := json.Unmarshal(short, shorter[i]); ok && (serr == nil) != (err == nil) {
				t.Errorf("%T of %s: %v, and of %s: %v", whole[i], text, err, short, serr)
				continue
			}
			if ok && err == nil && !reflect.DeepEqual(withoutLayers(whole[i]), withoutLayers(shorter[i])) {
				t.Errorf("%T of %s is\n%+v, and of %s\n%+v", whole[i], text, whole[i], short, shorter[i])
			}
		}
	})
}
