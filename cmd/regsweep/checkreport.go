package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
)

// checkReport is the JSON of check; see docs/formats.md.
type checkReport struct {
	Checked  checked          `json:"checked"`
	Problems []walker.Problem `json:"problems"`
}

func (c *checkReport) problemList() []walker.Problem { return c.Problems }

// checked is what a check has looked at.
type checked struct {
	Repositories   int     `json:"repositories"`
	Tags           int     `json:"tags"`
	Manifests      int     `json:"manifests"`
	UnknownTypes   int     `json:"unknownTypes"`
	LayerLinks     int     `json:"layerLinks"`
	HistoryEntries int     `json:"historyEntries"`
	Blobs          int64   `json:"blobs"`
	Bytes          int64   `json:"bytes"`
	BlobsRead      int64   `json:"blobsRead"`
	BytesRead      int64   `json:"bytesRead"`
	ReadSeconds    float64 `json:"readSeconds"`
	BytesPerSecond int64   `json:"bytesPerSecond"`
	ElapsedSeconds float64 `json:"elapsedSeconds"`
	SetAside       bool    `json:"setAside"`
	lost           bool    // something is set aside, and nothing tells gc to look for it
}

func newChecked(look *mark.Look, count mark.InspectionCount) checked {
	c := checked{
		Repositories: len(look.Repositories), Tags: look.Totals.Tags, Manifests: look.Totals.Manifests,
		UnknownTypes: count.UnknownTypes, LayerLinks: count.LayerLinks, HistoryEntries: count.HistoryEntries,
		SetAside: count.Aside, lost: count.Aside && !look.Store.Resumed(),
	}
	look.Store.EachBlob(func(b mark.BlobInfo) {
		c.Blobs++
		c.Bytes += b.Size
	})
	return c
}

func (r *reading) reportCheck(c *checkReport) error {
	if r.rules.PullThrough {
		r.voice.warn("this is a pull-through cache, which lacks what nobody has asked for: blobs that are absent are not reported")
	}
	for i := range c.Problems {
		p := &c.Problems[i]
		p.Path, p.Detail, p.Cure = valid(p.Path), valid(p.Detail), valid(p.Cure)
		for j := range p.Breaks {
			p.Breaks[j] = valid(p.Breaks[j])
		}
	}
	if r.fileResult(c); r.output == "json" {
		return r.writeJSON(c)
	}
	if r.quiet {
		return nil
	}
	var text strings.Builder
	r.writeChecked(&text, &c.Checked)
	r.writeFindings(&text, c.Problems)
	_, err := io.WriteString(r.out, text.String())
	return err
}

func (r *reading) writeChecked(w io.Writer, c *checked) {
	fmt.Fprintf(w, "store %s\n\n", harmless(r.place.Root))
	fmt.Fprintf(w, "checked: %s repositories, %s tags, %s manifests, %s layer links, %s entries of tags' histories, %s blobs (%s)\n",
		comma(c.Repositories), comma(c.Tags), comma(c.Manifests), comma(c.LayerLinks), comma(c.HistoryEntries), humanize.Comma(c.Blobs), size(c.Bytes))
	if c.BlobsRead > 0 || c.ReadSeconds > 0 {
		fmt.Fprintf(w, "read: %s blobs (%s) in %s, %s/s\n", humanize.Comma(c.BlobsRead), size(c.BytesRead), seconds(c.ReadSeconds), size(c.BytesPerSecond))
	} else {
		fmt.Fprintf(w, "the blobs' data have not been read: --read-data does that\n")
	}
	if c.UnknownTypes > 0 {
		fmt.Fprintf(w, "%s manifests are of types that are not known here: whether they lack something cannot be told\n", comma(c.UnknownTypes))
	}
	switch {
	case c.lost:
		fmt.Fprintf(w, "a run was stopped that had begun to remove things, and its mark is lost: regsweep gc --resume finishes its work\n")
	case c.SetAside:
		fmt.Fprintf(w, "a run was stopped that had begun to remove things: the next gc finishes its work\n")
	}
}

// seconds is a time that something took, for people.
func seconds(s float64) time.Duration {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// writeFindings writes the problems by kind, those that break most images first.
func (r *reading) writeFindings(w io.Writer, problems []walker.Problem) {
	byKind := map[string][]walker.Problem{}
	for _, p := range problems {
		byKind[p.Kind] = append(byKind[p.Kind], p)
	}
	serious := len(problems) - len(byKind[walker.UnknownFile])
	if serious == 0 {
		fmt.Fprintf(w, "\nno problems\n")
	} else {
		fmt.Fprintf(w, "\nproblems: %s; images and tags that they break: %s\n", comma(serious), comma(countBroken(problems)))
	}
	for _, kind := range kindsByHarm(byKind) {
		list := byKind[kind]
		fmt.Fprintf(w, "\n%s: %s\n", kind, comma(len(list)))
		show := list
		if !r.verbose {
			show = list[:min(shown, len(list))]
		}
		for i := range show {
			r.writeFinding(w, &show[i])
		}
		if more := len(list) - len(show); more > 0 {
			fmt.Fprintf(w, "  and %s more, which -v lists\n", comma(more))
		}
	}
}

func countBroken(problems []walker.Problem) int {
	broken := map[string]bool{}
	for i := range problems {
		for _, name := range problems[i].Breaks {
			broken[name] = true
		}
	}
	return len(broken)
}

// kindsByHarm orders kinds by how many images they break; unknown files are last.
func kindsByHarm(byKind map[string][]walker.Problem) (kinds []string) {
	harm := map[string]int{}
	for kind, list := range byKind {
		kinds = append(kinds, kind)
		harm[kind] = countBroken(list)
	}
	slices.SortFunc(kinds, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(harm[b], harm[a]), cmp.Compare(a, b))
	})
	return kinds
}

// shownBroken is how many of the images that a problem breaks a table names.
const shownBroken = 5

func (r *reading) writeFinding(w io.Writer, p *walker.Problem) {
	say := func(format string, args ...any) { fmt.Fprintln(w, harmless(fmt.Sprintf(format, args...))) }
	say("  %s", p.Path)
	say("    %s", p.Detail)
	if n := len(p.Breaks); n > 0 {
		names, more := p.Breaks, ""
		if !r.verbose && n > shownBroken {
			names, more = names[:shownBroken], fmt.Sprintf(" and %s more", comma(n-shownBroken))
		}
		say("    breaks %s%s", strings.Join(names, ", "), more)
	}
	if p.Cure != "" {
		say("    cure: %s", p.Cure)
	}
}
