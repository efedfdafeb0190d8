package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/ocidir"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// exporting is a copy of images into an image layout.
type exporting struct {
	*program
	*common
	directory string
	tagNames  bool
	hardLink  bool

	blobs []ocidir.Blob
}

// exportedImage is an image that was copied, or would be.
type exportedImage struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
}

// exported is what export prints.
type exported struct {
	Schema    string          `json:"schema"`
	Root      string          `json:"root"`
	DryRun    bool            `json:"dryRun"`
	Directory string          `json:"directory"`
	Images    []exportedImage `json:"images"`
	// Referrers are the referrers and signatures of the images.
	Referrers       []exportedImage `json:"referrers"`
	CopiedBytes     int64           `json:"copiedBytes"`
	ReflinkedBytes  int64           `json:"reflinkedBytes"`
	HardLinkedBytes int64           `json:"hardLinkedBytes"`
	PresentBytes    int64           `json:"presentBytes"`
}

// run copies a parcel, or says what it would copy.
func (e *exporting) run(ctx context.Context, r *reading, parcel *mark.Parcel, dryRun bool) (*exported, error) {
	result := e.begin(r, parcel, dryRun)
	if dryRun {
		return result, e.estimate(ctx, result)
	}
	entries := e.entries(r.store, r.w, parcel)
	dir, err := ocidir.Open(e.files, e.directory)
	if err != nil {
		return nil, e.refusal(err)
	}
	defer dir.Close()
	count := new(ocidir.Copied)
	e.progress.Phase("copying", copying(count, e.blobs))
	err = dir.Add(ctx, r.dir, e.blobs, ocidir.Method{HardLink: e.hardLink, Jobs: e.jobs}, count)
	e.progress.Rest()
	if err == nil {
		err = dir.Commit(entries)
	}
	if err != nil {
		return nil, e.refusal(err)
	}
	result.CopiedBytes, result.ReflinkedBytes = count.Bytes.Load(), count.Reflinked.Load()
	result.HardLinkedBytes, result.PresentBytes = count.HardLinked.Load(), count.Present.Load()
	return result, nil
}

// begin is the result before anything has been copied.
func (e *exporting) begin(r *reading, parcel *mark.Parcel, dryRun bool) *exported {
	result := &exported{
		Schema: exportSchema, Root: term.Valid(r.place.Root), DryRun: dryRun, Directory: term.Valid(e.directory),
		Images: []exportedImage{}, Referrers: []exportedImage{},
	}
	if abs, err := filepath.Abs(e.directory); err == nil {
		result.Directory = term.Valid(abs)
	}
	for _, i := range parcel.Images() {
		one := exportedImage{term.Valid(i.Name()), i.Digest.String(), i.Bytes}
		if i.About {
			result.Referrers = append(result.Referrers, one)
		} else {
			result.Images = append(result.Images, one)
		}
	}
	e.blobs = nil
	parcel.EachBlob(func(b mark.ParcelBlob, size int64) {
		e.blobs = append(e.blobs, ocidir.Blob{Digest: b.Name, Path: layout.BlobDir(b.Stored) + "/" + layout.Data, Size: size})
	})
	return result
}

// entries are what index.json gets.
func (e *exporting) entries(store *mark.Store, w *walker.Walker, parcel *mark.Parcel) (list []ocidir.Entry) {
	sizes := map[layout.Digest]int64{}
	parcel.EachBlob(func(b mark.ParcelBlob, size int64) { sizes[b.Name] = size })
	for _, i := range parcel.Images() {
		d := store.Describe(w, i.Digest)
		one := ocidir.Entry{MediaType: d.MediaType, Digest: i.Digest, Size: sizes[i.Digest]}
		if i.About {
			one.ArtifactType = d.ArtifactType
		}
		if one.MediaType == "" {
			one.MediaType = "application/vnd.oci.image.manifest.v1+json"
		}
		switch {
		case i.Tag != "" && e.tagNames:
			one.Name = i.Tag
		case i.Tag != "":
			one.Name = i.Name()
		}
		list = append(list, one)
	}
	return list
}

// estimate finds what a copy would have to copy.
func (e *exporting) estimate(ctx context.Context, result *exported) error {
	dir, err := ocidir.Look(e.files, e.directory)
	if err != nil {
		return e.refusal(err)
	}
	if dir != nil {
		defer dir.Close()
	}
	for i := range e.blobs {
		there, err := dir.Has(ctx, e.blobs[i].Digest)
		switch {
		case err != nil:
			return e.refusal(err)
		case there:
			result.PresentBytes += e.blobs[i].Size
		case e.hardLink:
			result.HardLinkedBytes += e.blobs[i].Size
		default:
			result.CopiedBytes += e.blobs[i].Size
		}
	}
	return nil
}

// refusal says what becomes of a copy that failed.
func (e *exporting) refusal(err error) error {
	about := fmt.Errorf("export to %q: %w", e.directory, err)
	switch {
	case errors.As(err, new(*signalError)):
		return fmt.Errorf("%w; %q lists none of these images yet", err, e.directory)
	case errors.Is(err, ocidir.ErrNotLayout), errors.Is(err, syscall.ENOTDIR):
		return &layout.HintError{Err: about, Hint: "give a new directory, or one with a layout"}
	case errors.Is(err, ocidir.ErrBusy):
		return &layout.HintError{Err: about, Hint: "wait until it has ended"}
	case errors.Is(err, ocidir.ErrHardLink):
		return &layout.HintError{Err: about, Hint: "leave out --hard-link: a copy works on any filesystem"}
	case errors.Is(err, ocidir.ErrDigest):
		return &layout.HintError{Err: about, Hint: "index.json lists none of these images yet; what else is damaged", Command: []string{"check", "--read-data"}}
	case disk.IsNoSpace(err):
		return &layout.HintError{Err: about, Hint: "index.json lists none of these images yet; make space, and run it again: what has been copied is used"}
	}
	return &layout.HintError{Err: about, Hint: "index.json lists none of these images yet; run it again: what has been copied is used"}
}

// write writes the result for people.
func (e *exporting) write(x *exported) error {
	if e.quiet {
		return nil
	}
	var text strings.Builder
	t := term.Table{Columns: []term.Column{{Title: "IMAGE", Least: 20}, {Title: "DIGEST", Least: 19}, {Title: "SIZE", Right: true}}}
	all := append(append([]exportedImage{}, x.Images...), x.Referrers...)
	list := all
	if !e.verbose {
		list = all[:min(report.Shown, len(all))]
	}
	for i := range list {
		t.Add(term.Harmless(list[i].Name), list[i].Digest, term.Size(list[i].Bytes))
	}
	if err := t.Write(&text, term.Width(e.out)); err != nil {
		return err
	}
	if more := len(all) - len(list); more > 0 {
		fmt.Fprintf(&text, "and %s more, which -v lists\n", term.Comma(more))
	}
	if e.verbose {
		for i := range e.blobs {
			fmt.Fprintf(&text, "blob %s (%s)\n", e.blobs[i].Digest, term.Size(e.blobs[i].Size))
		}
	}
	fmt.Fprintln(&text, e.outcome(x))
	_, err := e.out.Write([]byte(text.String()))
	return err
}

// outcome is the last line.
func (e *exporting) outcome(x *exported) string {
	verb := "exported"
	if x.DryRun {
		verb = "would export"
	}
	line := fmt.Sprintf("%s %s", verb, term.Plural(len(x.Images), "image"))
	if n := len(x.Referrers); n > 0 {
		line += fmt.Sprintf(" with %s", term.Plural(n, "referrer"))
	}
	line += " to " + term.Harmless(x.Directory) + ": "
	var parts []string
	for _, part := range []struct {
		bytes int64
		how   string
	}{{x.CopiedBytes, "copied"}, {x.ReflinkedBytes, "sharing their blocks with the store"}, {x.HardLinkedBytes, "by second names"}, {x.PresentBytes, "there already"}} {
		if part.bytes > 0 {
			parts = append(parts, term.Size(part.bytes)+" "+part.how)
		}
	}
	if parts == nil {
		parts = []string{"nothing to copy"}
	}
	return line + strings.Join(parts, ", ")
}

// copying is the phase in which blobs are copied.
func copying(c *ocidir.Copied, blobs []ocidir.Blob) func() term.Amounts {
	total := int64(0)
	for i := range blobs {
		total += blobs[i].Size
	}
	return func() term.Amounts {
		done := c.Bytes.Load() + c.Reflinked.Load() + c.HardLinked.Load() + c.Present.Load()
		return term.Amounts{Text: fmt.Sprintf("%s of %s", term.Size(done), term.Size(total)), Done: done, Total: total}
	}
}

// exportSchema names the version of the JSON of export.
const exportSchema = "regsweep/export/v1"
