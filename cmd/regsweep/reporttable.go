package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// verb says what became of what the plan takes.
func verb(executed bool) string {
	if executed {
		return "removed"
	}
	return "would be removed"
}

// writeTable writes the report for people.
func (j *job) writeTable(w io.Writer, rep *sweep.Report, executed bool) error {
	ink, width := j.ink(j.common, w), term.Width(w)
	for _, i := range rep.Items {
		if j.prune != nil && !j.veryVerbose {
			break // -v names tags, and -vv what is below them
		}
		line := term.ShortDigests(term.Harmless(itemText(verb(executed), &i)), width)
		fmt.Fprintln(w, strings.Replace(line, verb(executed), ink.Red(verb(executed)), 1))
	}
	fmt.Fprintf(w, "%s\n\n", ink.Bold(term.Harmless("store "+rep.Root)))
	j.writeGoing(w, rep, executed)
	if err := j.writeTotals(w, ink, rep, executed); err != nil {
		return err
	}
	j.writeCounts(w, rep, verb(executed))
	j.writeEnded(w, rep, executed)
	if err := j.writeRepositories(w, ink, rep, executed); err != nil {
		return err
	}
	j.writeProblems(w, ink, rep)
	j.writeNext(w, ink, rep)
	_, err := fmt.Fprintf(w, "\n%s\n", ink.Bold(j.outcome(rep, executed)))
	return err
}

// totalRow is a part of the store's blobs, or all of them.
type totalRow struct {
	kind totalKind
	name string
	sweep.Amount
}

// totalKind says what a row of the totals is about.
type totalKind uint8

const (
	totalStore totalKind = iota
	totalLive            // its parts follow
	totalKept            // a part of what is live, of which the disk space is not known
	totalRemoved
	totalFailed
)

// totals divides the store's blobs. What is live, removed and failed adds up to
// the store.
func (j *job) totals(rep *sweep.Report, executed bool) []totalRow {
	stays := "live"
	if j.rules.Away != nil || j.applied != nil {
		stays = "stays" // garbage that is older too, which is gc's
	}
	rows := []totalRow{{totalStore, "in the store before", rep.Store.Amount}, {totalLive, stays, rep.Live}}
	kept := func(name string, k sweep.KeptAmount) {
		if k.Blobs > 0 {
			rows = append(rows, totalRow{totalKept, name, sweep.Amount{Blobs: k.Blobs, Bytes: k.Bytes}})
		}
	}
	kept("only for their age", rep.Kept.Fresh)
	kept("only for --protect", rep.Kept.Protected)
	kept("only since their repository is broken", rep.Kept.BrokenRepository)
	rows = append(rows, totalRow{totalRemoved, verb(executed), rep.Removed.Amount})
	if rep.Failed.Items > 0 {
		rows = append(rows, totalRow{totalFailed, "not removed", rep.Failed.Amount})
	}
	return rows
}

// writeTotals writes the totals as a table.
func (j *job) writeTotals(w io.Writer, ink term.Ink, rep *sweep.Report, executed bool) error {
	t := term.Table{Columns: []term.Column{{}, {Title: "blobs", Right: true, Drop: 3}, {Title: "size", Right: true}, {Title: "on disk", Right: true, Drop: 2}, {Title: "share", Right: true, Drop: 1}}}
	rows := j.totals(rep, executed)
	for _, r := range rows {
		name, disk := r.name, term.Size(r.DiskBytes)
		if r.kind == totalKept {
			name, disk = "  "+name, ""
		}
		t.Add(name, humanize.Comma(r.Blobs), term.Size(r.Bytes), disk, share(r.Bytes, rep.Store.Bytes))
	}
	t.Paint = func(row int, line string) string {
		if row < 0 {
			return ink.Dim(line)
		}
		switch rows[row].kind {
		case totalLive:
			return ink.Green(line) // green is kept, and red is removed
		case totalKept:
			return ink.Dim(line)
		case totalRemoved:
			if rep.Removed.Blobs > 0 {
				return ink.Red(line)
			}
		case totalFailed:
			return ink.Yellow(line)
		}
		return line
	}
	return t.Show(w)
}

// share is a part in percent.
func share(part, all int64) string {
	switch p := 100 * float64(part) / float64(all); {
	case all == 0:
		return ""
	case p > 0 && p < 9.95:
		return fmt.Sprintf("%.1f%%", p)
	default:
		return fmt.Sprintf("%.0f%%", p)
	}
}

func itemText(verb string, i *sweep.ItemLine) string {
	name := i.Repository
	switch {
	case i.Kind == "tag" || i.Kind == "tagHistory":
		name += ":" + i.Name
	case i.Repository == "":
		name = i.Name
	case i.Name != "":
		name += "/" + i.Name
	}
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", i.Kind, name, i.Digest))
	if i.Bytes > 0 {
		text += " " + term.Size(i.Bytes)
	}
	return verb + ": " + strings.Join(strings.Fields(text), " ")
}

func (j *job) writeCounts(w io.Writer, rep *sweep.Report, verb string) {
	s, r := &rep.Store, &rep.Removed
	there := counts{english.Plural(s.Repositories, "repository", ""), english.Plural(s.Tags, "tag", ""), english.Plural(s.Manifests, "manifest", ""), english.Plural(s.LayerLinks, "layer link", "")}
	there.addUploads(s.Uploads, s.UploadBytes)
	var gone counts
	gone.add(r.Repositories, "repository")
	gone.add(r.Tags, "tag")
	gone.add(r.Manifests, "manifest")
	gone.add(r.LayerLinks, "layer link")
	gone.addUploads(r.Uploads, r.UploadBytes)
	if r.TagHistory > 0 {
		gone = append(gone, english.Plural(r.TagHistory, "entry", "entries")+" of tags' histories")
	}
	if len(gone) > 0 {
		verb += " besides"
	}
	fmt.Fprintf(w, "\nin the store before: %s\n", strings.Join(there, ", "))
	if len(gone) > 0 {
		fmt.Fprintf(w, "%s: %s\n", verb, strings.Join(gone, ", "))
	}
	about := ""
	if rep.DryRun {
		about = "about " // others write and remove meanwhile, too
	}
	fmt.Fprintf(w, "free space: %s before, %s%s after\n", term.Size(rep.Filesystem.FreeBefore), about, term.Size(rep.Filesystem.FreeAfter))
}

func (j *job) writeRepositories(w io.Writer, ink term.Ink, rep *sweep.Report, executed bool) error {
	lines := slices.DeleteFunc(slices.Clone(rep.Repositories), func(r sweep.RepositoryLine) bool { return r.ReclaimableBytes == 0 })
	if len(lines) == 0 {
		return nil
	}
	slices.SortStableFunc(lines, func(a, b sweep.RepositoryLine) int { return cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes) })
	fmt.Fprintf(w, "\n%s\n", ink.Bold("the repositories with the most to win"))
	won := "reclaimable"
	if executed {
		won = "removed"
	}
	t := term.Table{Columns: []term.Column{
		{Title: "repository", Least: 20},
		{Title: "tags", Right: true, Drop: 1},
		{Title: "manifests", Right: true, Drop: 2},
		{Title: "size", Right: true},
		{Title: "unique", Right: true, Drop: 3},
		{Title: won, Right: true},
	}}
	t.Paint = func(row int, line string) string {
		if row < 0 {
			return ink.Dim(line)
		}
		return line
	}
	for _, r := range lines[:min(shown, len(lines))] {
		t.Add(term.Harmless(r.Name), term.Comma(r.Tags), term.Comma(r.Manifests), term.Size(r.Bytes), term.Size(r.UniqueBytes), term.Size(r.ReclaimableBytes))
	}
	if err := t.Show(w); err != nil {
		return err
	}
	if more := len(lines) - shown; more > 0 {
		fmt.Fprintf(w, "and %s more, which -o json lists\n", term.Comma(more))
	}
	return nil
}

func (j *job) writeProblems(w io.Writer, ink term.Ink, rep *sweep.Report) {
	if len(rep.Problems) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", ink.Bold(problemsTitle(rep)))
	list := slices.Clone(rep.Problems)
	slices.SortStableFunc(list, func(a, b walker.Problem) int {
		return cmp.Compare(rank(a.Kind), rank(b.Kind))
	})
	if !j.verbose {
		list = list[:min(shown, len(list))]
	}
	for _, p := range list {
		kind, line := ink.Yellow(term.Harmless(p.Kind)), fmt.Sprintf("%s: %s", p.Path, p.Detail)
		if rank(p.Kind) > 0 {
			kind = ink.Dim(term.Harmless(p.Kind))
		}
		switch {
		case p.Cured:
			kind, line = ink.Dim(term.Harmless(p.Kind)), line+"; "+curedBy(rep.DryRun)
		case len(p.Breaks) > 0:
			line += "; it breaks " + strings.Join(p.Breaks, ", ")
		}
		fmt.Fprintf(w, "  %s %s\n", kind, term.Harmless(line))
		for _, line := range cureLines(&p) {
			fmt.Fprintf(w, "    %s\n", term.Harmless(line))
		}
	}
	if more := len(rep.Problems) - len(list); more > 0 {
		fmt.Fprintf(w, "  and %s more, which -v lists\n", term.Comma(more))
	}
}

// problemsTitle counts the problems that there are after the run.
func problemsTitle(rep *sweep.Report) string {
	cured, left := 0, 0
	for i := range rep.Problems {
		if rep.Problems[i].Cured {
			cured++
		} else {
			left++
		}
	}
	text := "problems after the run: " + term.Comma(left)
	if rep.DryRun {
		text = "problems: " + term.Comma(left)
	}
	if cured > 0 {
		text += fmt.Sprintf("; %s %s", term.Comma(cured), curedBy(rep.DryRun))
	}
	return text
}

func curedBy(dryRun bool) string {
	if dryRun {
		return "would be cured by this run"
	}
	return "cured by this run"
}

// rank puts unknown files after what matters.
func rank(kind string) int {
	if kind == walker.UnknownFile {
		return 1
	}
	return 0
}

// writeNext says what the reader may want to do now.
func (j *job) writeNext(w io.Writer, ink term.Ink, rep *sweep.Report) {
	next := j.next(rep)
	if len(next) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", ink.Bold("next"))
	for _, n := range next {
		fmt.Fprintf(w, "  %s\n", term.Harmless(n))
	}
}
