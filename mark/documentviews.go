package mark

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// MaxLabel is how many bytes of a label's value are kept.
const MaxLabel = 256

// described is a manifest of any type, for its description.
type described struct {
	MediaType    string
	ArtifactType string
	Config       *describedPart
	Manifests    []describedPart
	Layers       describedParts
	Blobs        describedParts // of ORAS and OCI artifacts
	Annotations  labels
	// Of schema 1.
	Architecture string
	FSLayers     describedParts
	History      []struct{ V1Compatibility string }
}

type describedPart struct {
	MediaType string
	Digest    string
	BlobSum   string // of schema 1
	Size      *int64
	Platform  *platform
}

// describedParts are what of a list of parts can be read. What cannot decides nothing.
type describedParts []describedPart

func (d *describedParts) UnmarshalJSON(b []byte) error {
	var raw []json.RawMessage
	*d = describedParts{}
	if json.Unmarshal(b, &raw) != nil {
		return nil //nolint:nilerr // what cannot be read decides nothing
	}
	for _, one := range raw {
		var part describedPart
		if json.Unmarshal(one, &part) == nil {
			*d = append(*d, part)
		}
	}
	return nil
}

// labels are texts by name. A value that is no text says nothing.
type labels map[string]string

func (l *labels) UnmarshalJSON(b []byte) error {
	var raw map[string]any
	if json.Unmarshal(b, &raw) != nil {
		return nil //nolint:nilerr // what cannot be read decides nothing
	}
	*l = labels{}
	for name, value := range raw {
		if text, ok := value.(string); ok {
			(*l)[name] = cutLabel(text)
		}
	}
	return nil
}

// cutLabel cuts a text at MaxLabel bytes, between two characters.
func cutLabel(text string) string {
	if len(text) <= MaxLabel {
		return text
	}
	end := MaxLabel
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

type platform struct{ OS, Architecture, Variant string }

func (p *platform) String() string {
	if p.Architecture == "" || p.OS == "" {
		return strings.Trim(p.OS+"/"+p.Architecture, "/")
	}
	return strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
}

// describedConfig is what of a configuration is of interest here, and of schema 1's history.
type describedConfig struct {
	platform
	Created string
	Config  struct{ Labels labels }
}

// labelled is what of a manifest says which labels its image has.
type labelled struct {
	Config      *describedPart
	Manifests   []labelledPart
	Annotations map[string]string
	History     []struct{ V1Compatibility string } // of schema 1
}

type labelledPart struct {
	describedPart
	Annotations map[string]string
}

// attests reports whether a part of an index is about another one, and no image:
// BuildKit's attestations have neither platform nor labels.
func (c *labelledPart) attests() bool {
	return c.Annotations["vnd.docker.reference.type"] == "attestation-manifest"
}

// labelledConfig is what of a configuration has labels.
type labelledConfig struct {
	Config *struct{ Labels map[string]string }
}

// configured is a view of a manifest, which has a configuration.
type configured interface{ config() *describedPart }

func (m *described) config() *describedPart { return m.Config }
func (m *labelled) config() *describedPart  { return m.Config }
