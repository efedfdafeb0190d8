package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/walker"

	"github.com/dustin/go-humanize"
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

// seconds is a time that something took, for people.
func seconds(s float64) time.Duration {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// verdictOf is the status of a run that did what it was to do.
func verdictOf(rep *sweep.Report) int {
	if slices.ContainsFunc(rep.Problems, isSerious) {
		return statusProblems
	}
	return statusDone
}

// freedText says what a removal by name or policy frees, and what others share.
func freedText(frees string, rep *sweep.Report) string {
	text := fmt.Sprintf("%s: %s in %s", frees, term.Size(rep.Removed.Bytes), blobsText(rep.Removed.Blobs))
	if s := rep.Shared; s.Blobs > 0 {
		text += fmt.Sprintf("; %s in %s %s, since others share %s", term.Size(s.Bytes), blobsText(s.Blobs),
			english.PluralWord(int(s.Blobs), "stays", "stay"), english.PluralWord(int(s.Blobs), "it", "them"))
	}
	return text
}

func blobsText(n int64) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), "blob", "")
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
	return term.HarmlessJSON(text.Bytes()), nil
}

// validProblems makes valid what JSON is to have of problems.
func validProblems(list []walker.Problem) {
	for i := range list {
		p := &list[i]
		for _, text := range []*string{&p.Path, &p.Detail, &p.Cure, &p.LastResort} {
			*text = term.Valid(*text)
		}
		p.Breaks, p.Loses = validAll(p.Breaks), validAll(p.Loses)
	}
}

func validAll(list []string) []string {
	if list == nil {
		return nil
	}
	all := make([]string, len(list))
	for i, text := range list {
		all[i] = term.Valid(text)
	}
	return all
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

// shown is how many repositories and problems a table has.
const shown = 20

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
