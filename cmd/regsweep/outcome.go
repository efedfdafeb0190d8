package main

import (
	"fmt"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/sweep"
)

// outcome is the last line of a report: what came of the run, and what is left
// on the disk.
func (j *job) outcome(rep *sweep.Report, executed bool) string {
	left := term.Size(rep.Live.DiskBytes + rep.Failed.DiskBytes)
	took := seconds(rep.ElapsedSeconds)
	var text string
	switch {
	case j.refusal != nil:
		return fmt.Sprintf("refused, and nothing would be removed; %s left", left)
	case !executed && j.plan.Empty():
		return fmt.Sprintf("nothing to remove; %s left", left)
	case !executed && j.trash:
		text = fmt.Sprintf("would move %s to the trash, and free nothing yet; %s would be left", term.Size(rep.Removed.DiskBytes), left)
	case !executed:
		text = fmt.Sprintf("would free %s; %s would be left", term.Size(rep.Freed.DiskBytes), left)
	case rep.Trashed != "":
		text = fmt.Sprintf("moved %s to the trash in %s; %s left", term.Size(rep.Removed.DiskBytes), took, left)
	case rep.Freed.Inodes == 0:
		text = fmt.Sprintf("freed nothing in %s; %s left", took, left)
	default:
		text = fmt.Sprintf("freed %s in %s; %s left", term.Size(rep.Freed.DiskBytes), took, left)
	}
	if n := rep.Failed.Items; n > 0 {
		text += fmt.Sprintf("; %s not removed", english.Plural(n, "item was", "items were"))
	}
	return text
}
