package report

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
)

// Question asks about a plan, with its figures: "remove 2 tags and 4 manifests, 3.0 MiB?".
func (run *Run) Question() string {
	r := &run.Removed
	var what counts
	what.add(r.Repositories, "repository")
	what.add(r.Tags, "tag")
	what.add(r.Manifests, "manifest")
	what.add(r.Uploads, "upload")
	if r.Manifests == 0 && r.Blobs > 0 {
		// Of manifests the blobs are a part.
		what = append(what, blobsText(r.Blobs))
	}
	if len(what) == 0 {
		what.add(r.LayerLinks, "layer link")
		if r.TagHistory > 0 {
			what = append(what, english.Plural(r.TagHistory, "entry of a tag's history", "entries of tags' histories"))
		}
	}
	if len(what) == 0 {
		what = counts{"leftovers"}
	}
	text := "remove " + english.WordSeries(what, "and")
	if run.Trash {
		text = "move " + english.WordSeries(what, "and") + " to the trash"
	}
	if bytes := r.Bytes + r.UploadBytes; bytes > 0 {
		text += ", " + term.Size(bytes)
	}
	return strings.TrimSpace(text) + "?"
}

// writeEnded says how many images that were deleted before can never be brought
// back once the plan is carried out.
func (run *Run) writeEnded(w *Screen) {
	n := run.EndedImages
	if n == 0 || run.Trash {
		return
	}
	if run.Executed {
		fmt.Fprintf(w, "%s can no longer be brought back; next time --keep-deleted 14d keeps what was deleted in the last 14 days, and this lists it: %s\n", english.Plural(n, "deleted image", ""), run.Where.Command("undelete"))
		return
	}
	fmt.Fprintf(w, "%s could not be brought back after this; to see and bring back what was deleted: %s\n", english.Plural(n, "deleted image", ""), run.Where.Command("undelete"))
}
