package e2e

import (
	"encoding/json"
	"math/rand"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/regsweep/regsweep/e2e/internal/client"
)

const (
	ociManifest = string(types.OCIManifestSchema1)
	ociConfig   = string(types.OCIConfigJSON)
	ociLayer    = string(types.OCILayer)
	ociIndex    = string(types.OCIImageIndex)
)

// artist makes images whose contents depend on a seed only.
type artist struct {
	tb     testing.TB
	source *rand.Rand
}

func newArtist(tb testing.TB, seed int64) *artist {
	return &artist{tb: tb, source: rand.New(rand.NewSource(seed))}
}

func must[T any](tb testing.TB) func(T, error) T {
	return func(value T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

// bytes are data that nobody else has.
func (a *artist) bytes(size int) []byte {
	data := make([]byte, size)
	a.source.Read(data)
	return data
}

// image has its own layers, of odd sizes, so that sums cannot agree by chance.
func (a *artist) image(layers int) v1.Image {
	a.tb.Helper()
	image := empty.Image
	for range layers {
		image = a.onTop(image)
	}
	return image
}

// onTop adds a layer to an image, which shares the others.
func (a *artist) onTop(base v1.Image) v1.Image {
	a.tb.Helper()
	size := int64(2000 + a.source.Intn(9000))
	layer := must[v1.Layer](a.tb)(random.Layer(size, types.DockerLayer, random.WithSource(a.source)))
	return must[v1.Image](a.tb)(mutate.AppendLayers(base, layer))
}

// index has an image of its own for every platform, on one base.
func (a *artist) index(architectures ...string) v1.ImageIndex {
	a.tb.Helper()
	base := a.image(1)
	var index v1.ImageIndex = empty.Index
	for _, architecture := range architectures {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        a.onTop(base),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	return index
}

// children are the digests that an index names.
func (a *artist) children(index v1.ImageIndex) []string {
	a.tb.Helper()
	var all []string
	for _, child := range must[*v1.IndexManifest](a.tb)(index.IndexManifest()).Manifests {
		all = append(all, child.Digest.String())
	}
	return all
}

// save writes an image as an OCI layout, for clients that read one.
func (a *artist) save(image v1.Image) string {
	a.tb.Helper()
	dir := a.tb.TempDir()
	path := must[layout.Path](a.tb)(layout.Write(dir, empty.Index))
	if err := path.AppendImage(image); err != nil {
		a.tb.Fatal(err)
	}
	return dir
}

// describe makes a descriptor of data as a registry stores it.
func describe(mediaType, algorithm string, data []byte) client.Descriptor {
	return client.Descriptor{MediaType: mediaType, Digest: client.DigestOf(algorithm, data), Size: int64(len(data))}
}

// manifestOf is an OCI manifest as text, for pushes that no library makes.
func manifestOf(config client.Descriptor, layers ...client.Descriptor) client.Manifest {
	return client.Manifest{SchemaVersion: 2, MediaType: ociManifest, Config: &config, Layers: layers}
}

func encode(tb testing.TB, manifest any) []byte {
	tb.Helper()
	return must[[]byte](tb)(json.Marshal(manifest))
}
