package sweep_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
)

// raceSample has two repositories, three images and three garbage manifests:
// gone has layers of its own, older is of layers that a live image has too, and
// is in the history of its tag, sig goes with its tag, since gone does. stray is
// a layer that no manifest references.
const raceSample = `
age 30d
image a:v1 layers=base as=older
image a:v1 layers=base config=older.config as=live1
image a:v2 layers=base,two config=older.config as=live2
image b:v1 layers=base config=older.config as=live3
image a layers=base,g1 as=gone
cosign a of=gone as=sig
layer a stray
`

// operation is something that a client asks for.
type operation struct {
	name string
	do   func(r *registry) []action
	refs []string // what is whole if it is accepted
	gone []string // what need not be there any more
}

func (tp *template) content(t *testing.T, name string) manifest {
	t.Helper()
	b, err := os.ReadFile(tp.store.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	m := manifest{content: string(b), known: true}
	for _, l := range append(doc.Layers, doc.Config) {
		d, err := layout.ParseDigest(l.Digest)
		if err != nil {
			t.Fatal(err)
		}
		m.layers = append(m.layers, d)
	}
	return m
}

// text is the content of a blob.
func (tp *template) text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(tp.store.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const mediaTypes = "application/vnd.oci.image."

// newImage is a manifest that nobody has pushed yet, of a configuration and layers.
func newImage(config layout.Digest, layers ...layout.Digest) manifest {
	var list []string
	for _, d := range layers {
		list = append(list, fmt.Sprintf(`{"mediaType":"%slayer.v1.tar+gzip","digest":"%s","size":1024}`, mediaTypes, d))
	}
	return manifest{
		content: fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%smanifest.v1+json","config":{"mediaType":"%sconfig.v1+json","digest":"%s","size":2},"layers":[%s]}`,
			mediaTypes, mediaTypes, config, strings.Join(list, ",")),
		layers: append(layers, config),
	}
}

func newIndex(children ...layout.Digest) manifest {
	var list []string
	for _, d := range children {
		list = append(list, fmt.Sprintf(`{"mediaType":"%smanifest.v1+json","digest":"%s","size":500}`, mediaTypes, d))
	}
	return manifest{
		content:  fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%sindex.v1+json","manifests":[%s]}`, mediaTypes, strings.Join(list, ",")),
		children: children,
	}
}

func (tp *template) operations(t *testing.T) []operation {
	t.Helper()
	s := tp.store
	gone, older, sig, live2 := tp.content(t, "gone"), tp.content(t, "older"), tp.content(t, "sig"), tp.content(t, "live2")
	const config = `{"architecture":"amd64","os":"linux"}`
	configDigest := layout.FromBytes(layout.SHA256, []byte(config))
	image := newImage(configDigest, s.Digest("base"), s.Digest("g1"), s.Digest("stray"))
	bare := newImage(s.Digest("gone.config"), s.Digest("g1"))
	mounted := newImage(s.Digest("older.config"), s.Digest("stray"))
	stray := tp.text(t, "stray")
	whole := newImage(s.Digest("older.config"), s.Digest("stray"))
	index := newIndex(s.Digest("gone"), s.Digest("older"), s.Digest("live1"))
	sigTag := "sha256-" + s.Digest("gone").Hex() + ".sig"
	push := func(name, repo, tag string, m manifest) operation {
		o := operation{name: name, refs: []string{repo + "@" + m.digest().String()}}
		if tag != "" {
			o.refs = append(o.refs, repo+":"+tag)
		}
		o.do = func(r *registry) []action { return r.put(repo, tag, m) }
		return o
	}
	before := func(o operation, first func(r *registry) []action) operation {
		then := o.do
		o.do = func(r *registry) []action { return append(first(r), then(r)...) }
		return o
	}
	return []operation{
		before(push("push new image", "a", "new", image), func(r *registry) []action { return r.upload("a", config) }),
		push("push new image of garbage only", "a", "new", bare),
		push("push new image by digest", "a", "", bare),
		push("push garbage manifest by digest", "a", "", gone),
		push("push garbage manifest to a new tag", "a", "again", gone),
		push("push garbage manifest of live layers to its tag", "a", "v1", older),
		push("push garbage signature to its tag", "a", sigTag, sig),
		before(push("mount garbage layer and push", "b", "m", mounted), func(r *registry) []action { return r.mount("a", "b", s.Digest("stray")) }),
		before(push("upload garbage layer in full and push", "a", "whole", whole), func(r *registry) []action { return r.commit("a", stray) }),
		push("push index of garbage manifests", "a", "multi", index),
		push("retag live manifest", "a", "v3", live2),
		push("retag garbage manifest over a live tag", "a", "v2", gone),
		{name: "delete live manifest", gone: []string{"a:v2"}, do: func(r *registry) []action {
			return []action{
				r.remove(layout.Object{Kind: layout.RevisionLink, Repository: "a", Digest: s.Digest("live2")}.Path()),
				r.remove(layout.TagDir("a", "v2")),
			}
		}},
		{name: "delete tag", gone: []string{"a:v2"}, do: func(r *registry) []action {
			return []action{r.remove(layout.TagDir("a", "v2"))}
		}},
	}
}
