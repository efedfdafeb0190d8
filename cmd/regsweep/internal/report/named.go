package report

import (
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark"
)

// roleNames say in the table why a manifest is removed.
var roleNames = map[mark.Role]string{
	mark.Named: "named", mark.Child: "part of an index", mark.Referrer: "referrer", mark.Signature: "signature",
}

// writeRemoved says what a run removes that was told what to, with all that is removed
// along.
func (run *Run) writeRemoved(w *Screen) {
	if run.Applied != nil {
		run.writeApplied(w)
		return
	}
	if run.Policy != nil {
		run.writePruned(w)
		return
	}
	named := run.Named
	if named == nil {
		return
	}
	title, frees := "what would be removed", "frees now"
	if run.Executed {
		title, frees = "what was removed", "freed"
	}
	if run.Trash {
		frees = term.Either(run.Executed, "moved to the trash", "moves to the trash")
	}
	fmt.Fprintln(w, title)
	t := term.Table{Columns: make([]term.Column, 3)}
	for i := range named.Images {
		g := &named.Images[i]
		if named.TagsOnly {
			for _, tag := range g.Tags {
				t.Add("  tag "+term.Harmless(g.Repository+":"+tag), g.Digest.String(), "")
			}
			continue
		}
		t.Add("  "+term.Harmless(ImageName(g)), roleNames[g.Role], term.Harmless(tagsText(g)))
	}
	t.Paint = func(_ int, line string) string { return w.Ink.Red(line) }
	t.ShortenDigests(term.Width(w.Writer))
	if err := t.Write(w.Writer, 0); err != nil { // a removed tag is never hidden
		return
	}
	run.Named.writeOtherNames(w)
	if named.TagsOnly {
		fmt.Fprint(w, "no image is removed, since the manifests are kept\n\n")
		return
	}
	for _, name := range named.Repositories {
		fmt.Fprintf(w, "  the whole repository %s, including uploads, but not the repositories below it\n", term.Harmless(name))
	}
	fmt.Fprint(w, run.freedText(frees), "\n\n")
}

// writeOtherNames says by which other names a registry serves what is removed: they
// are removed with it.
func (named *Named) writeOtherNames(w *Screen) {
	for i := range named.Images {
		g := &named.Images[i]
		for _, name := range named.OtherNames[g.Repository] {
			other := *g
			other.Repository = name
			names := []string{ImageName(&other)}
			if named.TagsOnly || g.Digest.IsZero() {
				names = nil
			}
			for _, tag := range g.Tags {
				names = append(names, name+":"+tag)
			}
			fmt.Fprintf(w, "  the same by another name: %s\n", term.Harmless(strings.Join(names, ", ")))
		}
	}
	for _, repository := range named.Repositories {
		for _, name := range named.OtherNames[repository] {
			fmt.Fprintf(w, "  the repository %s is also %s\n", term.Harmless(repository), term.Harmless(name))
		}
	}
}

// ImageName is NAME@DIGEST of a removed image, or the name of a whole repository.
func ImageName(g *mark.SelectedImage) string {
	if g.Digest.IsZero() {
		return g.Repository
	}
	return g.Repository + "@" + g.Digest.String()
}

// tagsText names the tags that are removed, those first that were named.
func tagsText(g *mark.SelectedImage) string {
	if len(g.Tags) == 0 {
		return "no tag"
	}
	text := "tags " + strings.Join(g.Tags, ", ")
	if len(g.Tags) == 1 {
		text = "tag " + g.Tags[0]
	}
	if len(g.Unnamed) > 0 && g.Role == mark.Named && len(g.Unnamed) < len(g.Tags) {
		text += "; not named: " + strings.Join(g.Unnamed, ", ")
	}
	return text
}
