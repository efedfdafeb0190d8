package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// size is a number of bytes for people.
func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// report writes the result to stdout.
func (j *job) report(executed bool) error {
	rep := j.newReport(executed)
	j.fileReport(rep, executed)
	if j.output == "json" {
		return j.writeJSON(rep)
	}
	if j.quiet {
		return nil
	}
	return j.writeTable(j.out, rep, executed)
}

// writeJSON writes a result as one object on stdout.
func (p *program) writeJSON(result any) error {
	text, err := encodeJSON(result)
	if err == nil {
		_, err = p.out.Write(text)
	}
	return err
}

func encodeJSON(result any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return nil, err
	}
	return harmlessJSON(text.Bytes()), nil
}

func (j *job) newReport(executed bool) *sweep.Report {
	rep := j.plan.Report(executed)
	rep.Command, rep.DryRun, rep.Root = j.command, j.dryRun, valid(j.place.Root)
	rep.Started = j.started.UTC()
	rep.ElapsedSeconds = time.Since(j.started).Seconds()
	rep.Filesystem.FreeBefore = j.free
	rep.Filesystem.FreeAfter = j.free + rep.Removed.DiskBytes + rep.Removed.UploadBytes
	if executed {
		if free, err := j.store.Free(); err == nil {
			rep.Filesystem.FreeAfter = free
		}
	}
	for i := range rep.Repositories {
		rep.Repositories[i].Name = valid(rep.Repositories[i].Name)
	}
	rep.Problems = append(rep.Problems, j.w.Findings.Problems()...)
	for i := range rep.Problems {
		rep.Problems[i].Path, rep.Problems[i].Detail = valid(rep.Problems[i].Path), valid(rep.Problems[i].Detail)
	}
	if j.prune != nil {
		j.prune.into(&rep)
	}
	if j.verbose {
		rep.Items = []sweep.ItemLine{}
		j.plan.EachLine(executed, func(l sweep.ItemLine) {
			l.Repository, l.Name = valid(l.Repository), valid(l.Name)
			rep.Items = append(rep.Items, l)
		})
	}
	return &rep
}

// writeTable writes the report for people.
func (j *job) writeTable(w io.Writer, rep *sweep.Report, executed bool) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	verb := "would be removed"
	if executed {
		verb = "removed"
	}
	for _, i := range rep.Items {
		fmt.Fprintln(w, harmless(itemText(verb, &i)))
	}
	fmt.Fprintf(w, "store %s\n\n", harmless(rep.Root))
	j.writeGoing(w, rep, executed)
	fmt.Fprintf(t, "\tblobs\tsize\ton disk\t\n")
	row := func(name string, a sweep.Amount) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", name, humanize.Comma(a.Blobs), size(a.Bytes), size(a.DiskBytes))
	}
	row("in the store", rep.Store.Amount)
	if j.rules.Away == nil {
		row("live", rep.Live)
	} else {
		row("stays", rep.Live) // garbage that is older too, which is gc's
	}
	kept := func(name string, k sweep.KeptAmount) {
		if k.Blobs > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t\t\n", name, humanize.Comma(k.Blobs), size(k.Bytes))
		}
	}
	kept("only for their age", rep.Kept.Fresh)
	kept("only for --protect", rep.Kept.Protected)
	kept("only since their repository is broken", rep.Kept.BrokenRepository)
	row(verb, rep.Removed.Amount)
	if rep.Failed.Items > 0 {
		row("not removed", rep.Failed.Amount)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	j.writeCounts(w, rep, verb)
	j.writeRepositories(w, rep)
	j.writeProblems(w, rep)
	j.writeNext(w, rep)
	return nil
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
		text += " " + size(i.Bytes)
	}
	return verb + ": " + strings.Join(strings.Fields(text), " ")
}

func (j *job) writeCounts(w io.Writer, rep *sweep.Report, verb string) {
	s, r := &rep.Store, &rep.Removed
	fmt.Fprintf(w, "\nin the store: %s repositories, %s tags, %s manifests, %s layer links, %s uploads (%s)\n",
		comma(s.Repositories), comma(s.Tags), comma(s.Manifests), comma(s.LayerLinks), comma(s.Uploads), size(s.UploadBytes))
	fmt.Fprintf(w, "%s: %s repositories, %s tags, %s manifests, %s layer links, %s uploads (%s), and %s entries of tags' histories\n",
		verb, comma(r.Repositories), comma(r.Tags), comma(r.Manifests), comma(r.LayerLinks), comma(r.Uploads), size(r.UploadBytes), comma(r.TagHistory))
	fmt.Fprintf(w, "free space: %s before, %s after\n", size(rep.Filesystem.FreeBefore), size(rep.Filesystem.FreeAfter))
}

func comma(n int) string { return humanize.Comma(int64(n)) }

// shown is how many repositories and problems a table has.
const shown = 20

func (j *job) writeRepositories(w io.Writer, rep *sweep.Report) {
	lines := slices.DeleteFunc(slices.Clone(rep.Repositories), func(r sweep.RepositoryLine) bool { return r.ReclaimableBytes == 0 })
	if len(lines) == 0 {
		return
	}
	slices.SortStableFunc(lines, func(a, b sweep.RepositoryLine) int { return cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes) })
	fmt.Fprintf(w, "\nthe repositories with the most to win\n")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\ttags\tmanifests\tsize\tunique\treclaimable\t\n")
	for _, r := range lines[:min(shown, len(lines))] {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", harmless(r.Name), comma(r.Tags), comma(r.Manifests), size(r.Bytes), size(r.UniqueBytes), size(r.ReclaimableBytes))
	}
	t.Flush()
	if more := len(lines) - shown; more > 0 {
		fmt.Fprintf(w, "and %s more, which -o json lists\n", comma(more))
	}
}

func (j *job) writeProblems(w io.Writer, rep *sweep.Report) {
	if len(rep.Problems) == 0 {
		return
	}
	fmt.Fprintf(w, "\nproblems: %s\n", comma(len(rep.Problems)))
	list := slices.Clone(rep.Problems)
	slices.SortStableFunc(list, func(a, b walker.Problem) int {
		return cmp.Compare(rank(a.Kind), rank(b.Kind))
	})
	if !j.verbose {
		list = list[:min(shown, len(list))]
	}
	for _, p := range list {
		line := fmt.Sprintf("  %s %s: %s", p.Kind, p.Path, p.Detail)
		if len(p.Breaks) > 0 {
			line += "; it breaks " + strings.Join(p.Breaks, ", ")
		}
		fmt.Fprintln(w, harmless(line))
		if p.Cure != "" {
			fmt.Fprintln(w, harmless("    cure: "+p.Cure))
		}
	}
	if more := len(rep.Problems) - len(list); more > 0 {
		fmt.Fprintf(w, "  and %s more, which -v lists\n", comma(more))
	}
}

// rank puts unknown files after what matters.
func rank(kind string) int {
	if kind == walker.UnknownFile {
		return 1
	}
	return 0
}

// writeNext says what the reader may want to do now.
func (j *job) writeNext(w io.Writer, rep *sweep.Report) {
	next := j.next(rep)
	if len(next) == 0 {
		return
	}
	fmt.Fprintf(w, "\nnext\n")
	for _, n := range next {
		fmt.Fprintf(w, "  %s\n", harmless(n))
	}
}

// next is what the reader may want to do now.
func (j *job) next(rep *sweep.Report) (next []string) {
	say := func(format string, args ...any) { next = append(next, fmt.Sprintf(format, args...)) }
	if rep.DryRun && !j.plan.Empty() {
		say("run it without --dry-run to remove this")
	}
	if j.rules.Away != nil {
		j.nextAway(rep, say)
	}
	if k := rep.Kept.Fresh; k.Blobs > 0 && j.rules.Away == nil {
		flags := "--grace 0"
		if j.rules.DeleteUntagged {
			flags += " --older-than 0"
		}
		say("%s blobs (%s) are kept only for their age: %s removes them too, if nothing is pushing", humanize.Comma(k.Blobs), size(k.Bytes), flags)
	}
	if j.rules.Away == nil && !j.rules.DeleteUntagged && rep.Store.Manifests > 0 && j.untagged() > 0 {
		say("%s manifests have no tag: -m removes those that nothing else keeps", comma(j.untagged()))
	}
	if c := j.place.Config.Cache; c != "" && !rep.DryRun && rep.Removed.Blobs > 0 {
		say("restart the registry, or flush its cache of blob descriptors (%s)", c)
	}
	return next
}

// untagged is how many manifests no tag names.
func (j *job) untagged() int { return j.plan.Look().Totals.Untagged }
