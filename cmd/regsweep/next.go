package main

import (
	"fmt"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// next is what the reader may want to do now.
func (j *job) next(rep *sweep.Report) (next []string) {
	say := func(format string, args ...any) { next = append(next, fmt.Sprintf(format, args...)) }
	if rep.DryRun && !j.plan.Empty() {
		say("run it without --dry-run to remove this")
	}
	if j.planFile != "" {
		say("regsweep apply %s carries out the plan that has been written there", j.planFile)
	}
	if j.rules.Away != nil && j.applied == nil {
		j.nextAway(rep, say)
	}
	removesAll := j.rules.Away == nil && j.applied == nil
	if k := rep.Kept.Fresh; k.Blobs > 0 && removesAll {
		flags := "--grace 0"
		if j.rules.DeleteUntagged {
			flags += " --older-than 0"
		}
		say("%s (%s) %s kept only for %s age: %s removes %s too, if nothing is pushing", english.Plural(int(k.Blobs), "blob", ""), size(k.Bytes),
			english.PluralWord(int(k.Blobs), "is", "are"), english.PluralWord(int(k.Blobs), "its", "their"), flags, english.PluralWord(int(k.Blobs), "it", "them"))
	}
	if removesAll && !j.rules.DeleteUntagged && rep.Store.Manifests > 0 && j.untagged() > 0 {
		say("%s no tag: -m removes those that nothing else keeps", english.Plural(j.untagged(), "manifest has", "manifests have"))
	}
	if g := j.plan.Garbage(); g.Blobs > 0 {
		say("%s (%s) %s older garbage, which regsweep gc removes", english.Plural(int(g.Blobs), "blob", ""), size(g.Bytes), english.PluralWord(int(g.Blobs), "is", "are"))
	}
	if slices.ContainsFunc(rep.Problems, func(p walker.Problem) bool { return p.Cure != "" }) {
		say("the problems that name a cure go away with it")
	}
	j.nextTrash(rep, say)
	if c := j.place.Config.Cache; c != "" && !rep.DryRun && rep.Removed.Blobs > 0 {
		say("restart the registry, or flush its cache of blob descriptors (%s)", c)
	}
	return next
}

// untagged is how many manifests no tag names.
func (j *job) untagged() int { return j.plan.Look().Totals.Untagged }
