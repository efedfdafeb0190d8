//go:build unix

package sweep_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// op is one line of a random store. Its numbers are choices among what there
// is when the line is written, so that lines can be left out when a failure is shrunk.
type op struct {
	Kind, Type, Age  string
	Repo, Tag        int
	X, Y, Z          int
	Flag, Odd, Extra bool
}

var (
	opKinds = []string{
		"image", "image", "image", "image", "index", "index", "copy", "copy", "tag", "tag", "about", "about",
		"delete-tag", "delete-manifest", "delete-manifest", "delete-blob", "referrer", "cosign", "cosign",
		"orphan", "layer", "upload", "nowhere", "old-tag",
	}
	opTypes  = []string{"oci", "docker", "oci", "nomediatype", "artifact", "ociartifact", "oras", "schema1", "unknown"}
	opAges   = []string{"30d", "3d", "5h", "30m"}
	opRepos  = []string{"a", "b", "a/b"}
	opTags   = []string{"v1", "v2", "v3"}
	opLayers = []string{"l1", "l2", "l3", "l4"}
	opKinds3 = []string{"sig", "att", "sbom"}
)

func drawOp(t *rapid.T) op {
	pick := func(label string) int { return rapid.IntRange(0, 11).Draw(t, label) }
	rare := func(label string) bool { return rapid.IntRange(0, 7).Draw(t, label) == 7 }
	return op{
		Kind: rapid.SampledFrom(opKinds).Draw(t, "kind"),
		Type: rapid.SampledFrom(opTypes).Draw(t, "type"),
		// Much is old, or nothing would be garbage.
		Age:  opAges[max(0, rapid.IntRange(-3, 3).Draw(t, "age"))],
		Repo: pick("repo"), Tag: pick("tag"),
		X: pick("x"), Y: pick("y"), Z: pick("z"),
		Flag: rapid.Bool().Draw(t, "flag"), Odd: rare("odd"), Extra: rare("extra"),
	}
}

// scribe writes layouttest's lines and knows the names in them.
type scribe struct {
	lines     []string
	manifests []string
	short     []string            // manifests with a digest that fits into a tag
	homes     map[string][]string // the repositories that a manifest was pushed to
	layers    []string
	n         int
}

// render makes a store's text of ops. An op for which there is nothing yet makes an image.
func render(ops []op) string {
	s := &scribe{homes: map[string][]string{}, lines: []string{"mkdir repositories"}}
	for i := range ops {
		s.write(&ops[i])
	}
	return strings.Join(s.lines, "\n")
}

func choose(list []string, i int) string { return list[i%len(list)] }

func (s *scribe) line(o *op, format string, args ...any) {
	s.lines = append(s.lines, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")+" age="+o.Age)
}

func (s *scribe) name(prefix string) string {
	s.n++
	return fmt.Sprintf("%s%d", prefix, s.n)
}

// tagged is a repository with tags, or without.
func (o *op) tagged(repo string) string {
	switch {
	case o.Tag < 5 || repo == "-":
		return repo
	case o.Tag < 10:
		return repo + ":" + choose(opTags, o.Tag)
	}
	return repo + ":" + choose(opTags, o.Tag) + "," + choose(opTags, o.Tag+1)
}

// home is a repository that has a manifest, mostly.
func (s *scribe) home(o *op, manifest string) string {
	if homes := s.homes[manifest]; len(homes) > 0 && !o.Odd {
		return choose(homes, o.Repo)
	}
	return choose(opRepos, o.Repo)
}

func (s *scribe) made(name, repo string, fits bool) {
	s.manifests = append(s.manifests, name)
	if fits {
		s.short = append(s.short, name)
	}
	if repo != "-" {
		s.homes[name] = append(s.homes[name], repo)
	}
}

func (s *scribe) write(o *op) {
	repo := choose(opRepos, o.Repo)
	if len(s.manifests) == 0 && !slices.Contains([]string{"orphan", "upload", "layer", "nowhere", "delete-tag", "index"}, o.Kind) {
		s.image(o, repo)
		return
	}
	switch o.Kind {
	case "image":
		s.image(o, repo)
	case "nowhere":
		s.image(o, "-")
	case "index":
		s.index(o, repo)
	case "orphan":
		s.line(o, "orphan as=%s size=%d alg=%s", s.name("o"), 10*o.X, choose([]string{"sha256", "sha256", "sha512", "sha384"}, o.Y))
	case "layer":
		layer := choose(opLayers, o.X)
		s.line(o, "layer %s %s %s", repo, layer, option(o.Odd, "alias"))
		s.use(layer)
	case "upload":
		kind := choose([]string{"patched", "started", "cancelled", "empty"}, o.X)
		if kind == "empty" && o.Age == "30m" {
			kind = "started" // no file is no age
		}
		s.line(o, "upload %s kind=%s size=%d", repo, kind, 100*o.Y)
	case "delete-tag":
		s.line(o, "delete-tag %s:%s", repo, choose(opTags, o.Tag))
	case "delete-blob":
		if len(s.layers) > 0 {
			s.line(o, "delete-blob %s %s", repo, choose(s.layers, o.X))
		}
	default:
		s.about(o, choose(s.manifests, o.X))
	}
}

// about writes lines about a manifest that there is.
func (s *scribe) about(o *op, x string) {
	switch o.Kind {
	case "copy":
		repo := choose(opRepos, o.Repo)
		s.line(o, "copy %s %s %s", o.tagged(repo), x, option(o.Flag, "deep"))
		s.homes[x] = append(s.homes[x], repo)
	case "tag":
		s.line(o, "tag %s:%s %s", s.home(o, x), choose(opTags, o.Tag), x)
	case "old-tag":
		if o.Odd || o.Extra {
			s.line(o, "old-tag %s:%s %s", choose(opRepos, o.Repo), choose(opTags, o.Tag), x)
		}
	case "delete-manifest":
		s.line(o, "delete-manifest %s %s", s.home(o, x), x)
	case "referrer":
		name, repo := s.name("r"), s.home(o, x)
		s.line(o, "referrer %s of=%s as=%s size=50 %s", repo, x, name, option(o.Flag && slices.Contains(s.short, x), "fallback"))
		s.made(name, repo, true)
	case "cosign":
		if !slices.Contains(s.short, x) {
			return
		}
		name, repo := s.name("c"), s.home(o, x)
		s.line(o, "cosign %s of=%s as=%s kind=%s", repo, x, name, choose(opKinds3, o.Y))
		s.made(name, repo, true)
	case "about":
		// A tag about an image, that names any other or the same.
		if slices.Contains(s.short, x) {
			s.line(o, "tag %s:sha256-{%s}%s %s", s.home(o, x), x, choose([]string{"", ".sig", ".att", ".sbom"}, o.Z), choose(s.manifests, o.Y))
		}
	}
}

func option(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

func (s *scribe) use(layer string) {
	if !slices.Contains(s.layers, layer) {
		s.layers = append(s.layers, layer)
	}
}

func (s *scribe) image(o *op, repo string) {
	name := s.name("m")
	var layers, more []string
	for i, l := range opLayers {
		if o.X>>i&1 == 1 {
			layers = append(layers, l)
			s.use(l)
		}
	}
	if o.Y == 5 {
		layers = append(layers, name+".own")
		s.use(name + ".own")
	}
	list := strings.Join(layers, ",")
	if list == "" {
		list = "0"
	}
	switch o.Y {
	case 6:
		more = append(more, "alg=sha512")
	case 7:
		more = append(more, "foreign=1")
	case 8:
		more = append(more, "embedded=1")
	case 9, 10:
		more = append(more, "alias=1")
	}
	if len(s.manifests) > 0 && o.Z > 9 {
		more = append(more, "subject="+choose(s.manifests, o.Z+o.X))
	}
	if o.Odd {
		more = append(more, "manifest-alg=sha512")
	}
	if o.Type == "schema1" && o.Flag {
		more = append(more, "signatures=1")
	}
	s.line(o, "image %s as=%s type=%s size=100 layers=%s %s", o.tagged(repo), name, o.Type, list, strings.Join(more, " "))
	s.made(name, repo, !o.Odd)
}

func (s *scribe) index(o *op, repo string) {
	name := s.name("i")
	more := []string{"type=" + choose([]string{"oci", "docker", "nomediatype"}, o.Z)}
	if len(s.manifests) > 0 {
		x, y := choose(s.manifests, o.X), choose(s.manifests, o.Y)
		switch {
		case o.Odd:
			more = append(more, "of="+x, "attest="+y)
		case o.Flag:
			more = append(more, "of="+x+","+y)
		default:
			more = append(more, "of="+x, "sparse="+y)
		}
		if o.Z > 9 {
			more = append(more, "subject="+choose(s.manifests, o.X+o.Z))
		}
	}
	if o.Extra && len(s.layers) > 0 {
		more = append(more, "blobs="+choose(s.layers, o.X))
	}
	s.line(o, "index %s as=%s %s", o.tagged(repo), name, strings.Join(more, " "))
	s.made(name, repo, true)
}
