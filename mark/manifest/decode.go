// Package manifest reads manifests: what they reference, of whatever type.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/digests"
)

// Max is the size in bytes above which no registry accepts a manifest.
// Source: distribution v3.1.2 registry/handlers/manifests.go maxManifestBodySize.
const Max = 4 << 20

// Version is that of what Scan and Decode find in a manifest, and of what is kept of
// that. It changes with these: then what was remembered of manifests is of no use. A
// test of package mark holds it.
const Version = 1

// Kind is what a manifest is.
type Kind uint8

// The kinds of manifests.
const (
	Image   Kind = iota + 1
	Index        // an index or manifest list
	Schema1      // Docker's first, with fsLayers
	Unknown      // of a type that is not known here
)

// Reference is a digest that a manifest names.
type Reference struct {
	Digest layout.Digest
	ID     digests.ID // if it is known already; Digest is worth nothing then
	// Optional says that its absence is no damage: a child of an index, a
	// layer that is fetched from elsewhere or is embedded in the manifest.
	Optional bool
	Config   bool  // it is the image's configuration
	Size     int64 // bytes that the manifest says it has; NoSize if that is not clear
}

// NoSize is the size of a reference of which a manifest does not say one.
const NoSize = -1

// Parsed is what a manifest says.
type Parsed struct {
	Kind     Kind
	Refs     []Reference
	Subjects []layout.Digest
	before   *Seen  // nil if nothing is known
	spans    []span // of the descriptors, if before is not nil
}

var knownTypes = map[string]bool{
	"application/vnd.oci.image.manifest.v1+json":                true,
	"application/vnd.oci.image.index.v1+json":                   true,
	"application/vnd.docker.distribution.manifest.v2+json":      true,
	"application/vnd.docker.distribution.manifest.list.v2+json": true,
	"application/vnd.docker.distribution.manifest.v1+json":      true,
	"application/vnd.docker.distribution.manifest.v1+prettyjws": true,
	"application/vnd.oci.artifact.manifest.v1+json":             true,
	"application/vnd.cncf.oras.artifact.manifest.v1+json":       true,
}

// document is a manifest of any type, as encoding/json v1 sees it, which both
// registries use: keys in any letter case, escaped or folded. Of a repeated
// key encoding/json takes the last; these types take every occurrence.
type document struct {
	MediaType texts
	Config    descriptors
	Layers    descriptors
	Manifests descriptors
	Blobs     descriptors
	FSLayers  descriptors
	Subject   descriptors
}

// descriptor is what of an OCI descriptor, or of an entry of schema 1's
// fsLayers, matters here.
type descriptor struct {
	MediaType texts
	Digest    texts
	BlobSum   texts
	URLs      present
	Data      present
	Size      amount
}

// amount is the last value of a key that should be a number of bytes. What it
// is never makes a manifest unreadable: no reference depends on it.
type amount struct {
	bytes int64
	known bool
}

func (a *amount) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	*a = amount{n, err == nil && n >= 0}
	return nil
}

// of is the size of what a descriptor refers to by so many digests.
func (a amount) of(references int) int64 {
	if !a.known || references != 1 {
		return NoSize
	}
	return a.bytes
}

// texts collects the values of every occurrence of a key.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s != "" { // null, too
		*t = append(*t, s)
	}
	return nil
}

// present is whether a key has a value.
type present bool

func (p *present) UnmarshalJSON(b []byte) error {
	*p = *p || string(b) != "null"
	return nil
}

// descriptors collects one descriptor or a list of them, of every occurrence of a key.
type descriptors []descriptor

func (d *descriptors) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		return nil
	case b[0] == '[':
		return d.addList(b)
	}
	return d.addOne(json.NewDecoder(bytes.NewReader(b)))
}

// addList adds the descriptors of a list one by one, since four megabytes of
// empty ones would take hundreds in memory.
func (d *descriptors) addList(b []byte) error {
	list := json.NewDecoder(bytes.NewReader(b))
	if _, err := list.Token(); err != nil {
		return err
	}
	for list.More() {
		if err := d.addOne(list); err != nil {
			return err
		}
	}
	return nil
}

// addOne adds the next descriptor if it names anything.
func (d *descriptors) addOne(from *json.Decoder) error {
	var one descriptor
	if err := from.Decode(&one); err != nil {
		return err
	}
	if len(one.Digest)+len(one.BlobSum) > 0 {
		*d = append(*d, one)
	}
	return nil
}

// Decode reads a manifest by encoding/json: at least every reference
// that either registry would see in it. An error means that it is no manifest.
// It serves whatever the scanner does not understand.
func Decode(content []byte) (Parsed, error) {
	if text := bytes.TrimLeft(content, " \t\r\n"); len(text) == 0 || text[0] != '{' {
		return Parsed{}, errors.New("not a JSON object")
	}
	var doc document
	if err := json.Unmarshal(content, &doc); err != nil {
		return parseUnknown(content, err)
	}
	p := Parsed{Kind: doc.kind()}
	if err := p.addParts(&doc); err != nil && p.Kind != Unknown {
		return Parsed{}, err
	}
	p.addSubjects(doc.Subject)
	if p.Kind == Unknown {
		p.addText(content)
	}
	return p, nil
}

// parseUnknown reads what has not the shape of a manifest. It may still be one
// of a type that is not known here, whose text is all that can be judged.
func parseUnknown(content []byte, cause error) (Parsed, error) {
	var doc struct{ MediaType texts }
	if json.Unmarshal(content, &doc) != nil || (&document{MediaType: doc.MediaType}).kind() != Unknown || len(doc.MediaType) == 0 {
		return Parsed{}, fmt.Errorf("not a manifest: %w", cause)
	}
	p := Parsed{Kind: Unknown}
	p.addText(content)
	var about struct{ Subject descriptors }
	if json.Unmarshal(content, &about) == nil {
		p.addSubjects(about.Subject)
	}
	return p, nil
}

func (p *Parsed) addSubjects(list descriptors) {
	for i := range list {
		for _, text := range list[i].Digest {
			if d, err := layout.ParseDigest(text); err == nil {
				p.Subjects = append(p.Subjects, d)
			}
		}
	}
}

// addParts adds the references of all parts that a manifest may have.
func (p *Parsed) addParts(doc *document) error {
	parts := []struct {
		list     descriptors
		optional bool
	}{{doc.Config, false}, {doc.Layers, false}, {doc.Blobs, false}, {doc.FSLayers, false}, {doc.Manifests, true}}
	for _, part := range parts {
		for i := range part.list {
			if err := p.add(&part.list[i], part.optional); err != nil {
				return err
			}
		}
	}
	for i := range min(doc.Config.count(), len(p.Refs)) {
		p.Refs[i].Config = true
	}
	return nil
}

// count is how many digests descriptors have.
func (d descriptors) count() (n int) {
	for i := range d {
		n += len(d[i].Digest) + len(d[i].BlobSum)
	}
	return n
}

func (d *document) kind() Kind {
	for _, t := range d.MediaType {
		if !knownTypes[t] {
			return Unknown
		}
	}
	switch {
	case len(d.FSLayers) > 0:
		return Schema1
	case d.Manifests != nil:
		return Index
	case d.Config != nil || d.Layers != nil || d.Blobs != nil:
		return Image
	case len(d.MediaType) > 0:
		return Image // one that names nothing
	}
	return Unknown
}

func (p *Parsed) add(d *descriptor, optional bool) error {
	optional = optional || bool(d.URLs) || bool(d.Data)
	for _, list := range [2]texts{d.Digest, d.BlobSum} {
		for _, text := range list {
			digest, err := layout.ParseDigest(text)
			if err != nil {
				return fmt.Errorf("not a manifest: it refers to a digest that is %w", err)
			}
			p.Refs = append(p.Refs, Reference{Digest: digest, Optional: optional, Size: d.Size.of(len(d.Digest) + len(d.BlobSum))})
		}
	}
	return nil
}

// addText adds every digest that the text contains, in keys and values, whole
// or as part of a longer string, and behind JSON's escapes.
func (p *Parsed) addText(content []byte) {
	p.scan(content)
	if !bytes.ContainsRune(content, '\\') {
		return
	}
	tokens := json.NewDecoder(bytes.NewReader(content))
	for {
		token, err := tokens.Token()
		if err != nil {
			return // its end: the text has been parsed before
		}
		if s, ok := token.(string); ok {
			p.scan([]byte(s))
		}
	}
}

// scan adds the digests in plain text.
func (p *Parsed) scan(text []byte) {
	for {
		at := bytes.Index(text, []byte("sha"))
		if at < 0 {
			return
		}
		text = text[at:]
		for _, alg := range layout.Algorithms {
			end := len("sha256:") + 2*alg.Size()
			if len(text) < end {
				continue
			}
			if d, err := layout.ParseDigest(text[:end]); err == nil {
				p.Refs = append(p.Refs, Reference{Digest: d, Optional: true, Size: NoSize})
			}
		}
		text = text[1:]
	}
}
