package layouttest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
)

// index makes an index or manifest list.
func (s *Store) index(l *line) error {
	r, name, err := s.begin(l)
	if err != nil {
		return err
	}
	mediaType, ok := map[string]string{"oci": ociIndex, "docker": dockerList, "nomediatype": ""}[l.text("type", "oci")]
	if !ok {
		return fmt.Errorf("type=%q is not known", l.options["type"])
	}
	m := imageIndex{SchemaVersion: 2, MediaType: mediaType, Manifests: []descriptor{}}
	o, err := s.indexOf(l, name, &m)
	if err != nil {
		return err
	}
	if err := s.uploaded(r.repository, l.at); err != nil {
		return err
	}
	return s.push(r, o, true, l.at)
}

// indexOf describes the children of an index and makes it known.
func (s *Store) indexOf(l *line, name string, m *imageIndex) (*object, error) {
	lists := map[string][]*object{}
	for _, key := range []string{"of", "sparse", "blobs", "attest"} {
		list, err := s.objectList(l.text(key, ""))
		if err != nil {
			return nil, err
		}
		lists[key] = list
	}
	for _, key := range []string{"of", "sparse"} {
		for _, child := range lists[key] {
			d := child.describe(ociManifest)
			d.Platform = child.platform
			m.Manifests = append(m.Manifests, d)
		}
	}
	for _, child := range lists["attest"] {
		d := child.describe(ociManifest)
		d.Platform = &platform{Architecture: "unknown", OS: "unknown"}
		d.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
		m.Manifests = append(m.Manifests, d)
	}
	for _, child := range lists["blobs"] {
		m.Manifests = append(m.Manifests, child.describe(ociLayer))
	}
	var err error
	if m.Subject, err = s.subject(l); err != nil {
		return nil, err
	}
	// Two indexes of the same children must not be one.
	m.Annotations = map[string]string{"org.opencontainers.image.ref.name": name}
	o := s.addContent(name, layout.SHA256, encode(m, m.MediaType == dockerList))
	o.manifest, o.mediaType = true, m.MediaType
	o.children = slices.Concat(lists["of"], lists["attest"])
	o.parts = lists["blobs"]
	return o, nil
}

// literal stores the rest of the line as a manifest. {{NAME}} in it is the
// digest of what has the name; what is named there and is stored as a blob is
// linked as a layer.
func (s *Store) literal(l *line) error {
	r, name, err := s.begin(l)
	if err != nil {
		return err
	}
	var parts []*object
	text := l.body
	for {
		before, after, found := strings.Cut(text, "{{")
		inner, rest, closed := strings.Cut(after, "}}")
		if !found || !closed {
			break
		}
		o := s.layerNamed(inner, 1024, layout.SHA256)
		if !o.manifest {
			parts = append(parts, o)
		}
		text = before + o.ref().String() + rest
	}
	o := s.addContent(name, layout.SHA256, []byte(text))
	o.manifest, o.parts = true, parts
	return s.push(r, o, false, l.at)
}

// referrer is a manifest about another one. With fallback it is listed in the
// index that clients keep for registries without the referrers API.
func (s *Store) referrer(l *line) error {
	subject, err := s.object(l.text("of", ""))
	if err != nil {
		return err
	}
	repository := l.words[0]
	name, err := s.claim(l, subject.name+".referrer")
	if err != nil {
		return err
	}
	d := subject.describe("")
	layer := s.addFiller(name+".layer", layout.SHA256, l.size("size", 512))
	config := s.emptyConfig()
	cd := config.describe(ociEmpty)
	layers := []descriptor{layer.describe(exampleThing)}
	o := s.addContent(name, layout.SHA256, encode(manifest{
		SchemaVersion: 2, MediaType: ociManifest, ArtifactType: exampleThing,
		Config: &cd, Layers: &layers, Subject: &d,
	}, false))
	o.manifest, o.mediaType, o.artifact, o.parts = true, ociManifest, exampleThing, []*object{config, layer}
	err = s.push(ref{repository: repository}, o, false, l.at)
	if err == nil && (l.flag("listed") || l.flag("only")) {
		err = s.list(repository, subject, o, l)
	}
	if err != nil || !l.flag("fallback") {
		return err
	}
	key := repository + "@" + subject.digest.String()
	s.fallback[key] = append(s.fallback[key], o)
	m := imageIndex{SchemaVersion: 2, MediaType: ociIndex}
	for _, f := range s.fallback[key] {
		m.Manifests = append(m.Manifests, f.describe(""))
	}
	index := s.addContent(s.unique(subject.name+".fallback"), layout.SHA256, encode(m, false))
	index.manifest, index.mediaType, index.children = true, ociIndex, s.fallback[key]
	tag := subject.digest.Algorithm().String() + "-" + subject.digest.Hex()
	return s.push(ref{repository: repository, tags: []string{tag}}, index, false, l.at)
}

// list links a referrer in its subject's directory, as registries with the
// referrers API do; with only, a DELETE has taken its own link.
func (s *Store) list(repository string, subject, o *object, l *line) error {
	to := layout.Object{Kind: layout.ReferrerLink, Repository: repository, Digest: subject.digest, Type: "_" + url.PathEscape(o.artifact), Referrer: o.digest}
	err := s.link(to, o.digest, l.at)
	if err == nil && l.flag("only") {
		err = s.remove(revision(repository, o).Path(), l.at)
	}
	return err
}

// cosign is a signature, attestation or SBOM by cosign's tags, without a subject.
func (s *Store) cosign(l *line) error {
	subject, err := s.object(l.text("of", ""))
	if err != nil {
		return err
	}
	kind := l.text("kind", "sig")
	name, err := s.claim(l, subject.name+"."+kind)
	if err != nil {
		return err
	}
	layer := s.addFiller(name+".layer", layout.SHA256, 256)
	config := s.addContent(name+".config", layout.SHA256, encode(imageConfig{OS: "", Created: "", Architecture: name}, false))
	cd := config.describe("application/vnd.oci.image.config.v1+json")
	layers := []descriptor{layer.describe("application/vnd.dev.cosign.simplesigning.v1+json")}
	o := s.addContent(name, layout.SHA256, encode(manifest{SchemaVersion: 2, MediaType: ociManifest, Config: &cd, Layers: &layers}, false))
	o.manifest, o.mediaType, o.parts = true, ociManifest, []*object{config, layer}
	tag := subject.digest.Algorithm().String() + "-" + subject.digest.Hex() + "." + kind
	return s.push(ref{repository: l.words[0], tags: []string{tag}}, o, false, l.at)
}
