package main

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// How much of a report the page has: a browser draws it all, and the file
// should stay below five megabytes. What is left out is summed up and said.
const (
	mostImages       = 200    // of one repository
	mostPageImages   = 15_000 // of all
	mostPageRepos    = 15_000
	mostPageItems    = 10_000
	mostPageProblems = 3_000
)

// scripts are in the order in which they follow each other.
var scripts = [...]string{"base.js", "totals.js", "treemap.js", "table.js", "main.js"}

//go:embed page
var pageFiles embed.FS

// pageData is what the page draws, as JSON in it. Names are harmless.
type pageData struct {
	Version      string           `json:"version"`
	Report       pageReport       `json:"report"`
	Planned      bool             `json:"planned"`
	ByName       bool             `json:"byName"` // what stays may be garbage, which is gc's
	Next         []string         `json:"next"`
	Repositories []pageRepository `json:"repositories"`
	Items        [][]any          `json:"items,omitempty"`
	Decisions    [][]any          `json:"decisions,omitempty"`
	LeftOut      leftOut          `json:"leftOut"`
}

// pageReport is a report without what the page has in a shorter form.
type pageReport struct {
	*sweep.Report
	Repositories any              `json:"repositories,omitempty"`
	Items        any              `json:"items,omitempty"`
	Decisions    any              `json:"decisions,omitempty"`
	Problems     []walker.Problem `json:"problems"`
}

// pageRepository is [name, tags, manifests, bytes, unique, reclaimable, images,
// [shared, untagged, rest, bytes of the rest]]; the last two may be absent.
type pageRepository []any

// leftOut counts what the page lacks.
type leftOut struct {
	Repositories int `json:"repositories"`
	Images       int `json:"images"`
	Items        int `json:"items"`
	Decisions    int `json:"decisions"`
	Problems     int `json:"problems"`
}

// page is the report as one page that needs nothing else.
func (e *ending) page() ([]byte, error) {
	data, err := json.Marshal(e.pageData()) // which escapes < and >, and so fits into a script element
	if err != nil {
		return nil, err
	}
	read := func(name string) string {
		text, readErr := pageFiles.ReadFile("page/" + name)
		err = cmp.Or(err, readErr)
		return string(text)
	}
	script := ""
	for _, name := range scripts {
		script += read(name)
	}
	style := read("style.css")
	text := read("page.html")
	// Nothing but this style and script may act, and nothing may be fetched.
	policy := "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src '" + hashOf(style) + "'; script-src '" + hashOf(script) + "'"
	return []byte(strings.NewReplacer("{{policy}}", policy, "{{style}}", style, "{{script}}", script, "{{data}}", string(data)).Replace(text)), err
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (e *ending) pageData() *pageData {
	rep := e.report
	v, _ := buildVersion()
	d := &pageData{Version: v, Planned: e.planned, ByName: e.f.byName, Next: []string{}, Repositories: []pageRepository{}}
	for _, n := range e.f.next {
		d.Next = append(d.Next, harmless(n))
	}
	short := *rep
	short.Root, short.Error = harmless(rep.Root), harmlessLines(rep.Error)
	d.Report = pageReport{Report: &short, Problems: []walker.Problem{}}
	for _, p := range cut(rep.Problems, mostPageProblems, &d.LeftOut.Problems) {
		p.Path, p.Detail, p.Cure, p.Breaks = harmless(p.Path), harmless(p.Detail), harmless(strings.Join(cureLines(&p), "; ")), slices.Clone(p.Breaks)
		if p.Cured {
			p.Cure = curedBy(rep.DryRun)
		}
		for i := range p.Breaks {
			p.Breaks[i] = harmless(p.Breaks[i])
		}
		d.Report.Problems = append(d.Report.Problems, p)
	}
	e.pageRepositories(d)
	for _, i := range cut(rep.Items, mostPageItems, &d.LeftOut.Items) {
		d.Items = append(d.Items, []any{i.Kind, harmless(i.Repository), harmless(i.Name), i.Digest, i.Bytes})
	}
	for _, c := range cut(rep.Decisions, mostPageItems, &d.LeftOut.Decisions) {
		at := ""
		if c.Time != nil {
			at = c.Time.Format("2006-01-02 15:04")
		}
		d.Decisions = append(d.Decisions, []any{harmless(c.Repository), harmless(c.Tag), c.Digest, c.Action, harmless(c.Rule), harmless(strings.Join(c.Reasons, "; ")), at})
	}
	return d
}

// cut is the beginning of a list; what is left out is counted.
func cut[T any](list []T, most int, left *int) []T {
	*left += max(len(list)-most, 0)
	return list[:min(most, len(list))]
}

// harmlessLines is harmless with its lines kept.
func harmlessLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = harmless(lines[i])
	}
	return strings.Join(lines, "\n")
}

// pageRepositories has the largest repositories, with the largest of all images.
func (e *ending) pageRepositories(d *pageData) {
	list := slices.Clone(e.report.Repositories)
	slices.SortStableFunc(list, func(a, b sweep.RepositoryLine) int {
		return cmp.Or(cmp.Compare(max(b.Bytes, b.ReclaimableBytes), max(a.Bytes, a.ReclaimableBytes)), cmp.Compare(b.Tags, a.Tags))
	})
	list = cut(list, mostPageRepos, &d.LeftOut.Repositories)
	least := e.leastImage(list)
	for _, r := range list {
		line := pageRepository{harmless(r.Name), r.Tags, r.Manifests, r.Bytes, r.UniqueBytes, r.ReclaimableBytes}
		if images := e.imagesOf(r.Name); images != nil && len(images.Images) > 0 {
			line = e.addImages(line, r.Name, images, least, &d.LeftOut)
		}
		d.Repositories = append(d.Repositories, line)
	}
}

func (e *ending) imagesOf(repository string) *mark.RepositoryImages {
	if e.f.images == nil {
		return nil
	}
	return e.f.images.Of(repository)
}

// leastImage is the size that an image must have to be on the page.
func (e *ending) leastImage(list []sweep.RepositoryLine) int64 {
	var sizes []int64
	for _, r := range list {
		if images := e.imagesOf(r.Name); images != nil {
			for i := range images.Images {
				sizes = append(sizes, images.Images[i].Bytes)
			}
		}
	}
	if len(sizes) <= mostPageImages {
		return 0
	}
	slices.Sort(sizes)
	return sizes[len(sizes)-mostPageImages] + 1 // of equal ones none, so that they are not too many
}

func (e *ending) addImages(line pageRepository, repository string, images *mark.RepositoryImages, least int64, left *leftOut) pageRepository {
	shown := [][]any{}
	rest, restBytes := images.Rest, images.RestBytes
	for i := range images.Images {
		image := &images.Images[i]
		if image.Bytes < least {
			rest++
			restBytes += image.UniqueBytes
			continue
		}
		names, goes := make([]string, len(image.Tags)), 1
		for k, tag := range image.Tags {
			names[k] = harmless(tag)
			if !e.f.gone[repository+":"+tag] {
				goes = 0
			}
		}
		shown = append(shown, []any{names, digestCell(image.Digest.String(), true), image.Bytes, image.UniqueBytes, goes})
	}
	left.Images += rest
	return append(line, shown, []int64{images.SharedBytes, images.UntaggedBytes, int64(rest), restBytes})
}
