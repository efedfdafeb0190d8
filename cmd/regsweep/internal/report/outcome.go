package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
)

// outcome is the last line of a report: what came of the run, and what is left
// on the disk.
func (run *Run) outcome() string {
	left := term.Size(run.Live.DiskBytes + run.Failed.DiskBytes)
	took := seconds(run.ElapsedSeconds)
	var text string
	switch {
	case run.Refused:
		return fmt.Sprintf("refused, and nothing would be removed; %s left", left)
	case !run.Executed && run.Plan.Empty():
		return fmt.Sprintf("nothing to remove; %s left", left)
	case !run.Executed && run.Trash:
		text = fmt.Sprintf("would move %s to the trash, and free nothing yet; %s would be left", term.Size(run.Removed.DiskBytes), left)
	case !run.Executed:
		text = fmt.Sprintf("would free %s; %s would be left", term.Size(run.Freed.DiskBytes), left)
	case run.Trashed != "":
		text = fmt.Sprintf("moved %s to the trash in %s; %s left", term.Size(run.Removed.DiskBytes), took, left)
	case run.Freed.Inodes == 0:
		text = fmt.Sprintf("freed nothing in %s; %s left", took, left)
	default:
		text = fmt.Sprintf("freed %s in %s; %s left", term.Size(run.Freed.DiskBytes), took, left)
	}
	if n := run.Failed.Items; n > 0 {
		text += fmt.Sprintf("; %s not removed", english.Plural(n, "item was", "items were"))
	}
	return text
}

// seconds is a time that something took, for people.
func seconds(s float64) time.Duration {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// freedText says what a removal by name or policy frees, and what others share.
func (run *Run) freedText(frees string) string {
	text := fmt.Sprintf("%s: %s in %s", frees, term.Size(run.Removed.Bytes), blobsText(run.Removed.Blobs))
	if s := run.Shared; s.Blobs > 0 {
		text += fmt.Sprintf("; %s in %s %s, since others share %s", term.Size(s.Bytes), blobsText(s.Blobs),
			english.PluralWord(int(s.Blobs), "is kept", "are kept"), english.PluralWord(int(s.Blobs), "it", "them"))
	}
	return text
}

func blobsText(n int64) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), "blob", "")
}

// JSON is a result as one object, with nothing in it that acts on a terminal.
func JSON(result any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return nil, err
	}
	return term.HarmlessJSON(text.Bytes()), nil
}

// counts are numbers with the names of what is counted. A zero is left out.
type counts []string

func (c *counts) add(n int, what string) {
	if n > 0 {
		*c = append(*c, english.Plural(n, what, ""))
	}
}

func (c *counts) addUploads(n int, bytes int64) {
	if n > 0 {
		*c = append(*c, fmt.Sprintf("%s (%s)", english.Plural(n, "upload", ""), term.Size(bytes)))
	}
}

// Shown is how many repositories and problems a table has.
const Shown = 20
