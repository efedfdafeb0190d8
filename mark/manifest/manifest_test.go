package manifest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

// hexA and its like are digests for manifests in text.
var (
	hexA = strings.Repeat("a", 64)
	hexB = strings.Repeat("b", 64)
	hexC = strings.Repeat("c", 64)
	hexD = strings.Repeat("d", 128)
)

// expand writes a manifest's digests out: $A is a sha256 digest, $D a sha512 one.
func expand(text string) []byte {
	return []byte(strings.NewReplacer(
		"$A", "sha256:"+hexA, "$B", "sha256:"+hexB, "$C", "sha256:"+hexC, "$D", "sha512:"+hexD,
	).Replace(text))
}

// names writes digests as in expand.
func names(refs []Reference) []string {
	short := map[string]string{hexA: "A", hexB: "B", hexC: "C", hexD: "D"}
	var list []string
	for _, r := range refs {
		name := short[r.Digest.Hex()]
		if r.Optional {
			name += "?"
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// parseManifest is how load reads a manifest.
func parseManifest(content []byte) (Parsed, error) {
	var p Parsed
	if Scan(content, &p) {
		return p, nil
	}
	return Decode(content)
}

func TestManifestReferences(t *testing.T) {
	tests := []struct {
		name, text string
		Kind       Kind
		want       []string // with ? for what may be absent
	}{
		{"OCI image", `{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"$A"},"layers":[{"digest":"$B"},{"digest":"$C"}]}`, Image, []string{"A", "B", "C"}},
		{"Docker image with white space", "{\n   \"schemaVersion\": 2,\n   \"config\": { \"digest\" : \"$A\" },\n \"layers\": [ ]\n}", Image, []string{"A"}},
		{"layer by sha512", `{"config":{"digest":"$A"},"layers":[{"digest":"$D"}]}`, Image, []string{"A", "D"}},
		{"index", `{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"$A"},{"digest":"$B"}]}`, Index, []string{"A?", "B?"}},
		{"index without media type", `{"manifests":[{"digest":"$A"}]}`, Index, []string{"A?"}},
		{"schema 1", `{"schemaVersion":1,"fsLayers":[{"blobSum":"$A"},{"blobSum":"$A"}]}`, Schema1, []string{"A", "A"}},
		{"artifact manifest", `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobs":[{"digest":"$A"}]}`, Image, []string{"A"}},
		{"foreign layer", `{"config":{"digest":"$A"},"layers":[{"digest":"$B","urls":["https://x"]}]}`, Image, []string{"A", "B?"}},
		{"embedded layer", `{"config":{"digest":"$A"},"layers":[{"data":"e30=","digest":"$B"}]}`, Image, []string{"A", "B?"}},
		{"keys in capitals", `{"CONFIG":{"DIGEST":"$A"},"Layers":[{"Digest":"$B"}]}`, Image, []string{"A", "B"}},
		{"key that folds to ASCII", `{"config":{"digest":"$A"},"layer` + "ſ" + `":[{"dige` + "ſ" + `t":"$B"}]}`, Image, []string{"A", "B"}},
		{"escaped key", `{"config":{"digest":"$A"},"\u006cayers":[{"d\u0069gest":"$B"}]}`, Image, []string{"A", "B"}},
		{"escaped digest", `{"config":{"digest":"\u0073ha256:` + hexA + `"}}`, Image, []string{"A"}},
		{"layers twice", `{"config":{"digest":"$A"},"layers":[{"digest":"$B"}],"layers":[{"digest":"$C"}]}`, Image, []string{"A", "B", "C"}},
		{"digest twice", `{"config":{"digest":"$A","digest":"$B"}}`, Image, []string{"A", "B"}},
		{"subject and annotations are no references", `{"config":{"digest":"$A"},"subject":{"digest":"$B"},"annotations":{"base":"$C"}}`, Image, []string{"A"}},
		{"null parts", `{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":null,"layers":null}`, Image, nil},
		{"unknown type", `{"mediaType":"application/vnd.example+json","things":{"one":"$A","two":["x $B y"]},"$C":1}`, Unknown, []string{"A?", "B?", "C?"}},
		{"unknown type with layers that are text", `{"mediaType":"application/vnd.example+json","layers":"$A"}`, Unknown, []string{"A?"}},
		{"unknown type with escapes", `{"mediaType":"application/vnd.example+json","x":"sha256\u003a` + hexA + `"}`, Unknown, []string{"A?"}},
		{"no type and nothing known", `{"x":"$A"}`, Unknown, []string{"A?"}},
		{"digest after half of one in an unknown type", `{"mediaType":"x","x":"sha256:sha256:` + hexA + `"}`, Unknown, []string{"A?"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, parse := range map[string]func([]byte) (Parsed, error){
				"as used":       parseManifest,
				"encoding/json": Decode,
			} {
				p, err := parse(expand(tt.text))
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				got := names(p.Refs)
				if tt.Kind == Unknown {
					got = slices.Compact(got) // a text may be searched twice
				}
				if diff := cmp.Diff(tt.want, got); diff != "" || p.Kind != tt.Kind {
					t.Errorf("%s: kind %d, references (-want +got)\n%s", how, p.Kind, diff)
				}
			}
		})
	}
}

func TestBrokenManifestsAreErrors(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                       ``,
		"HTML":                        `<html></html>`,
		"truncated":                   `{"config":{"digest":"$A"},"layers":[`,
		"array":                       `[{"digest":"$A"}]`,
		"text behind it":              `{"config":{"digest":"$A"}} x`,
		"a number for layers":         `{"config":{"digest":"$A"},"layers":7}`,
		"a number for a digest":       `{"config":{"digest":7}}`,
		"a path in a digest":          `{"config":{"digest":"sha256:../../../../etc/passwd"}}`,
		"a digest in capitals":        `{"config":{"digest":"sha256:` + strings.Repeat("A", 64) + `"}}`,
		"a digest that is too short":  `{"config":{"digest":"sha256:aaaa"}}`,
		"nesting beyond every reason": `{"config":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		if p, err := parseManifest(expand(text)); err == nil {
			t.Errorf("%s: no error, but %v", name, p)
		}
	}
}

// distribution's own structures, as far as its collectors look at references.
// Source: distribution v3.1.2 manifest/{ocischema,schema2,manifestlist}, v2.8.3 manifest/schema1.
type registryManifest struct {
	Config struct {
		Digest string `json:"digest"`
	} `json:"config"`
	Layers []struct {
		Digest string `json:"digest"`
	} `json:"layers"`
	Manifests []struct {
		Digest string `json:"digest"`
	} `json:"manifests"`
	FSLayers []struct {
		BlobSum string `json:"blobSum"`
	} `json:"fsLayers"`
}

// FuzzManifest holds that nothing is missed that encoding/json v1, and so a
// registry, sees; and that the scanner says the same as encoding/json.
func FuzzManifest(f *testing.F) {
	for _, s := range []string{
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"$A","size":1},"layers":[{"digest":"$B","urls":["x"]},{"digest":"$D"}],"subject":{"digest":"$C"}}`,
		`{"CONFIG":{"digest":"$A"},"layers":[{"digest":"$B"}],"layers":[{"size":1}]}`,
		`{"layer` + "ſ" + `":[{"dige\u0073t":"$B"}]}`,
		`{"manifests":[{"digest":"$A","platform":{"os":"linux"}},null],"annotations":{"a":"\u00e9\n"}}`,
		`{"schemaVersion":1,"fsLayers":[{"blobSum":"$A"}],"history":[{"v1Compatibility":"{\"id\":\"1\"}"}]}`,
		`{"config":{"digest":"$A","data":null},"x":[1,-2.5e+7,true,false,null,"",{}]}`,
	} {
		f.Add(expand(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := parseManifest(content)
		if err != nil {
			return // all of its repository is kept
		}
		have := map[string]bool{}
		for _, r := range p.Refs {
			have[r.Digest.String()] = true
		}
		var m registryManifest
		if json.Unmarshal(content, &m) == nil {
			want := []string{m.Config.Digest}
			for _, list := range [][]struct {
				Digest string `json:"digest"`
			}{m.Layers, m.Manifests} {
				for _, d := range list {
					want = append(want, d.Digest)
				}
			}
			for _, l := range m.FSLayers {
				want = append(want, l.BlobSum)
			}
			for _, d := range want {
				if _, err := layout.ParseDigest(d); err == nil && !have[d] {
					t.Errorf("%s is missed in %q", d, content)
				}
			}
		}
		slow, err := Decode(content)
		if err != nil {
			t.Fatalf("the scanner took what encoding/json refuses: %v: %q", err, content)
		}
		if diff := cmp.Diff(names2(slow), names2(p)); diff != "" {
			t.Errorf("the scanner differs (-encoding/json +scanner)\n%s%q", diff, content)
		}
	})
}

// FuzzManifestAfterAnother holds that what was read before changes nothing.
func FuzzManifestAfterAnother(f *testing.F) {
	image := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"$A","size":1},"layers":[{"digest":"$B","size":2},{"digest":"$D","urls":["x"]}]}`
	for _, other := range []string{
		image,
		strings.Replace(image, "$A", "$C", 1),
		strings.Replace(image, `"size":2`, `"size":20`, 1),
		strings.Replace(image, `"size":2}`, `"size":2},{"digest":"$C"}`, 1),
		strings.Replace(image, `"size":2}`, `"size":2} `, 1),
		strings.Replace(image, "layers", "manifests", 1),
		strings.Replace(image, "]}]", "]}", 1),
		`{"config":{"digest":"$B","size":2},"layers":[null,{"digest":"$D","urls":["x"]},{}]}`,
	} {
		f.Add(expand(image), expand(other))
		f.Add(expand(other), expand(image))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var before Seen
		p := Parsed{before: &before}
		if Scan(first, &p) {
			before = Seen{Bytes: first, refs: p.Refs, spans: p.spans}
		}
		after, alone := Parsed{before: &before}, Parsed{}
		ok := Scan(second, &after)
		if ok != Scan(second, &alone) {
			t.Fatalf("%q after %q: %v", second, first, ok)
		}
		if after.before, after.spans = nil, nil; ok && !reflect.DeepEqual(after, alone) {
			t.Errorf("%q after %q: %v, alone %v", second, first, after, alone)
		}
	})
}

// names2 is what a manifest says, in an order of its own.
func names2(p Parsed) []string {
	list := []string{string('0' + rune(p.Kind))}
	for _, r := range p.Refs {
		text := r.Digest.String()
		if r.Optional {
			text += "?"
		}
		list = append(list, text)
	}
	for _, d := range p.Subjects {
		list = append(list, "subject "+d.String())
	}
	slices.Sort(list)
	return list
}
