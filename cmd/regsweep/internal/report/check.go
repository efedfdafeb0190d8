package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/walker"
)

// Check is the JSON of check; see docs/formats.md.
type Check struct {
	Schema string   `json:"schema"`
	Root   string   `json:"root"`
	Shard  *ShardOf `json:"shard,omitempty"`
	// Started is when the check of a shard began, or the first of those that were merged; nil
	// where a report does not say that, and of what is no shard.
	Started  *time.Time       `json:"started,omitempty"`
	Checked  Checked          `json:"checked"`
	Problems []walker.Problem `json:"problems"`
	// MissingShards are the shards of which no whole report was merged; nil of what is not merged.
	MissingShards []int `json:"missingShards,omitzero"`
	Shards        int   `json:"-"` // that were to be merged
}

// ShardOf says which part of the data a report is about.
type ShardOf struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// Checked is what a check has looked at.
type Checked struct {
	Repositories    int        `json:"repositories"`
	Tags            int        `json:"tags"`
	Manifests       int        `json:"manifests"`
	UnknownTypes    int        `json:"unknownTypes"`
	LayerLinks      int        `json:"layerLinks"`
	HistoryEntries  int        `json:"historyEntries"`
	Blobs           int64      `json:"blobs"`
	Bytes           int64      `json:"bytes"`
	BlobsRead       int64      `json:"blobsRead"`
	BytesRead       int64      `json:"bytesRead"`
	BlobsLeft       int64      `json:"blobsLeft"` // that were to be read when the check was stopped
	ReadSeconds     float64    `json:"readSeconds"`
	BytesPerSecond  int64      `json:"bytesPerSecond"`
	ElapsedSeconds  float64    `json:"elapsedSeconds"`
	BlobsRemembered int64      `json:"blobsRemembered"` // that were left out, since they were read lately
	SetAside        bool       `json:"setAside"`
	Where           term.Where `json:"-"` // the registry was found
	Lost            bool       `json:"-"` // something is set aside, and nothing tells gc to look for it
}

// ProblemList is what the check found.
func (c *Check) ProblemList() []walker.Problem { return c.Problems }

// WriteText writes the report for people.
func (c *Check) WriteText(w *Screen, verbose bool) error {
	var text strings.Builder
	s := &Screen{Writer: &text, Ink: w.Ink}
	fmt.Fprintf(s, "store %s\n\n", term.Harmless(c.Root))
	c.Checked.write(s)
	if c.MissingShards != nil {
		fmt.Fprintln(s, c.oldestShard())
	}
	writeFindings(s, c.Problems, verbose)
	fmt.Fprintf(s, "\n%s\n", s.Ink.Bold(checkedOutcome(c)))
	_, err := io.WriteString(w, text.String())
	return err
}

// oldestShard says for people how old a merged report is.
func (c *Check) oldestShard() string {
	if c.Started == nil {
		return "it is not known when the shards were read: one of the reports does not say it"
	}
	return "the oldest report of a shard is from " + c.Started.Local().Format("2006-01-02 15:04")
}

func (c *Checked) write(w *Screen) {
	fmt.Fprintf(w, "checked: %s, %s, %s, %s, %s of tags' histories, %s (%s)\n",
		term.Plural(c.Repositories, "repository"), term.Plural(c.Tags, "tag"), term.Plural(c.Manifests, "manifest"), term.Plural(c.LayerLinks, "layer link"),
		term.Plural(c.HistoryEntries, "entry"), term.Plural(int(c.Blobs), "blob"), term.Size(c.Bytes))
	for _, note := range checkedNotes(c) {
		fmt.Fprintln(w, note)
	}
}

// checkedNotes say how far a check went.
func checkedNotes(c *Checked) (notes []string) {
	if c.BlobsRead > 0 || c.ReadSeconds > 0 {
		notes = append(notes, fmt.Sprintf("read: %s (%s) in %s, %s/s", term.Plural(int(c.BlobsRead), "blob"), term.Size(c.BytesRead), seconds(c.ReadSeconds), term.Size(c.BytesPerSecond)))
	} else {
		notes = append(notes, "the blobs' data have not been read: --read-data does that")
	}
	if c.BlobsRemembered > 0 {
		notes = append(notes, term.Plural(int(c.BlobsRemembered), "blob")+" skipped: read and found intact lately")
	}
	if c.BlobsLeft > 0 {
		notes = append(notes, term.Plural(int(c.BlobsLeft), "blob")+" not read yet: the time was over")
	}
	if c.UnknownTypes > 0 {
		notes = append(notes, fmt.Sprintf("%s of an unknown type: it is not known whether something is missing there", term.Plural(c.UnknownTypes, "manifest")))
	}
	switch {
	case c.Lost:
		notes = append(notes, "a run was stopped after it had begun to remove things, and its mark is lost; to finish its work: "+c.Where.Command("gc", "--resume"))
	case c.SetAside:
		notes = append(notes, "a run was stopped after it had begun to remove things; to finish its work: "+c.Where.Command("gc"))
	}
	return notes
}

// writeFindings writes the problems by kind, those that break most images first.
func writeFindings(w *Screen, problems []walker.Problem, verbose bool) {
	byKind := map[string][]walker.Problem{}
	for _, p := range problems {
		byKind[p.Kind] = append(byKind[p.Kind], p)
	}
	for _, kind := range kindsByHarm(byKind) {
		list := byKind[kind]
		title := w.Ink.Yellow(kind)
		if rank(kind) > 0 {
			title = w.Ink.Dim(kind)
		}
		fmt.Fprintf(w, "\n%s: %s\n", title, term.Comma(len(list)))
		show := list
		if !verbose {
			show = list[:min(Shown, len(list))]
		}
		for i := range show {
			writeFinding(w, &show[i], verbose)
		}
		if more := len(list) - len(show); more > 0 {
			fmt.Fprintf(w, "  and %s more, which -v lists\n", term.Comma(more))
		}
	}
}

// checkedOutcome is the last line of a check.
func checkedOutcome(c *Check) string {
	serious := 0
	for i := range c.Problems {
		if IsSerious(c.Problems[i]) {
			serious++
		}
	}
	took := seconds(c.Checked.ElapsedSeconds)
	if n := len(c.MissingShards); n > 0 {
		return fmt.Sprintf("not whole: %s missing; %s in what was read", term.Plural(n, "shard"), term.Plural(serious, "problem"))
	}
	if serious == 0 {
		return fmt.Sprintf("no problems; checked in %s", took)
	}
	text := term.Plural(serious, "problem")
	if broken := countBroken(c.Problems); broken > 0 {
		text += fmt.Sprintf(", which %s %s", english.PluralWord(serious, "breaks", "break"), term.Comma(broken)+" "+english.PluralWord(broken, "image or tag", "images and tags"))
	}
	return text + "; checked in " + took.String()
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

func writeFinding(w *Screen, p *walker.Problem, verbose bool) {
	say := func(format string, args ...any) { fmt.Fprintln(w, term.Harmless(fmt.Sprintf(format, args...))) }
	say("  %s", p.Path)
	say("    %s", p.Detail)
	if n := len(p.Breaks); n > 0 {
		names, more := p.Breaks, ""
		if !verbose && n > ShownBroken {
			names, more = names[:ShownBroken], fmt.Sprintf(" and %s more", term.Comma(n-ShownBroken))
		}
		say("    breaks %s%s", strings.Join(names, ", "), more)
	}
	for _, line := range cureLines(p) {
		say("    %s", line)
	}
}

// checkedSection says what a check has looked at.
func checkedSection(c *Checked) page.Section {
	t := &page.Table{ID: "checked", Title: "What was checked", Plain: true, Clean: term.Harmless, Columns: []page.Column{{}, {Title: "number", Kind: page.Number}, {Title: "size", Kind: page.Number}}}
	count := func(name string, n int64) { t.Add(textCell(name), countCell(n)) }
	count("repositories", int64(c.Repositories))
	count("tags", int64(c.Tags))
	count("manifests", int64(c.Manifests))
	count("layer links", int64(c.LayerLinks))
	count("entries of tags' histories", int64(c.HistoryEntries))
	t.Add(textCell("blobs"), countCell(c.Blobs), sizeCell(c.Bytes))
	t.Add(textCell("of these read"), countCell(c.BlobsRead), sizeCell(c.BytesRead))
	t.Notes = checkedNotes(c)
	return t
}
