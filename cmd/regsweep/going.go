package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
)

// roleNames say in the table why a manifest goes.
var roleNames = map[mark.Role]string{
	mark.Named: "named", mark.Child: "part of an index", mark.Referrer: "referrer", mark.Signature: "signature",
}

// writeGoing says what a removal by name takes away, with all that goes along.
func (j *job) writeGoing(w io.Writer, rep *sweep.Report, executed bool) {
	if j.applied != nil {
		j.writeApplied(w, rep, executed)
		return
	}
	away := j.rules.Away
	if away == nil {
		return
	}
	if j.prune != nil {
		j.writePruned(w, rep, executed)
		return
	}
	verb, frees := "goes", "frees now"
	if executed {
		verb, frees = "went", "freed"
	}
	if j.trash {
		frees = verb + " to the trash"
	}
	list := away.Going()
	fmt.Fprintf(w, "what %s\n", verb)
	t := term.Table{Columns: make([]term.Column, 3)}
	for i := range list {
		g := &list[i]
		if away.TagsOnly {
			for _, tag := range g.Tags {
				t.Add("  tag "+term.Harmless(g.Repository+":"+tag), g.Digest.String(), "")
			}
			continue
		}
		t.Add("  "+term.Harmless(goingName(g)), roleNames[g.Role], term.Harmless(goingTags(g)))
	}
	ink := j.ink(j.common, w)
	t.Paint = func(_ int, line string) string { return ink.Red(line) }
	t.ShortenDigests(term.Width(w))
	if err := t.Write(w, 0); err != nil { // a tag that goes is never hidden
		return
	}
	j.writeOtherNames(w, list)
	if away.TagsOnly {
		fmt.Fprint(w, "no image is removed, since their manifests stay\n\n")
		return
	}
	for _, name := range away.Repositories() {
		fmt.Fprintf(w, "  all of the repository %s, uploads included; not those below it\n", term.Harmless(name))
	}
	fmt.Fprint(w, freedText(frees, rep), "\n\n")
}

// writeOtherNames says by which other names a registry serves what goes: they go
// with it.
func (j *job) writeOtherNames(w io.Writer, list []mark.Going) {
	for i := range list {
		g := &list[i]
		for _, name := range j.w.Shares().OtherNames(g.Repository) {
			other := *g
			other.Repository = name
			names := []string{goingName(&other)}
			if j.rules.Away.TagsOnly || g.Digest.IsZero() {
				names = nil
			}
			for _, tag := range g.Tags {
				names = append(names, name+":"+tag)
			}
			fmt.Fprintf(w, "  the same by another name: %s\n", term.Harmless(strings.Join(names, ", ")))
		}
	}
	for _, repository := range j.rules.Away.Repositories() {
		for _, name := range j.w.Shares().OtherNames(repository) {
			fmt.Fprintf(w, "  the repository %s is also %s\n", term.Harmless(repository), term.Harmless(name))
		}
	}
}

// warnOtherNames names the repositories that lose images or tags by more than
// one name.
func (j *job) warnOtherNames(look *mark.Look) {
	said := map[string]bool{}
	for i := range look.Items {
		item := &look.Items[i]
		if item.Kind != mark.Tag && item.Kind != mark.Manifest {
			continue
		}
		repository := look.RepositoryOf(item)
		if said[repository] {
			continue
		}
		said[repository] = true
		if names := j.w.Shares().OtherNames(repository); len(names) > 0 {
			j.voice.Warn("%s is another name of %s: what is removed from one is removed from the other", term.Harmless(strings.Join(names, ", ")), term.Harmless(repository))
		}
	}
}

func goingName(g *mark.Going) string {
	if g.Digest.IsZero() {
		return g.Repository
	}
	return g.Repository + "@" + g.Digest.String()
}

// goingTags names the tags that go, those first that were named.
func goingTags(g *mark.Going) string {
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
