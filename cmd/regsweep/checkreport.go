package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/walker"
)

func (r *reading) reportCheck(c *checkReport) error {
	if r.rules.PullThrough {
		r.voice.Warn("this is a pull-through cache, which lacks what nobody has asked for: blobs that are absent are not reported")
	}
	validProblems(c.Problems)
	c.Checked.where = r.where
	if c.Schema == "" {
		c.Schema, c.Root = checkSchema, term.Valid(r.place.Root)
	}
	if r.fileResult(c); r.output == "json" {
		return r.writeJSON(c)
	}
	if r.quiet {
		return nil
	}
	var text strings.Builder
	r.writeChecked(&text, &c.Checked)
	if c.MissingShards != nil {
		fmt.Fprintln(&text, oldestShard(c))
	}
	r.writeFindings(&text, c.Problems)
	fmt.Fprintf(&text, "\n%s\n", r.ink(r.common, r.out).Bold(checkedOutcome(c)))
	_, err := io.WriteString(r.out, text.String())
	return err
}

func (r *reading) writeChecked(w io.Writer, c *checked) {
	fmt.Fprintf(w, "store %s\n\n", term.Harmless(r.place.Root))
	fmt.Fprintf(w, "checked: %s, %s, %s, %s, %s of tags' histories, %s (%s)\n",
		term.Plural(c.Repositories, "repository"), term.Plural(c.Tags, "tag"), term.Plural(c.Manifests, "manifest"), term.Plural(c.LayerLinks, "layer link"),
		term.Plural(c.HistoryEntries, "entry"), term.Plural(int(c.Blobs), "blob"), term.Size(c.Bytes))
	for _, note := range checkedNotes(c) {
		fmt.Fprintln(w, note)
	}
}

// checkedNotes say how far a check went.
func checkedNotes(c *checked) (notes []string) {
	if c.BlobsRead > 0 || c.ReadSeconds > 0 {
		notes = append(notes, fmt.Sprintf("read: %s (%s) in %s, %s/s", term.Plural(int(c.BlobsRead), "blob"), term.Size(c.BytesRead), seconds(c.ReadSeconds), term.Size(c.BytesPerSecond)))
	} else {
		notes = append(notes, "the blobs' data have not been read: --read-data does that")
	}
	if c.BlobsRemembered > 0 {
		notes = append(notes, term.Plural(int(c.BlobsRemembered), "blob")+" left out: read and found whole lately")
	}
	if c.BlobsLeft > 0 {
		notes = append(notes, term.Plural(int(c.BlobsLeft), "blob")+" not read yet: the time was over")
	}
	if c.UnknownTypes > 0 {
		notes = append(notes, fmt.Sprintf("%s of a type that is not known here: whether something is missing there cannot be told", term.Plural(c.UnknownTypes, "manifest")))
	}
	switch {
	case c.lost:
		notes = append(notes, "a run was stopped that had begun to remove things, and its mark is lost; to finish its work: "+c.where.Command("gc", "--resume"))
	case c.SetAside:
		notes = append(notes, "a run was stopped that had begun to remove things; to finish its work: "+c.where.Command("gc"))
	}
	return notes
}

// writeFindings writes the problems by kind, those that break most images first.
func (r *reading) writeFindings(w io.Writer, problems []walker.Problem) {
	ink, byKind := r.ink(r.common, r.out), map[string][]walker.Problem{}
	for _, p := range problems {
		byKind[p.Kind] = append(byKind[p.Kind], p)
	}
	for _, kind := range kindsByHarm(byKind) {
		list := byKind[kind]
		title := ink.Yellow(kind)
		if rank(kind) > 0 {
			title = ink.Dim(kind)
		}
		fmt.Fprintf(w, "\n%s: %s\n", title, term.Comma(len(list)))
		show := list
		if !r.verbose {
			show = list[:min(shown, len(list))]
		}
		for i := range show {
			r.writeFinding(w, &show[i])
		}
		if more := len(list) - len(show); more > 0 {
			fmt.Fprintf(w, "  and %s more, which -v lists\n", term.Comma(more))
		}
	}
}

// checkedOutcome is the last line of a check.
func checkedOutcome(c *checkReport) string {
	serious := 0
	for i := range c.Problems {
		if isSerious(c.Problems[i]) {
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

func (r *reading) writeFinding(w io.Writer, p *walker.Problem) {
	say := func(format string, args ...any) { fmt.Fprintln(w, term.Harmless(fmt.Sprintf(format, args...))) }
	say("  %s", p.Path)
	say("    %s", p.Detail)
	if n := len(p.Breaks); n > 0 {
		names, more := p.Breaks, ""
		if !r.verbose && n > shownBroken {
			names, more = names[:shownBroken], fmt.Sprintf(" and %s more", term.Comma(n-shownBroken))
		}
		say("    breaks %s%s", strings.Join(names, ", "), more)
	}
	for _, line := range cureLines(p) {
		say("    %s", line)
	}
}

// judgeCheck sets the status. If something cannot be read, it has not been checked,
// and the check has failed.
func (r *reading) judgeCheck() error {
	if n := r.sayUnreadable(); n > 0 {
		return &layout.HintError{
			Err:  fmt.Errorf("%s cannot be read; all else has been checked", english.Plural(n, "path", "")),
			Hint: "run as a user who can read the store, or mend the filesystem first",
		}
	}
	if r.w.Findings.Serious() > 0 {
		r.status = statusProblems
	}
	return nil
}
