package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep"
)

// verb says what became of what the plan takes.
func (run *Run) verb() string {
	if run.Executed {
		return "removed"
	}
	return "would be removed"
}

// WriteTable writes the report for people.
func (run *Run) WriteTable(w *Screen) error {
	width := term.Width(w.Writer)
	for _, i := range run.Items {
		if run.Policy != nil && !run.VeryVerbose {
			break // -v names tags, and -vv what is below them
		}
		line := term.ShortDigests(term.Harmless(itemText(run.verb(), &i)), width)
		fmt.Fprintln(w, strings.Replace(line, run.verb(), w.Ink.Red(run.verb()), 1))
	}
	fmt.Fprintf(w, "%s\n\n", w.Ink.Bold(term.Harmless("store "+run.Root)))
	run.writeRemoved(w)
	if err := run.writeTotals(w); err != nil {
		return err
	}
	run.writeCounts(w)
	run.writeEnded(w)
	if err := run.writeRepositories(w); err != nil {
		return err
	}
	run.writeProblems(w)
	run.writeNext(w)
	_, err := fmt.Fprintf(w, "\n%s\n", w.Ink.Bold(run.outcome()))
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
func (run *Run) totals() []totalRow {
	live := "live"
	if run.Named != nil || run.Policy != nil || run.Applied != nil {
		live = "kept" // older garbage, too, which is left to gc
	}
	rows := []totalRow{{totalStore, "in the store before", run.Store.Amount}, {totalLive, live, run.Live}}
	kept := func(name string, k sweep.KeptAmount) {
		if k.Blobs > 0 {
			rows = append(rows, totalRow{totalKept, name, sweep.Amount{Blobs: k.Blobs, Bytes: k.Bytes}})
		}
	}
	kept("only for their age", run.Kept.Recent)
	kept("only for --protect", run.Kept.Protected)
	kept("only since their repository is broken", run.Kept.BrokenRepository)
	rows = append(rows, totalRow{totalRemoved, run.verb(), run.Removed.Amount})
	if run.Failed.Items > 0 {
		rows = append(rows, totalRow{totalFailed, "not removed", run.Failed.Amount})
	}
	return rows
}

// writeTotals writes the totals as a table.
func (run *Run) writeTotals(w *Screen) error {
	t := term.Table{Columns: []term.Column{{}, {Title: "blobs", Right: true, Drop: 3}, {Title: "size", Right: true}, {Title: "on disk", Right: true, Drop: 2}, {Title: "share", Right: true, Drop: 1}}}
	rows := run.totals()
	for _, r := range rows {
		name, disk := r.name, term.Size(r.DiskBytes)
		if r.kind == totalKept {
			name, disk = "  "+name, ""
		}
		t.Add(name, humanize.Comma(r.Blobs), term.Size(r.Bytes), disk, share(r.Bytes, run.Store.Bytes))
	}
	t.Paint = func(row int, line string) string {
		if row < 0 {
			return w.Ink.Dim(line)
		}
		switch rows[row].kind {
		case totalLive:
			return w.Ink.Green(line) // green is kept, and red is removed
		case totalKept:
			return w.Ink.Dim(line)
		case totalRemoved:
			if run.Removed.Blobs > 0 {
				return w.Ink.Red(line)
			}
		case totalFailed:
			return w.Ink.Yellow(line)
		}
		return line
	}
	return t.Show(w.Writer)
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

func (run *Run) writeCounts(w *Screen) {
	verb := run.verb()
	s, r := &run.Store, &run.Removed
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
		verb = also(verb)
	}
	fmt.Fprintf(w, "\nin the store before: %s\n", strings.Join(there, ", "))
	if len(gone) > 0 {
		fmt.Fprintf(w, "%s: %s\n", verb, strings.Join(gone, ", "))
	}
	about := ""
	if run.DryRun {
		about = "about " // others write and remove meanwhile, too
	}
	fmt.Fprintf(w, "free space: %s before, %s%s after\n", term.Size(run.Filesystem.FreeBefore), about, term.Size(run.Filesystem.FreeAfter))
}

// also is the verb for what is removed in addition to blobs.
func also(verb string) string {
	if rest, ok := strings.CutPrefix(verb, "would "); ok {
		return "would also " + rest
	}
	return "also " + verb
}

func (run *Run) writeRepositories(w *Screen) error {
	lines := slices.DeleteFunc(slices.Clone(run.Repositories), func(r sweep.RepositoryLine) bool { return r.ReclaimableBytes == 0 })
	if len(lines) == 0 {
		return nil
	}
	slices.SortStableFunc(lines, func(a, b sweep.RepositoryLine) int { return cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes) })
	fmt.Fprintf(w, "\n%s\n", w.Ink.Bold("the repositories with the most to free"))
	won := "reclaimable"
	if run.Executed {
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
			return w.Ink.Dim(line)
		}
		return line
	}
	for _, r := range lines[:min(Shown, len(lines))] {
		t.Add(term.Harmless(r.Name), term.Comma(r.Tags), term.Comma(r.Manifests), term.Size(r.Bytes), term.Size(r.UniqueBytes), term.Size(r.ReclaimableBytes))
	}
	if err := t.Show(w.Writer); err != nil {
		return err
	}
	if more := len(lines) - Shown; more > 0 {
		fmt.Fprintf(w, "and %s more, which -o json lists\n", term.Comma(more))
	}
	return nil
}

// writeNext says what the reader may want to do now.
func (run *Run) writeNext(w *Screen) {
	if len(run.Next) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", w.Ink.Bold("next"))
	for _, n := range run.Next {
		fmt.Fprintf(w, "  %s\n", term.Harmless(n))
	}
}
