package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// lsManifest is a line of ls REPOSITORY.
type lsManifest struct {
	Digest          string            `json:"digest"`
	Tags            []string          `json:"tags"`
	MediaType       string            `json:"mediaType"`
	ArtifactType    string            `json:"artifactType"`
	ConfigMediaType string            `json:"configMediaType"`
	Platforms       []string          `json:"platforms"`
	Pushed          *string           `json:"pushed"`
	Created         *string           `json:"created"`
	Bytes           int64             `json:"bytes"`
	UniqueBytes     int64             `json:"uniqueBytes"`
	Subject         string            `json:"subject"`
	Referrers       []string          `json:"referrers"`
	Children        []string          `json:"children"`
	Labels          map[string]string `json:"labels"`
	Protected       []string          `json:"protected"` // patterns of locks

	info    mark.ManifestInfo
	created time.Time
	layers  []mark.Layer
}

// manifestColumns are the columns of a manifest, after its names. Without a lock
// in the store there is no column for them.
func (r *reading) manifestColumns() []column {
	if !r.locked() {
		return manifestColumns
	}
	return append(slices.Clone(manifestColumns), column{title: "PROTECTED", least: 9, drop: 8})
}

var manifestColumns = []column{
	{title: "DIGEST"},
	{title: "TYPE", least: 8, drop: 5},
	{title: "PLATFORMS", least: 11, drop: 6},
	{title: "PUSHED", drop: 7},
	{title: "CREATED", drop: 2},
	{title: "SIZE", right: true},
	{title: "UNIQUE", right: true},
	{title: "REFERRERS", right: true, drop: 3},
	{title: "SUBJECT", drop: 1},
}

func (r *reading) manifestCells(m *lsManifest, short bool) []string {
	row := []string{
		digestCell(m.Digest, short), m.typeCell(), m.platformCell(), r.day(m.info.Pushed), r.createdCell(m),
		size(m.Bytes), size(m.UniqueBytes), comma(len(m.Referrers)), digestCell(m.Subject, short),
	}
	if r.locked() {
		row = append(row, protectedCell(m.Protected))
	}
	return row
}

// cells makes texts harmless to terminals.
func cells(texts ...string) []string {
	for i := range texts {
		texts[i] = harmless(texts[i])
	}
	return texts
}

// valids are texts for JSON.
func valids(list []string) []string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = valid(list[i])
	}
	return all
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
