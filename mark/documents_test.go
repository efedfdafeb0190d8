package mark

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
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
	} {
		short, ok := shorten([]byte(c.whole), documentDigest)
		if !ok || string(short) != c.short {
			t.Errorf("%s: %t\n%s, not\n%s", c.name, ok, short, c.short)
		}
	}
	for _, none := range []string{"", "[]", "5", `"x"`, `{`, `{"a":1}x`} {
		if short, ok := shorten([]byte(none), ""); ok {
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

// unambiguous reports whether all objects that count have each name once, however it
// is written. Go's decoder takes the last of several, and so does shorten, but not
// always the same one.
func unambiguous(text []byte) bool {
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		return true
	}
	names := map[string]bool{}
	for name, value := range all {
		for _, c := range name {
			if c > 0x7f {
				return false
			}
		}
		if lower := strings.ToLower(name); names[lower] || lower == "config" && !unambiguous(value) {
			return false
		} else {
			names[lower] = true
		}
	}
	return true
}

// FuzzShorten holds that a shorter document says to every view what the whole one does.
func FuzzShorten(f *testing.F) {
	for _, text := range []string{
		`{"mediaType":"m","config":{"digest":"` + documentDigest + `","size":3},"layers":[{"size":1}]}`,
		`{"manifests":[],"annotations":{"a":"b","c":1}}`,
		`{"fsLayers":[],"history":[{"v1Compatibility":"{}"}],"architecture":"a"}`,
		`{"created":"x","config":{"Labels":{"a":null}},"os":"l","history":[{"created_by":"x"}]}`,
		`{"config":{"Labels":5}}`, `{"config":"@"}`, `{"layers":5,"Blobs":null,"manifests":{}}`, "null", "[]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || !unambiguous(text) {
			return
		}
		// A second time, so that no name is there twice at all.
		var all map[string]json.RawMessage
		if json.Unmarshal(text, &all) == nil {
			text, _ = json.Marshal(all)
		}
		short, ok := shorten(text, "")
		if again, _ := shorten(short, ""); ok && string(again) != string(short) {
			t.Errorf("it is shortened again: %s, then %s", short, again)
		}
		whole, shorter := documentViews(), documentViews()
		for i := range whole {
			err := json.Unmarshal(text, whole[i])
			if serr := json.Unmarshal(short, shorter[i]); ok && serr != nil && err == nil {
				t.Errorf("%T of %s can be read, and not of %s: %v", whole[i], text, short, serr)
				continue
			}
			if ok && err == nil && !reflect.DeepEqual(withoutLayers(whole[i]), withoutLayers(shorter[i])) {
				t.Errorf("%T of %s is\n%+v, and of %s\n%+v", whole[i], text, whole[i], short, shorter[i])
			}
		}
	})
}
