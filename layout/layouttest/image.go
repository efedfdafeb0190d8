package layouttest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// begin reads where a manifest goes to, and gives it its name.
func (s *Store) begin(l *line) (r ref, name string, err error) {
	if r, err = s.ref(l.words[0]); err != nil {
		return r, "", err
	}
	name, err = s.claim(l, l.words[0])
	return r, name, err
}

// subject describes what subject= names, or is nil.
func (s *Store) subject(l *line) (*descriptor, error) {
	name := l.options["subject"]
	if name == "" {
		return nil, nil //nolint:nilnil // a manifest without a subject
	}
	o, err := s.object(name)
	if err != nil {
		return nil, err
	}
	d := o.describe("")
	return &d, nil
}

// image makes one manifest of any type but indexes.
func (s *Store) image(l *line) error {
	r, name, err := s.begin(l)
	if err != nil {
		return err
	}
	layers, err := s.imageLayers(l, name)
	if err != nil {
		return err
	}
	o, err := s.imageManifest(l, r, name, layers)
	if err != nil || l.err != nil {
		return err
	}
	if err := s.uploaded(r.repository, l.at); err != nil {
		return err
	}
	return s.push(r, o, true, l.at)
}

// imageLayers makes or finds the layers of an image, and the odd ones that
// foreign=, embedded= and alias= add.
func (s *Store) imageLayers(l *line, name string) ([]*object, error) {
	size, alg := l.size("size", 1024), l.algorithm("alg")
	layers, err := s.layerList(l.text("layers", "1"), name, size, alg)
	if err != nil {
		return nil, err
	}
	for i := range l.count("foreign", 0) {
		o := s.addFiller(fmt.Sprintf("%s.foreign%d", name, i+1), alg, size)
		o.absent, o.urls = true, []string{"https://example.com/" + o.digest.Hex()}
		layers = append(layers, o)
	}
	for i := range l.count("embedded", 0) {
		o := s.addFiller(fmt.Sprintf("%s.embedded%d", name, i+1), alg, min(size, 256))
		o.absent, o.data = true, o.content()
		layers = append(layers, o)
	}
	for i := range l.count("alias", 0) {
		o := s.addFiller(fmt.Sprintf("%s.alias%d", name, i+1), layout.SHA256, size)
		o.alias = layout.FromBytes(layout.SHA512, o.content())
		layers = append(layers, o)
	}
	return layers, nil
}

// layerList reads layers=: a number, or names with sizes where they are new.
func (s *Store) layerList(list, name string, size int64, alg layout.Algorithm) (layers []*object, err error) {
	if n, err := strconv.Atoi(list); err == nil {
		for i := range n {
			layers = append(layers, s.addFiller(fmt.Sprintf("%s.layer%d", name, i+1), alg, size))
		}
		return layers, nil
	}
	for _, word := range splitList(list) {
		layer, own, sized := strings.Cut(word, ":")
		n := size
		if sized {
			if n, err = parseSize(own); err != nil {
				return nil, fmt.Errorf("layer %q: %w", layer, err)
			}
		}
		layers = append(layers, s.layerNamed(layer, n, alg))
	}
	return layers, nil
}

// layerNamed is the content of that name, new if need be.
func (s *Store) layerNamed(name string, size int64, alg layout.Algorithm) *object {
	if o, err := s.object(name); err == nil {
		return o
	}
	return s.addFiller(name, alg, size)
}

func (s *Store) imageManifest(l *line, r ref, name string, layers []*object) (*object, error) {
	form, ok := forms()[l.text("type", "oci")]
	if !ok {
		return nil, fmt.Errorf("type=%q is not known", l.options["type"])
	}
	parts := layers
	m := manifest{
		SchemaVersion: 2,
		MediaType:     form.mediaType,
		ArtifactType:  l.text("artifact", form.artifact),
		Annotations:   map[string]string{"org.opencontainers.image.ref.name": name},
	}
	var config *object
	if form.config != "" {
		var err error
		if config, err = s.config(l, name, form, layers); err != nil {
			return nil, err
		}
		parts = append([]*object{config}, layers...)
	}
	if key, value, ok := strings.Cut(l.options["annotation"], "="); ok {
		m.Annotations[key] = value
	}
	if pad := l.size("pad", 0); pad > 0 {
		m.Annotations["padding"] = strings.Repeat("x", int(pad))
	}
	var err error
	if m.Subject, err = s.subject(l); err != nil {
		return nil, err
	}
	o := s.addContent(name, l.algorithm("manifest-alg"), form.encode(m, config, layers, r))
	o.manifest, o.mediaType, o.parts, o.artifact = true, form.mediaType, parts, m.ArtifactType
	o.platform = parsePlatform(l.text("platform", "linux/amd64"))
	for i := range l.count("signatures", 0) {
		o.signatures = append(o.signatures, s.addFiller(fmt.Sprintf("%s.signature%d", name, i+1), layout.SHA256, 512))
	}
	return o, nil
}

// config makes an image's configuration, or the empty one of artifacts.
func (s *Store) config(l *line, name string, form form, layers []*object) (*object, error) {
	if shared := l.options["config"]; shared != "" {
		return s.object(shared)
	}
	if form.artifact != "" {
		return s.emptyConfig(), nil
	}
	created, err := s.created(l)
	if err != nil {
		return nil, err
	}
	p := parsePlatform(l.text("platform", "linux/amd64"))
	c := imageConfig{Created: created, Architecture: p.Architecture, Variant: p.Variant, OS: p.OS}
	c.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	c.Config.Labels = map[string]string{"name": name, "seed": s.seed}
	if key, value, ok := strings.Cut(l.options["label"], "="); ok {
		c.Config.Labels[key] = value
	}
	c.RootFS.Type = "layers"
	c.RootFS.DiffIDs = []string{}
	for _, o := range layers {
		diff := layout.FromBytes(layout.SHA256, []byte("diff "+o.digest.String()))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, diff.String())
		c.History = append(c.History, history{Created: created, CreatedBy: "COPY " + o.name + " / # buildkit"})
	}
	return s.addContent(name+".config", l.algorithm("alg"), encode(c, false)), nil
}

// emptyConfig is the content {} that artifacts have in place of a configuration.
func (s *Store) emptyConfig() *object {
	const name = "empty.json"
	if o := s.objects[name]; o != nil {
		return o
	}
	return s.addContent(name, layout.SHA256, []byte("{}"))
}

// created is the image's own time. The default does not depend on Now, since
// digests must not; it only follows the ages, so that orders are the same.
func (s *Store) created(l *line) (string, error) {
	v, ok := l.options["created"]
	if !ok {
		epoch := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		return epoch.Add(-l.duration("age", s.age)).Format(time.RFC3339), nil
	}
	if v == "none" {
		return "", nil
	}
	if t, err := time.Parse(time.DateOnly, v); err == nil {
		return t.Format(time.RFC3339), nil
	}
	if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return v, nil
	}
	age, err := parseAge(v)
	if err != nil {
		return "", fmt.Errorf("created=%q is neither none, a time nor an age", v)
	}
	return s.Now.Add(-age).UTC().Format(time.RFC3339), nil
}

func parsePlatform(text string) *platform {
	p := &platform{}
	p.OS, p.Architecture, _ = strings.Cut(text, "/")
	p.Architecture, p.Variant, _ = strings.Cut(p.Architecture, "/")
	return p
}

// encode is compact JSON, or Docker's, indented by three.
func encode(v any, docker bool) []byte {
	b, err := json.Marshal(v)
	if docker {
		b, err = json.MarshalIndent(v, "", "   ")
	}
	if err != nil { // these are our own structs
		panic(fmt.Sprintf("layouttest: %v", err))
	}
	return b
}
