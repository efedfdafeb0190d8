package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"sync"

	"github.com/regsweep/regsweep/e2e/internal/client"
)

// album is all tags that the pushers of TestRegistryBeside use.
type album struct {
	mu       sync.Mutex
	pictures map[string]*picture
	order    []*picture
	layers   map[string][]blob // by repository, those that were drawn last
}

func newAlbum(random *rand.Rand) *album {
	a := &album{pictures: map[string]*picture{}, layers: map[string][]blob{}}
	for range 10 {
		layer := newBlob(randomBytes(random, 500))
		a.layers["beside/new"] = append(a.layers["beside/new"], layer)
	}
	return a
}

// take finds or makes a picture, and returns it locked.
func (a *album) take(kind, repository, tag string) *picture {
	a.mu.Lock()
	name := repository + ":" + tag
	found := a.pictures[name]
	if found == nil {
		found = &picture{kind: kind, repository: repository, tag: tag}
		a.pictures[name] = found
		a.order = append(a.order, found)
	}
	a.mu.Unlock()
	found.Lock()
	return found
}

// any returns some picture, locked, unless somebody is at it.
func (a *album) any(random *rand.Rand) *picture {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.order) == 0 {
		return nil
	}
	if found := a.order[random.Intn(len(a.order))]; found.TryLock() {
		return found
	}
	return nil
}

// each visits all pictures; nobody else may use the album.
func (a *album) each(visit func(*picture)) {
	for _, i := range a.order {
		visit(i)
	}
}

// shared returns a layer that was pushed to a repository a while ago, which may be
// garbage, or gone; nil if there is none.
func (a *album) shared(random *rand.Rand, repository string) []blob {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.layers[repository]
	if len(known) == 0 {
		return nil
	}
	return []blob{known[random.Intn(len(known))]}
}

// remember makes the layers of a picture known to shared.
func (a *album) remember(i *picture) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.layers[i.repository]
	for _, p := range append(i.children, i.plate) {
		known = append(known, p.layers()...)
	}
	a.layers[i.repository] = known[max(0, len(known)-400):]
}

type blob struct {
	digest string
	data   []byte
}

func newBlob(data []byte) blob { return blob{client.DigestOf("sha256", data), data} }

func randomBytes(random *rand.Rand, size int) []byte {
	data := make([]byte, size)
	random.Read(data)
	return data
}

// plate is a manifest and the blobs that it needs.
type plate struct {
	digest, mediaType string
	manifest          []byte
	blobs             []blob // an image's layers, then its configuration
}

func (p plate) layers() []blob { return p.blobs[:max(0, len(p.blobs)-1)] }

// newPlate makes an image of a new configuration, two new layers and known ones.
func newPlate(random *rand.Rand, known []blob) plate {
	config := newBlob(fmt.Appendf(nil, `{"os":"linux","author":"%x"}`, randomBytes(random, 12)))
	layers := append([]blob{}, known...)
	for range 2 {
		layers = append(layers, newBlob(randomBytes(random, 300+random.Intn(1500))))
	}
	manifest := manifestOf(describe(ociConfig, "sha256", config.data))
	for _, layer := range layers {
		manifest.Layers = append(manifest.Layers, describe(ociLayer, "sha256", layer.data))
	}
	return finish(ociManifest, manifest, append(layers, config))
}

func finish(mediaType string, manifest client.Manifest, blobs []blob) plate {
	text, err := json.Marshal(manifest)
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	return plate{digest: client.DigestOf("sha256", text), mediaType: mediaType, manifest: text, blobs: blobs}
}

// draw gives the picture new contents.
func (i *picture) draw(random *rand.Rand, known []blob) {
	i.plate, i.children = newPlate(random, known), nil
}

// drawIndex gives it an index of two to four images.
func (i *picture) drawIndex(random *rand.Rand, known []blob) {
	index := client.Manifest{SchemaVersion: 2, MediaType: ociIndex}
	i.children = nil
	for range 2 + random.Intn(3) {
		child := newPlate(random, known)
		i.children = append(i.children, child)
		index.Manifests = append(index.Manifests, describe(child.mediaType, "sha256", child.manifest))
	}
	i.plate = finish(ociIndex, index, nil)
}
