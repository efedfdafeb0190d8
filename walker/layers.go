package walker

import (
	"context"
	"slices"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// LayerAlgorithms returns the algorithms under which the repository has layer links.
func (r *Repository) LayerAlgorithms() []layout.Algorithm {
	if r.layers != nil && !r.listed {
		r.layerAlgs = r.algorithms(r.layers)
		r.listed = true
	}
	return r.layerAlgs
}

// Layers calls fn for every directory of a layer link, without reading the link.
// Linked is true for a directory that is a symbolic link.
func (r *Repository) Layers(alg layout.Algorithm, fn func(digest layout.Digest, linked bool)) {
	d, ok := r.openPart(r.layers, alg.String())
	if !ok {
		return
	}
	defer d.Close()
	r.hashes(d, alg, func(digest layout.Digest, e disk.Entry) {
		fn(digest, e.Type == disk.Symlink)
	})
}

// ReadLayers reads the layer links of digests of one algorithm.
func (r *Repository) ReadLayers(ctx context.Context, alg layout.Algorithm, digests []layout.Digest) []Revision {
	layers := make([]Revision, len(digests))
	d, ok := r.layerDir(alg)
	if !ok {
		for i := range layers {
			layers[i] = Revision{Digest: digests[i], Link: Link{State: LinkMissing}}
		}
		return layers
	}
	for i := range layers {
		layers[i].Digest = digests[i]
	}
	r.readRevisions(ctx, d, layers)
	return layers
}

// layerDir keeps the directory open until the repository is closed.
func (r *Repository) layerDir(alg layout.Algorithm) (*disk.Dir, bool) {
	if d, ok := r.layersOf[alg]; ok {
		return d, true
	}
	if !slices.Contains(r.LayerAlgorithms(), alg) {
		return nil, false
	}
	d, ok := r.openPart(r.layers, alg.String())
	if !ok {
		return nil, false
	}
	if r.layersOf == nil {
		r.layersOf = map[layout.Algorithm]*disk.Dir{}
	}
	r.layersOf[alg] = d
	return d, true
}

// HasLayer reports whether the repository has a layer link for a digest, and what it says.
func (r *Repository) HasLayer(ctx context.Context, digest layout.Digest) Link {
	return r.ReadLayers(ctx, digest.Algorithm(), []layout.Digest{digest})[0].Link
}

// HasLayers reports whether the repository has layer links of the usual algorithm.
func (r *Repository) HasLayers() bool { return slices.Contains(r.LayerAlgorithms(), layout.SHA256) }
