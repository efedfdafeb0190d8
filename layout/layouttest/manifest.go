package layouttest

import (
	"fmt"
	"maps"
)

// The structures are written out here, not taken from image-spec: tests of a
// program that reads with one set of types should not be written with the same.

type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *platform         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// manifest is an OCI manifest, a Docker manifest of schema 2, or one of the
// forms that have blobs in place of layers.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion,omitempty"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *descriptor       `json:"config,omitempty"`
	Layers        *[]descriptor     `json:"layers,omitempty"`
	Blobs         *[]descriptor     `json:"blobs,omitempty"`
	Things        *[]descriptor     `json:"things,omitempty"` // of the unknown type
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type imageIndex struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	Manifests     []descriptor      `json:"manifests"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type schema1 struct {
	SchemaVersion int         `json:"schemaVersion"`
	Name          string      `json:"name"`
	Tag           string      `json:"tag"`
	Architecture  string      `json:"architecture"`
	FSLayers      []fsLayer   `json:"fsLayers"`
	History       []v1History `json:"history"`
}

type fsLayer struct {
	BlobSum string `json:"blobSum"`
}

type v1History struct {
	V1Compatibility string `json:"v1Compatibility"`
}

type imageConfig struct {
	Created      string `json:"created,omitempty"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
	OS           string `json:"os"`
	Config       struct {
		Env    []string          `json:"Env"`
		Labels map[string]string `json:"Labels"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []history `json:"history,omitempty"`
}

type history struct {
	Created   string `json:"created,omitempty"`
	CreatedBy string `json:"created_by"`
}

// form is how a type= of images is written.
type form struct {
	mediaType string
	config    string // media types of the parts; no config if empty
	layer     string
	foreign   string
	artifact  string // artifactType; the configuration is empty then
	shape     string // which key the layers stand under
}

const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	ociLayer       = "application/vnd.oci.image.layer.v1.tar+gzip"
	ociEmpty       = "application/vnd.oci.empty.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	exampleThing   = "application/vnd.example.thing.v1"
)

// forms are the values of type= of images.
func forms() map[string]form {
	oci := form{
		mediaType: ociManifest,
		config:    "application/vnd.oci.image.config.v1+json",
		layer:     ociLayer,
		foreign:   "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		shape:     "layers",
	}
	bare := oci
	bare.mediaType = ""
	return map[string]form{
		"oci":         oci,
		"nomediatype": bare,
		"docker": {
			mediaType: dockerManifest,
			config:    "application/vnd.docker.container.image.v1+json",
			layer:     "application/vnd.docker.image.rootfs.diff.tar.gzip",
			foreign:   "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
			shape:     "docker",
		},
		"schema1":     {mediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws", shape: "schema1"},
		"artifact":    {mediaType: ociManifest, config: ociEmpty, layer: exampleThing, artifact: exampleThing, shape: "layers"},
		"ociartifact": {mediaType: "application/vnd.oci.artifact.manifest.v1+json", layer: exampleThing, shape: "blobs"},
		"oras":        {mediaType: "application/vnd.cncf.oras.artifact.manifest.v1+json", layer: exampleThing, shape: "blobs"},
		"unknown":     {mediaType: "application/vnd.example.unknown.v1+json", layer: exampleThing, shape: "things"},
	}
}

// encode is the manifest's text. A nil config is left out.
func (f form) encode(m manifest, config *object, layers []*object, r ref) []byte {
	if f.shape == "schema1" {
		return f.encodeSchema1(layers, r)
	}
	if config != nil {
		d := config.describe(f.config)
		m.Config = &d
	}
	list := make([]descriptor, 0, len(layers))
	for _, o := range layers {
		mediaType := f.layer
		if len(o.urls) > 0 && f.foreign != "" {
			mediaType = f.foreign
		}
		list = append(list, o.describe(mediaType))
	}
	switch f.shape {
	case "docker": // schema 2 has no annotations, but they are ignored, and needed for padding
		if m.Annotations["padding"] == "" {
			m.Annotations = nil
		}
		m.Layers = &list
	case "layers":
		m.Layers = &list
	case "blobs":
		m.Blobs = &list
	case "things":
		m.Things = &list
	}
	return encode(m, f.shape == "docker")
}

// encodeSchema1 is the payload without its signatures, which is what is stored.
func (f form) encodeSchema1(layers []*object, r ref) []byte {
	m := schema1{SchemaVersion: 1, Name: r.repository, Architecture: "amd64", FSLayers: []fsLayer{}, History: []v1History{}}
	if len(r.tags) > 0 {
		m.Tag = r.tags[0]
	}
	for i, o := range layers {
		m.FSLayers = append(m.FSLayers, fsLayer{BlobSum: o.ref().String()})
		m.History = append(m.History, v1History{V1Compatibility: fmt.Sprintf(`{"id":"%064x"}`, i)})
	}
	return encode(m, true)
}

// describe is a descriptor of the object; its own media type goes before the
// given one.
func (o *object) describe(mediaType string) descriptor {
	d := descriptor{
		MediaType:    o.mediaType,
		Digest:       o.ref().String(),
		Size:         o.size,
		URLs:         o.urls,
		Data:         o.data,
		ArtifactType: o.artifact,
		Annotations:  maps.Clone(o.note),
	}
	if d.MediaType == "" {
		d.MediaType = mediaType
	}
	return d
}
