package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep"
)

// next is what the reader may want to do now. A command is at the end of its
// line, can be pasted, and finds the same registry.
func (j *job) next(rep *sweep.Report) (next []string) {
	say := func(format string, args ...any) { next = append(next, fmt.Sprintf(format, args...)) }
	j.nextRun(say)
	if j.rules.Away != nil && j.applied == nil {
		j.nextAway(rep, say)
	}
	if j.rules.Away == nil && j.applied == nil {
		j.nextKept(rep, say)
	}
	if g := j.plan.Garbage(); g.Blobs > 0 {
		say("%s (%s) %s older garbage, which goes with: %s", term.Plural(int(g.Blobs), "blob"), term.Size(g.Bytes), english.PluralWord(int(g.Blobs), "is", "are"), j.where.Command("gc"))
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
	case j.planFile != "" && j.planTo.stream == nil:
		file := j.planFile
		if abs, err := filepath.Abs(file); err == nil {
			file = abs
		}
		say("the plan is written down; to carry it out: %s", j.where.Command("apply", file))
	case !j.dryRun || j.plan.Empty():
	case j.protect == "-":
		say("to remove this, run it without --dry-run and with the same list")
	default:
		say("to remove this: %s", again(j.where, j.command, j.flags, []string{"dry-run", "plan"}))
	}
}

// nextKept says what gc has kept that another run would remove.
func (j *job) nextKept(rep *sweep.Report, say func(format string, args ...any)) {
	k := rep.Kept.Fresh
	ahead := j.plan.Look().Store.Ahead()
	if ahead > 0 {
		say("files are dated in the future, up to %s: what they keep stays until then, whatever the grace is; to have them count from now: touch /tmp/now && find %s %s -newer /tmp/now -exec touch -c {} +",
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
		say("%s no tag; to see what goes with those that nothing else keeps: %s", english.Plural(j.untagged(), "manifest has", "manifests have"),
			j.where.Command("gc", "-m", "--dry-run"))
	}
}

// untagged is how many manifests no tag names.
func (j *job) untagged() int { return j.plan.Look().Totals.Untagged }
