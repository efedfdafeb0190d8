package e2e

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// fill makes the store that a registry has after years: of everything something,
// a part of it dead.
func (p *pusher) fill() {
	p.overwritten()
	p.multiArch()
	p.nested()
	p.sharedIndex()
	p.mounted()
	p.sha512()
	p.oddManifests()
	p.referrers()
	p.subjectsThatGo()
	p.signed()
	p.deleted()
	p.untaggedHere()
	p.orphans()
	p.abortedUploads()
	if p.registry.Version == registry.V2 { // v3 takes no schema 1, and its collector stops at either
		p.schema1()
		p.withoutLayers()
	}
}

// overwritten pushes one tag again and again, with each client, on one base.
func (p *pusher) overwritten() {
	first := p.artist.image(2)
	second, third := p.onTop(first), p.onTop(first)
	p.run("crane", "push", "--insecure", p.save(first), p.ref("team/app", "latest"))
	p.observe("team/app", "latest")
	p.run("skopeo", "copy", "--dest-tls-verify=false", "oci:"+p.save(second), "docker://"+p.ref("team/app", "latest"))
	p.observe("team/app", "latest")
	p.image("team/app", "latest", third)
	p.image("team/app", "stable", third)
	p.image("team/app", "v1", first)
	p.image("team/app", "v1", p.onTop(third))
}

func (p *pusher) multiArch() {
	index := p.artist.index("amd64", "arm64", "riscv64")
	p.index("team/multi", "v1", index)
	p.index("team/multi", "latest", index)
	// the next release shares a platform with this one
	shared := must[v1.Image](p.t)(index.Image(must[v1.Hash](p.t)(v1.NewHash(p.children(index)[0]))))
	next := mutate.AppendManifests(p.artist.index("s390x"), mutate.IndexAddendum{Add: shared})
	p.index("team/multi", "latest", next)
	// and this one nobody names any more
	p.index("team/multi", "old", p.artist.index("amd64", "arm"))
	p.image("team/multi", "old", p.artist.image(1))
}

func (p *pusher) nested() {
	inner, innermost := p.artist.index("amd64", "arm64"), p.artist.index("mips64le")
	inner = mutate.AppendManifests(inner, mutate.IndexAddendum{Add: innermost})
	outer := mutate.AppendManifests(p.artist.index("ppc64le"), mutate.IndexAddendum{Add: inner})
	p.index("team/nested", "v1", outer)
	dead := mutate.AppendManifests(p.artist.index("ppc64le"), mutate.IndexAddendum{Add: p.artist.index("amd64")})
	p.index("team/nested", "v2", dead)
	p.index("team/nested", "v2", inner)
}

// sharedIndex is L2: two repositories with one index, a child gone from the
// first; and L3: an image untagged in the first repository and tagged in the last.
func (p *pusher) sharedIndex() {
	index := p.artist.index("amd64", "arm64")
	p.index("aaa/multi", "v1", index)
	p.index("bbb/multi", "v1", index)
	p.deleteManifest("aaa/multi", p.children(index)[0])
	image := p.artist.image(2)
	p.image("aaa/once", "v1", image)
	p.image("zzz/once", "v1", image)
	p.image("aaa/once", "v1", p.artist.image(1))
}

// mounted has the layers of one repository in others, through the registry.
func (p *pusher) mounted() {
	image := p.artist.image(3)
	digest := p.image("team/base", "v1", image)
	p.run("crane", "copy", "--insecure", p.ref("team/base", "v1"), p.ref("mirror/base", "v1"))
	p.observe("mirror/base", "v1")
	// where the source dies, the copy has to live
	p.deleteManifest("team/base", digest)
	p.image("team/base", "v2", p.artist.image(1))
	// a mount that no push followed: a repository with layers alone, which its source keeps
	for _, layer := range must[[]v1.Layer](p.t)(image.Layers()) {
		layer := must[v1.Hash](p.t)(layer.Digest()).String()
		mounted, _, err := p.api.Mount("mirror/only-layers", layer, "mirror/base")
		p.check(err)
		if !mounted {
			p.t.Fatalf("registry %s does not mount %s", p.registry.Name, layer)
		}
		p.ledger.Uploaded("mirror/only-layers", layer)
	}
}

// sha512 is L4: layers that manifests name by sha512, and the registry stores by
// sha256. One image is tagged, one is not, one shares its layer with a sha256 name.
func (p *pusher) sha512() {
	push := func(repository, tag, algorithm string, data []byte) {
		config := p.config(repository)
		p.blob(repository, algorithm, data)
		p.manifest(repository, tag, ociManifest, encode(p.t, manifestOf(config, describe(ociLayer, algorithm, data))))
	}
	both := p.bytes(3100)
	push("odd/sha512", "v1", "sha512", p.bytes(3000))
	push("odd/sha512", "", "sha512", p.bytes(3001))
	push("odd/sha512", "both", "sha512", both)
	push("odd/sha512-too", "both", "sha256", both)
}

// config uploads an image configuration that nobody else has.
func (p *pusher) config(repository string) client.Descriptor {
	data := fmt.Appendf(nil, `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers"},"author":"%x"}`, p.bytes(8))
	p.blob(repository, "sha256", data)
	return describe(ociConfig, "sha256", data)
}

// oddManifests are accepted by the registries and not what parsers expect: L9.
func (p *pusher) oddManifests() {
	config, layer := p.config("odd/json"), p.bytes(2500)
	p.blob("odd/json", "sha256", layer)
	d := describe(ociLayer, "sha256", layer)
	p.manifest("odd/json", "upper", ociManifest, fmt.Appendf(nil,
		`{"SCHEMAVERSION":2,"mediaType":%q,"CONFIG":%s,"Layers":[{"mediatype":%q,"DIGEST":%q,"Size":%d}]}`,
		ociManifest, encode(p.t, config), d.MediaType, d.Digest, d.Size))
	second := p.bytes(2600)
	p.blob("odd/json", "sha256", second)
	p.manifest("odd/json", "twice", ociManifest, fmt.Appendf(nil,
		`{"schemaVersion":2,"config":%s,"layers":[],"layers":[%s]}`,
		encode(p.t, config), encode(p.t, describe(ociLayer, "sha256", second))))
}

// deleted deletes all that the API lets one delete.
func (p *pusher) deleted() {
	p.deleteManifest("gone/all", p.image("gone/all", "v1", p.artist.image(2)))
	// a repository whose last image is gone, above one that lives
	p.deleteManifest("team", p.image("team", "v1", p.artist.image(1)))
	// the tag's other name goes with it, the history of its first image too
	p.image("team/deleted", "moved", p.artist.image(1))
	image := p.artist.image(2)
	digest := p.image("team/deleted", "moved", image)
	p.image("team/deleted", "same", image)
	p.image("team/deleted", "past", image)
	p.image("team/deleted", "past", p.onTop(image))
	p.deleteManifest("team/deleted", digest)
	if p.registry.Version == registry.V3 {
		p.image("team/deleted", "untagged", p.artist.image(1))
		p.check(p.api.DeleteManifest("team/deleted", "untagged"))
		p.ledger.DeletedTag("team/deleted", "untagged")
	}
	// an image that lost a layer's link cannot be pulled, and keeps the layer
	broken := p.artist.image(2)
	p.image("team/broken", "v1", broken)
	layer := must[[]v1.Layer](p.t)(broken.Layers())[0]
	p.deleteBlob("team/broken", must[v1.Hash](p.t)(layer.Digest()).String())
}

// untaggedHere is L7: a repository that was only ever pushed to by digest.
func (p *pusher) untaggedHere() {
	p.untagged("odd/by-digest", p.artist.image(2))
	p.untagged("odd/by-digest", p.artist.image(1))
}

// orphans are blobs that no manifest followed; one lost its link too.
func (p *pusher) orphans() {
	p.blob("gone/orphans", "sha256", p.bytes(5000))
	p.deleteBlob("gone/orphans", p.blob("gone/orphans", "sha256", p.bytes(5001)))
	p.blob("team/app", "sha256", p.bytes(5002))
	p.blob("team/app", "sha256", []byte{}) // an empty file is a blob
}

// withoutLayers is L5: an index of nothing, tagged, in a repository without layers.
func (p *pusher) withoutLayers() {
	p.index("odd/empty-index", "v1", mutate.AppendManifests(empty.Index))
}

// schema1 has skopeo convert images to what Docker pushed before 2016.
func (p *pusher) schema1() {
	for _, tag := range []string{"v1", "v2", "v2"} {
		p.run("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s1",
			"oci:"+p.save(p.artist.image(2)), "docker://"+p.ref("odd/schema1", tag))
		p.observe("odd/schema1", tag)
	}
}
