package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/trash"
)

// next is what the reader may want to do now. A command is at the end of its
// line, can be pasted, and finds the same registry.
func (j *job) next(rep *sweep.Report) (next []string) {
	say := func(format string, args ...any) { next = append(next, fmt.Sprintf(format, args...)) }
	j.nextRun(say)
	if j.rules.Selected != nil && j.applied == nil {
		j.nextAway(rep, say)
	}
	if j.rules.Selected == nil && j.applied == nil {
		j.nextKept(rep, say)
	}
	if g := j.plan.Garbage(); g.Blobs > 0 {
		say("%s (%s) %s older garbage; to remove it: %s", term.Plural(int(g.Blobs), "blob"), term.Size(g.Bytes), english.PluralWord(int(g.Blobs), "is", "are"), j.where.Command("gc"))
	}
	j.nextTrash(rep, say)
	if c := j.place.Config.Cache; c != "" && !rep.DryRun && rep.Removed.Blobs > 0 {
		say("restart the registry, or flush its cache of blob descriptors (%s)", c)
	}
	return next
}

// nextRun says how a dry run becomes a run.
func (j *job) nextRun(say func(format string, args ...any)) {
	switch {
	case j.planFile != "" && !j.planTo.IsStream():
		file := j.planFile
		if abs, err := filepath.Abs(file); err == nil {
			file = abs
		}
		say("the plan is written; to carry it out: %s", j.where.Command("apply", file))
	case !j.dryRun || j.plan.Empty():
	case j.protect == "-":
		say("to remove this, run it without --dry-run and with the same list")
	default:
		say("to remove this: %s", again(j.where, j.command, j.flags, []string{"dry-run", "plan"}))
	}
}

// nextKept says what gc has kept that another run would remove.
func (j *job) nextKept(rep *sweep.Report, say func(format string, args ...any)) {
	k := rep.Kept.Recent
	ahead := j.plan.Look().Store.Ahead()
	if ahead > 0 {
		say("files are dated in the future, up to %s: what they keep is kept until then, whatever the grace is; to make them count from now: touch /tmp/now && find %s %s -newer /tmp/now -exec touch -c {} +",
			time.Unix(0, ahead).UTC().Format(time.DateOnly), term.ShellWord(j.place.Store+"/"+layout.Blobs+"/"), term.ShellWord(j.place.Store+"/"+layout.Repositories+"/"))
	}
	if k.Blobs > 0 && ahead == 0 && j.protect != "-" {
		with := []string{"--grace", "0"}
		if j.rules.DeleteUntagged {
			with = append(with, "--older-than", "0")
		}
		say("%s (%s) %s kept only for %s age; to remove %s too, if nothing is pushing: %s", term.Plural(int(k.Blobs), "blob"), term.Size(k.Bytes),
			english.PluralWord(int(k.Blobs), "is", "are"), english.PluralWord(int(k.Blobs), "its", "their"), english.PluralWord(int(k.Blobs), "it", "them"),
			again(j.where, j.command, j.flags, []string{"dry-run", "plan", "grace", "older-than"}, with...))
	}
	if !j.rules.DeleteUntagged && rep.Store.Manifests > 0 && j.untagged() > 0 && !j.rules.PullThrough {
		say("%s no tag; to see what gc -m would remove: %s", english.Plural(j.untagged(), "manifest has", "manifests have"),
			j.where.Command("gc", "-m", "--dry-run"))
	}
}

// untagged is how many manifests no tag names.
func (j *job) untagged() int { return j.plan.Look().Totals.Untagged }

// nextAway says what the reader may want to do after a removal by name.
func (j *job) nextAway(rep *sweep.Report, say func(format string, args ...any)) {
	if j.prune != nil {
		j.nextPruned(rep, say)
		return
	}
	j.nextUntagged(say)
	if !j.rules.Selected.TagsOnly {
		if slices.ContainsFunc(j.rules.Selected.Images(), func(g mark.SelectedImage) bool { return g.Unread }) {
			say("only the link of an unreadable manifest is removed; to remove what it kept: %s", j.where.Command("gc"))
		}
		return
	}
	list := j.rules.Selected.Images()
	for i := range list {
		switch g := &list[i]; {
		case g.Digest.IsZero():
		case g.Untagged:
			tense := "now"
			if rep.DryRun {
				tense = "then"
			}
			gc := "gc -m"
			if g.Unlinked {
				gc = "gc"
			}
			say("%s has no tag %s, and the next %s removes it once it is old enough; to remove it now: %s", report.ImageName(g), tense, gc, j.where.Command("rm", report.ImageName(g)))
		default:
			say("%s is kept; to delete the image and free what only it needs: %s", report.ImageName(g), j.where.Command("rm", report.ImageName(g)))
		}
	}
}

// nextUntagged names what a stop has left without a tag.
func (j *job) nextUntagged(say func(format string, args ...any)) {
	for _, left := range j.plan.Untagged() {
		say("%s was left without a tag by the stop; to remove it: %s", left, j.where.Command("rm", left))
	}
}

// nextPruned says what the reader may want to do after a prune.
func (j *job) nextPruned(rep *sweep.Report, say func(format string, args ...any)) {
	j.nextUntagged(say)
	if rep.DryRun && !j.verbose {
		say("-v also lists the tags that are kept, and why; -vv also lists blobs and links")
	}
}

// nextTrash says what the reader of a report may want to do with the trash.
func (j *job) nextTrash(rep *sweep.Report, say func(format string, args ...any)) {
	switch {
	case rep.Trashed != "":
		say("to put back what was removed: %s", j.where.Command("trash", "restore", rep.Trashed))
		say("to free its space for good: %s", j.where.Command("trash", "empty", rep.Trashed))
	case j.trash && rep.DryRun && !j.plan.Empty():
		say("no space is free until the trash is emptied: %s", j.where.Command("trash", "empty"))
	}
	bins, err := trash.Bins(j.store)
	if others := len(bins); err == nil && others > 0 && (rep.Trashed == "" || others > 1) {
		say("the trash holds %s, whose space is not freed yet: %s", english.Plural(others, "run", ""), j.where.Command("trash", "ls"))
	}
}
