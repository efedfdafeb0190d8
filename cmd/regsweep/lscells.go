package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

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
}

// manifestColumns are the columns of a manifest, after its names. Without a lock
// in the store there is no column for them.
func (r *reading) manifestColumns() []term.Column {
	if !r.locked() {
		return manifestColumns
	}
	return append(slices.Clone(manifestColumns), term.Column{Title: "PROTECTED", Least: 9, Drop: 8})
}

var manifestColumns = []term.Column{
	{Title: "DIGEST"},
	{Title: "TYPE", Least: 8, Drop: 5},
	{Title: "PLATFORMS", Least: 11, Drop: 6},
	{Title: "PUSHED", Drop: 7},
	{Title: "CREATED", Drop: 2},
	{Title: "SIZE", Right: true},
	{Title: "UNIQUE", Right: true},
	{Title: "REFERRERS", Right: true, Drop: 3},
	{Title: "SUBJECT", Drop: 1},
}

func (r *reading) manifestCells(m *lsManifest, short bool) []string {
	row := []string{
		term.ShortDigest(m.Digest, short), m.typeCell(), m.platformCell(), r.day(m.info.Pushed), r.createdCell(m),
		term.Size(m.Bytes), term.Size(m.UniqueBytes), term.Comma(len(m.Referrers)), term.ShortDigest(m.Subject, short),
	}
	if r.locked() {
		row = append(row, protectedCell(m.Protected))
	}
	return row
}

// cells makes texts harmless to terminals.
func cells(texts ...string) []string {
	for i := range texts {
		texts[i] = term.Harmless(texts[i])
	}
	return texts
}

// valids are texts for JSON.
func valids(list []string) []string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = term.Valid(list[i])
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

// protectedCell names the lines that protect something.
func protectedCell(patterns []string) string {
	if len(patterns) == 0 {
		return "-"
	}
	return strings.Join(patterns, ", ")
}

// shortTime is a time of JSON for people, to the minute.
func shortTime(text *string) string {
	if text == nil {
		return "-"
	}
	return strings.Replace((*text)[:min(16, len(*text))], "T", " ", 1)
}
