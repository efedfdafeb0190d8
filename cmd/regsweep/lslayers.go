package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// lsImage is the JSON of ls NAME:TAG.
type lsImage struct {
	heading
	Repository string `json:"repository"`
	lsManifest
	Layers []lsLayer `json:"layers"`
}

// lsLayer is one layer of an image, or of the images of an index.
type lsLayer struct {
	Digest      string   `json:"digest"`
	MediaType   string   `json:"mediaType"`
	Bytes       int64    `json:"bytes"`
	UniqueBytes int64    `json:"uniqueBytes"`
	SharedWith  []string `json:"sharedWith"`
}

// listLayers shows one image.
func (r *reading) listLayers(ctx context.Context, o *lsOptions, w *within) error {
	found, err := r.resolveOne(&w.patterns[0])
	if err != nil {
		return err
	}
	image := found[0].Digest
	layers := r.layersBelow(image, map[layout.Digest]bool{})
	digests := make([]layout.Digest, len(layers))
	for i := range layers {
		digests[i] = layers[i].Digest
	}
	survey, sharing := mark.NewSurvey(w.repository), mark.NewSharing(w.repository, image, digests)
	look, err := r.look(ctx, mark.Together(survey, sharing))
	if err != nil {
		return err
	}
	infos, _ := survey.Manifests(look, w.repository)
	at := slices.IndexFunc(infos, func(m mark.ManifestInfo) bool { return m.Digest == image })
	if at < 0 {
		return &layout.HintError{Err: fmt.Errorf("%s names %s, which is not linked in %q", w.patterns[0].String(), image, w.repository), Hint: "what can be done", Command: []string{"check"}}
	}
	one := lsImage{heading: r.heading("ls-image"), Repository: term.Valid(w.repository), lsManifest: r.describeOne(ctx, infos, at), Layers: []lsLayer{}}
	if err := r.readable(); err != nil {
		return err
	}
	if one.info.Unread != "" {
		o.unread++
	}
	frees := survey.Frees(look, w.repository, image)
	for _, l := range layers {
		one.Layers = append(one.Layers, r.layer(look, l, frees, sharing))
	}
	return r.writeLayers(o, &one)
}

// describeOne describes one of several manifests, with the children that give an
// index its time.
func (r *reading) describeOne(ctx context.Context, infos []mark.ManifestInfo, at int) lsManifest {
	below := []mark.ManifestInfo{infos[at]}
	for _, child := range r.store.Describe(r.w, infos[at].Digest).Children {
		if k := slices.IndexFunc(infos, func(m mark.ManifestInfo) bool { return m.Digest == child }); k >= 0 {
			below = append(below, infos[k])
		}
	}
	return r.describe(ctx, below)[0]
}

func (r *reading) layer(look *mark.Look, l mark.Layer, frees map[layout.Digest]bool, sharing *mark.Sharing) lsLayer {
	out := lsLayer{Digest: l.Digest.String(), MediaType: term.Valid(l.MediaType), Bytes: max(0, l.Bytes), SharedWith: []string{}}
	if b, ok := look.BlobOf(l.Digest); ok {
		out.Bytes = b.Size
	}
	if frees[l.Digest] {
		out.UniqueBytes = out.Bytes
	}
	for _, name := range sharing.With(l.Digest) {
		out.SharedWith = append(out.SharedWith, term.Valid(name))
	}
	return out
}

// layersBelow are the layers of an image, or of all images of an index, each once.
func (r *reading) layersBelow(d layout.Digest, seen map[layout.Digest]bool) (list []mark.Layer) {
	seen[d] = true
	described := r.store.DescribeLayers(r.w, d)
	for _, l := range described.Layers {
		if !seen[l.Digest] {
			seen[l.Digest] = true
			list = append(list, l)
		}
	}
	for _, child := range described.Children {
		if !seen[child] {
			list = append(list, r.layersBelow(child, seen)...)
		}
	}
	return list
}

func (r *reading) writeLayers(o *lsOptions, one *lsImage) error {
	l := listing{result: one, rows: one.Layers, names: []string{one.Repository + "@" + one.Digest}} // a layer's is nothing that rm takes
	l.table.Columns = []term.Column{{Title: "LAYER"}, {Title: "SIZE", Right: true}, {Title: "UNIQUE", Right: true}, {Title: "TYPE", Least: 8, Drop: 1}, {Title: "SHARED WITH", Least: 12}}
	rest := one.Bytes
	for i := range one.Layers {
		layer := &one.Layers[i]
		rest -= layer.Bytes
		l.table.Add(cells(term.ShortDigest(layer.Digest, r.isShort(o)), term.Size(layer.Bytes), term.Size(layer.UniqueBytes), layerType(layer.MediaType), sharedCell(layer.SharedWith))...)
	}
	if rest > 0 {
		l.table.Add("(manifests and configurations)", term.Size(rest), "", "", "")
	}
	l.notes = append(l.notes, fmt.Sprintf("%s is an %s of %s, %s; a pull transfers %s, and rm would free %s",
		term.ShortDigest(one.Digest, r.isShort(o)), imageWord(&one.lsManifest), one.Repository, one.tagText(), term.Size(one.Bytes), term.Size(one.UniqueBytes)))
	if len(one.Protected) > 0 {
		l.notes = append(l.notes, "it is protected by "+strings.Join(one.Protected, ", "))
	}
	return r.writeListing(o, &l)
}

func imageWord(m *lsManifest) string {
	if len(m.Children) > 0 {
		return "index"
	}
	return "image"
}

func (m *lsManifest) tagText() string {
	if len(m.Tags) == 0 {
		return "without a tag"
	}
	return "tagged " + strings.Join(m.Tags, ", ")
}

// sharedCell names the first of the images that share a layer.
func sharedCell(names []string) string {
	const most = 3
	switch n := len(names); {
	case n == 0:
		return "-"
	case n <= most:
		return strings.Join(names, ", ")
	default:
		return fmt.Sprintf("%s and %s more", strings.Join(names[:most], ", "), term.Comma(n-most))
	}
}

// layerType is a layer's type for people.
func layerType(mediaType string) string {
	short := mediaType
	for _, prefix := range []string{"application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.", "application/vnd."} {
		if rest, ok := strings.CutPrefix(short, prefix); ok {
			short = rest
			break
		}
	}
	if short == "" {
		return "-"
	}
	return short
}

// describe reads what the manifests and their configurations say.
func (r *reading) describe(ctx context.Context, infos []mark.ManifestInfo) []lsManifest {
	list := make([]lsManifest, len(infos))
	r.w.Each(ctx, len(infos), func(i int) {
		info := infos[i]
		d := r.store.Describe(r.w, info.Digest)
		list[i] = lsManifest{
			Digest: info.Digest.String(), Tags: []string{}, MediaType: term.Valid(d.MediaType), ArtifactType: term.Valid(d.ArtifactType),
			ConfigMediaType: term.Valid(d.ConfigMediaType), Labels: map[string]string{},
			Platforms: []string{}, Protected: valids(info.Protected), Pushed: timeText(info.Pushed), Bytes: info.Bytes, UniqueBytes: info.UniqueBytes,
			Subject: info.Subject.String(), Referrers: texts(info.Referrers), Children: texts(d.Children),
			info: info, created: d.Created,
		}
		for name, value := range d.Labels {
			list[i].Labels[term.Valid(name)] = term.Valid(value)
		}
		for _, tag := range info.Tags {
			list[i].Tags = append(list[i].Tags, term.Valid(tag))
		}
		for _, p := range d.Platforms {
			list[i].Platforms = append(list[i].Platforms, term.Valid(p))
		}
	})
	created := map[string]time.Time{}
	for i := range list {
		created[list[i].Digest] = list[i].created
	}
	for i := range list {
		m := &list[i]
		for _, child := range m.Children {
			// An index is as old as its newest child.
			if c := created[child]; c.After(m.created) {
				m.created = c
			}
		}
		if !m.created.IsZero() {
			text := m.created.Format(time.RFC3339)
			m.Created = &text
		}
	}
	return list
}
