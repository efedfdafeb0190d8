package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// lsManifest is a line of ls REPOSITORY.
type lsManifest struct {
	Digest       string   `json:"digest"`
	Tags         []string `json:"tags"`
	MediaType    string   `json:"mediaType"`
	ArtifactType string   `json:"artifactType"`
	Platforms    []string `json:"platforms"`
	Pushed       *string  `json:"pushed"`
	Created      *string  `json:"created"`
	Bytes        int64    `json:"bytes"`
	UniqueBytes  int64    `json:"uniqueBytes"`
	Subject      string   `json:"subject"`
	Referrers    []string `json:"referrers"`
	Children     []string `json:"children"`

	info    mark.ManifestInfo
	created time.Time
}

func (r *reading) listManifests(ctx context.Context, o *lsOptions, look *mark.Look, survey *mark.Survey) error {
	infos, ok := survey.Manifests(look)
	if !ok {
		names := make([]string, len(look.Repositories))
		for i := range names {
			names[i] = look.Repositories[i].Name
		}
		return mark.UnknownRepository(o.repository, names)
	}
	all := r.describe(ctx, infos)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := r.readable(); err != nil {
		return err
	}
	list := slices.DeleteFunc(all, func(m lsManifest) bool {
		return o.untagged && len(m.Tags) > 0 || !r.isOlder(o, m.info.Pushed)
	})
	for i := range list {
		if list[i].info.Unread != "" {
			o.unread++
		}
	}
	slices.SortStableFunc(list, func(a, b lsManifest) int { return compareManifests(o.sort, &a, &b) })
	result := struct {
		Repository string       `json:"repository"`
		Manifests  []lsManifest `json:"manifests"`
	}{valid(o.repository), list}
	if r.fileResult(result); o.output == "json" {
		return r.writeJSON(result)
	}
	short := isTerminal(r.out) && !o.noTrunc && !o.quiet
	t := table{columns: []column{
		{title: "TAGS", least: 12},
		{title: "DIGEST"},
		{title: "TYPE", least: 8, drop: 5},
		{title: "PLATFORMS", least: 11, drop: 6},
		{title: "PUSHED", drop: 7},
		{title: "CREATED", drop: 2},
		{title: "SIZE", right: true},
		{title: "UNIQUE", right: true},
		{title: "REFERRERS", right: true, drop: 3},
		{title: "SUBJECT", drop: 1},
	}}
	for i := range list {
		m := &list[i]
		t.add(cells(list[i].tagCell(), digestCell(m.Digest, short), m.typeCell(), m.platformCell(), r.day(m.info.Pushed), r.createdCell(m),
			size(m.Bytes), size(m.UniqueBytes), comma(len(m.Referrers)), digestCell(m.Subject, short))...)
	}
	return r.writeList(o, &t, 1)
}

// cells makes texts harmless to terminals.
func cells(texts ...string) []string {
	for i := range texts {
		texts[i] = harmless(texts[i])
	}
	return texts
}

// describe reads what the manifests and their configurations say.
func (r *reading) describe(ctx context.Context, infos []mark.ManifestInfo) []lsManifest {
	list := make([]lsManifest, len(infos))
	r.w.Each(ctx, len(infos), func(i int) {
		info := infos[i]
		d := r.store.Describe(r.w, info.Digest)
		list[i] = lsManifest{
			Digest: info.Digest.String(), Tags: []string{}, MediaType: valid(d.MediaType), ArtifactType: valid(d.ArtifactType),
			Platforms: []string{}, Pushed: timeText(info.Pushed), Bytes: info.Bytes, UniqueBytes: info.UniqueBytes,
			Subject: info.Subject.String(), Referrers: texts(info.Referrers), Children: texts(d.Children),
			info: info, created: d.Created,
		}
		for _, tag := range info.Tags {
			list[i].Tags = append(list[i].Tags, valid(tag))
		}
		for _, p := range d.Platforms {
			list[i].Platforms = append(list[i].Platforms, valid(p))
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

func texts(digests []layout.Digest) []string {
	list := make([]string, len(digests))
	for i := range digests {
		list[i] = digests[i].String()
	}
	return list
}

func compareManifests(key string, a, b *lsManifest) int {
	switch key {
	case "size":
		return cmp.Compare(b.Bytes, a.Bytes)
	case "unique", "reclaimable":
		return cmp.Compare(b.UniqueBytes, a.UniqueBytes)
	case "pushed":
		return cmp.Compare(b.info.Pushed, a.info.Pushed)
	case "created":
		return b.created.Compare(a.created)
	}
	// By the first tag; those without one are last, by digest.
	if len(a.Tags) == 0 || len(b.Tags) == 0 {
		return len(b.Tags) - len(a.Tags)
	}
	return strings.Compare(a.Tags[0], b.Tags[0])
}

func (m *lsManifest) tagCell() string {
	if len(m.Tags) == 0 {
		return "-"
	}
	return strings.Join(m.Tags, ",")
}

// digestCell shortens a digest to what still tells it from others, and what
// the other commands accept.
func digestCell(digest string, short bool) string {
	alg, hex, ok := strings.Cut(digest, ":")
	switch {
	case digest == "":
		return "-"
	case !short || !ok:
		return digest
	}
	return alg + ":" + hex[:min(12, len(hex))]
}

// typeNames are the types of manifests for people.
var typeNames = map[string]string{
	"application/vnd.oci.image.manifest.v1+json":                "oci image",
	"application/vnd.oci.image.index.v1+json":                   "oci index",
	"application/vnd.docker.distribution.manifest.v2+json":      "docker image",
	"application/vnd.docker.distribution.manifest.list.v2+json": "docker list",
	"application/vnd.docker.distribution.manifest.v1+json":      "schema 1",
	"application/vnd.docker.distribution.manifest.v1+prettyjws": "schema 1",
}

func (m *lsManifest) typeCell() string {
	switch name, ok := typeNames[m.MediaType]; {
	case m.info.Unread != "":
		return "unreadable"
	case m.ArtifactType != "":
		return m.ArtifactType
	case ok:
		return name
	case m.MediaType == "":
		return "-"
	}
	return m.MediaType
}

func (m *lsManifest) platformCell() string {
	if len(m.Platforms) == 0 {
		return "-"
	}
	return strings.Join(m.Platforms, ",")
}

func (r *reading) createdCell(m *lsManifest) string {
	if m.created.IsZero() {
		return "-"
	}
	return m.created.Format("2006-01-02 15:04")
}
