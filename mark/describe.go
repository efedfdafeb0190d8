package mark

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// Description is what a manifest and its configuration say about the manifest.
// Fields that cannot be read are empty: nothing is decided by them.
type Description struct {
	MediaType    string
	ArtifactType string
	Platforms    []string // such as linux/arm64/v8; unknown/unknown for attestations
	Created      time.Time
	Children     []layout.Digest // of an index, in its order, present or not
	// ConfigMediaType is that of an image's configuration; "" if it has none.
	ConfigMediaType string
	// Labels are the labels of the configuration and the manifest's annotations.
	// An annotation replaces a label with the same name. Values are cut at
	// MaxLabel bytes.
	Labels map[string]string
	Layers []Layer // in the manifest's order
}

// Layer is a layer as a manifest describes it.
type Layer struct {
	Digest    layout.Digest
	MediaType string
	Bytes     int64 // as the manifest says; -1 if it does not
}

// Describe reads a manifest, and its configuration if it is an image's. It leaves the
// layers out.
func (s *Store) Describe(w *walker.Walker, digest layout.Digest) Description {
	d := DescribeBy(digest, func(d layout.Digest, into any) bool { return s.document(w, d, into) })
	d.Layers = nil
	return d
}

// DescribeLayers is Describe with the layers.
func (s *Store) DescribeLayers(w *walker.Walker, digest layout.Digest) Description {
	return DescribeBy(digest, func(d layout.Digest, into any) bool { return s.wholeDocument(w, d, into) })
}

// DescribeBy is Describe with a function that reads a small blob as JSON. The
// function reports whether the blob exists and is JSON.
func DescribeBy(digest layout.Digest, read func(d layout.Digest, into any) bool) Description {
	var m described
	if !read(digest, &m) {
		return Description{}
	}
	d := Description{MediaType: m.mediaType(), ArtifactType: m.ArtifactType}
	for _, c := range m.Manifests {
		if child, err := layout.ParseDigest(c.Digest); err == nil {
			d.Children = append(d.Children, child)
		}
		if c.Platform != nil && !slices.Contains(d.Platforms, c.Platform.String()) {
			d.Platforms = append(d.Platforms, c.Platform.String())
		}
	}
	d.addLayers(&m)
	switch {
	case m.Config != nil:
		d.ConfigMediaType = m.Config.MediaType
		if d.ArtifactType == "" && !isImageConfig(m.Config.MediaType) {
			d.ArtifactType = m.Config.MediaType // as the OCI specification has it
		}
		m.Config.describeConfig(read, &d)
	case m.Architecture != "":
		c := describedConfig{platform: platform{OS: "linux", Architecture: m.Architecture}}
		if len(m.History) > 0 {
			// What is no JSON there says nothing.
			_ = json.Unmarshal([]byte(m.History[0].V1Compatibility), &c)
		}
		c.describe(&d)
	}
	if d.Created.IsZero() && m.Manifests == nil {
		d.Created = m.annotatedTime()
	}
	d.addLabels(m.Annotations)
	return d
}

// annotatedTime is the time that the manifest's annotations say, or the zero time.
func (m *described) annotatedTime() time.Time {
	t, err := time.Parse(time.RFC3339Nano, m.Annotations["org.opencontainers.image.created"])
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func (d *Description) addLabels(from labels) {
	if d.Labels == nil && len(from) > 0 {
		d.Labels = map[string]string{}
	}
	maps.Copy(d.Labels, from)
}

func (d *Description) addLayers(m *described) {
	for _, part := range slices.Concat(m.Layers, m.Blobs) {
		if digest, err := layout.ParseDigest(part.Digest); err == nil {
			l := Layer{Digest: digest, MediaType: part.MediaType, Bytes: -1}
			if part.Size != nil {
				l.Bytes = *part.Size
			}
			d.Layers = append(d.Layers, l)
		}
	}
	for _, part := range m.FSLayers {
		if digest, err := layout.ParseDigest(part.BlobSum); err == nil {
			d.Layers = append(d.Layers, Layer{Digest: digest, Bytes: -1})
		}
	}
}

func isImageConfig(mediaType string) bool {
	switch mediaType {
	case "", "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json", "application/vnd.oci.empty.v1+json":
		return true
	}
	return false
}

// mediaType is what the manifest says, or what its parts tell if it says nothing.
func (m *described) mediaType() string {
	switch {
	case m.MediaType != "":
		return m.MediaType
	case m.FSLayers != nil:
		return "application/vnd.docker.distribution.manifest.v1+json"
	case m.Manifests != nil:
		return "application/vnd.oci.image.index.v1+json"
	case m.Config != nil || m.Layers != nil:
		return "application/vnd.oci.image.manifest.v1+json"
	}
	return ""
}

// describeConfig reads an image's configuration; those of other artifacts say
// nothing that is known here.
func (part *describedPart) describeConfig(read func(d layout.Digest, into any) bool, d *Description) {
	digest, err := layout.ParseDigest(part.Digest)
	if err != nil || !isImageConfig(part.MediaType) {
		return
	}
	var c describedConfig
	if read(digest, &c) {
		c.describe(d)
	}
}

func (c *describedConfig) describe(d *Description) {
	if p := c.String(); p != "" {
		d.Platforms = []string{p}
	}
	if t, err := time.Parse(time.RFC3339Nano, c.Created); err == nil {
		d.Created = t.UTC()
	}
	d.addLabels(c.Config.Labels)
}
