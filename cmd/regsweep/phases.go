package main

import (
	"fmt"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// readingBlobs and readingRepositories are the phases of every walk.
func readingBlobs(w *walker.Progress) func() term.Amounts {
	return func() term.Amounts {
		return term.Amounts{
			Text: fmt.Sprintf("%s blobs, %s", humanize.Comma(w.Blobs.Load()), term.Size(w.BlobBytes.Load())),
			Done: w.Prefixes.Load(), Total: w.PrefixesFound.Load(),
		}
	}
}

func readingRepositories(w *walker.Progress) func() term.Amounts {
	return func() term.Amounts {
		links := w.Links.Load()
		return term.Amounts{
			Text:  fmt.Sprintf("%s done, %s links and manifests", humanize.Comma(w.Repositories.Load()), humanize.Comma(links)),
			Count: links, Unit: "links",
		}
	}
}

// removing is the phase of a plan's execution, which reads again twice.
func removing(plan *sweep.Plan, w *walker.Progress) func() term.Amounts {
	p, reading := plan.Progress(), readingRepositories(w)
	return func() term.Amounts {
		items := int64(plan.Size())
		a := term.Amounts{Done: p.Steps.Load(), Total: p.AllSteps.Load()}
		switch p.Stage() {
		case sweep.LookingAgain, sweep.LookingOnceMore:
			a.Text = "reading the repositories again: " + reading().Text
			return a
		case sweep.Waiting:
			a.Text = "waiting for pushes that are under way"
			return a
		}
		done := int64(0)
		if a.Total > 0 {
			done = min(a.Done*items/a.Total, items)
		}
		a.Text = fmt.Sprintf("%s of %s items, %s freed", humanize.Comma(done), humanize.Comma(items), term.Size(p.Bytes.Load()))
		return a
	}
}
