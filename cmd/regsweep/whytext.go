package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/mark"
)

// outcome puts what becomes of a thing into words. before are what kept it by
// the rules of plain gc.
func (r *reading) outcome(e *explained, fate *mark.Fate, before []mark.Keeper) outcome {
	switch {
	case fate.Removed && e.Tag != "" && len(before) > 0:
		return outcome{removed: true, reason: "the image that it refers to is removed"}
	case fate.Removed && e.Tag != "":
		return outcome{removed: true, reason: "the image that it names is gone"}
	case fate.Removed && len(before) > 0:
		return outcome{removed: true, reason: "no tag leads to it: " + r.keeperText(&before[0], e)}
	case fate.Removed:
		return outcome{removed: true, reason: "nothing needs it"}
	case len(fate.Keepers) == 0 && !e.Here:
		return outcome{reason: "its blob is not in the store, and there is no link to remove"}
	case len(fate.Keepers) == 0:
		return outcome{reason: "it is needed"}
	}
	text, more := r.keeperText(&fate.Keepers[0], e), len(fate.Keepers)-1
	if lock := lockText(fate.Keepers[1:]); lock != "" {
		text += "; " + lock
		more--
	}
	return outcome{reason: text + andMore(more), at: fate.At}
}

// lockText names the line of a list that keeps a thing as well, or is "".
func lockText(others []mark.Keeper) string {
	for i := range others {
		if others[i].Kind == mark.KeptProtected {
			return protectedText(&others[i])
		}
	}
	return ""
}

func andMore(n int) string {
	if n < 1 {
		return ""
	}
	return ", and " + english.Plural(n, "other reason", "")
}

// keeperText says how something is kept.
func (r *reading) keeperText(k *mark.Keeper, e *explained) string {
	image := k.Repository + "@" + k.Digest.String()
	leads := "leads to it"
	if len(k.Path) <= 2 {
		leads = "names it"
	}
	self := k.Tag == "" && k.Digest == e.Digest
	switch k.Kind {
	case mark.KeptByTag:
		return fmt.Sprintf("the tag %s:%s, set %s, %s", k.Repository, k.Tag, r.ago(k.Written), leads)
	case mark.KeptByManifest:
		if self {
			return fmt.Sprintf("it is an image of %s without a tag, pushed %s", k.Repository, r.ago(k.Written))
		}
		return fmt.Sprintf("%s, pushed %s, has no tag and leads to it", image, r.ago(k.Written))
	case mark.KeptByImage:
		return fmt.Sprintf("it is a tag, set %s, of an image that is there", r.ago(k.Written))
	case mark.KeptProtected:
		return protectedText(k)
	case mark.KeptBroken:
		return fmt.Sprintf("the repository %q cannot be read in full and may need it", k.Repository)
	case mark.KeptBySymlink:
		return "it is behind a symbolic link, where nothing is removed"
	case mark.KeptDamaged:
		return fmt.Sprintf("a damaged link or tag of %s leads to it", k.Repository)
	case mark.KeptInCircle:
		return fmt.Sprintf("the tag %s:%s refers to an image that it leads to itself", k.Repository, k.Tag)
	case mark.KeptLate:
		return "it was written while regsweep read the store"
	}
	return "recent: " + r.recentText(k, self, image)
}

// protectedText names the line that protects a thing.
func protectedText(k *mark.Keeper) string {
	if k.By == nil {
		return "it is protected"
	}
	return "it is protected by " + k.By.Words()
}

func (r *reading) recentText(k *mark.Keeper, self bool, image string) string {
	written := r.ago(k.Written)
	switch k.Kind {
	case mark.KeptRecentTag:
		return fmt.Sprintf("a tag of %s was set %s", k.Repository, written)
	case mark.KeptRecentUpload:
		if self {
			return "it was pushed " + written
		}
		return fmt.Sprintf("%s was pushed %s", image, written)
	case mark.KeptRecentLink:
		return fmt.Sprintf("a link to it in %s was written %s", k.Repository, written)
	}
	return "it was written " + written
}

// ago is how long a time is past.
func (r *reading) ago(t time.Time) string { return humanize.RelTime(t, r.rules.Now, "ago", "from now") }

// whyAnswer is the answer about one thing, as in docs/formats.md.
type whyAnswer struct {
	Name        string     `json:"name,omitempty"`
	Digest      string     `json:"digest"`
	Live        bool       `json:"live"`
	Paths       [][]string `json:"paths"`
	RecentUntil *string    `json:"freshUntil,omitempty"`
	Broken      []string   `json:"brokenRepositories,omitempty"`
	Verdict     whyVerdict `json:"verdict"`
}

type whyVerdict struct {
	GC       whyOutcome  `json:"gc"`
	Untagged whyOutcome  `json:"gcDeleteUntagged"`
	Policy   *whyOutcome `json:"policy"`
}

type whyOutcome struct {
	Action string  `json:"action"`
	Reason string  `json:"reason"`
	At     *string `json:"at"`
}

func (o *outcome) json() whyOutcome {
	out := whyOutcome{Action: "keep", Reason: term.Valid(o.reason)}
	if o.removed {
		out.Action = "remove"
	}
	if !o.at.IsZero() {
		out.At = timeText(o.at.UnixNano())
	}
	return out
}

// answersJSON are the answers: one object for one name.
func (r *reading) answersJSON(o *whyOptions, list []explained, several bool) any {
	answers := make([]whyAnswer, len(list))
	for i := range list {
		answers[i] = r.answerJSON(o, &list[i])
	}
	if !several {
		return answers[0]
	}
	return struct {
		Answers []whyAnswer `json:"answers"`
	}{answers}
}

func (r *reading) answerJSON(o *whyOptions, e *explained) whyAnswer {
	out := whyAnswer{Digest: e.Digest.String(), Live: e.Live, Paths: [][]string{}}
	if e.Repository != "" {
		out.Name = term.Valid(e.text)
	}
	for _, path := range pathsOf(o, e) {
		escaped := slices.Clone(path)
		for i := range escaped {
			escaped[i] = term.Valid(escaped[i])
		}
		out.Paths = append(out.Paths, escaped)
	}
	for _, name := range e.Broken {
		out.Broken = append(out.Broken, term.Valid(name))
	}
	if e.Until.After(r.rules.Now) {
		out.RecentUntil = timeText(e.Until.UnixNano())
	}
	out.Verdict = whyVerdict{GC: e.gc.json(), Untagged: e.untagged.json()}
	if e.policy != nil {
		policy := e.policy.json()
		out.Verdict.Policy = &policy
	}
	return out
}

// pathsOf are the nearest ways to a thing, one a repository, or with --all one
// from everything that keeps it.
func pathsOf(o *whyOptions, e *explained) [][]string {
	if !o.all {
		return e.Paths
	}
	return e.all
}

// writeAnswers writes the answers for people.
func (r *reading) writeAnswers(o *whyOptions, list []explained, several bool) error {
	if o.quiet {
		return nil
	}
	ink := r.ink(r.common, r.out)
	var text strings.Builder
	for i := range list {
		e := &list[i]
		if i > 0 {
			text.WriteString("\n")
		}
		if several {
			fmt.Fprintf(&text, "%s\n\n", ink.Bold(term.Harmless(e.text)))
		}
		r.writeAnswer(&text, ink, o, e)
	}
	_, err := r.out.Write([]byte(text.String()))
	return err
}

func (r *reading) writeAnswer(text *strings.Builder, ink term.Ink, o *whyOptions, e *explained) {
	say := func(line string) {
		fmt.Fprintln(text, term.Harmless(line))
	}
	paths := pathsOf(o, e)
	for i, path := range paths {
		if i > 0 {
			fmt.Fprintln(text)
		}
		for depth, step := range path {
			fmt.Fprintln(text, strings.Repeat("  ", depth)+term.Harmless(step))
		}
	}
	if len(paths) > 0 {
		fmt.Fprintln(text)
	}
	for _, name := range e.Broken {
		say(fmt.Sprintf("%s is kept since the repository %q cannot be read in full and links it", e.Digest, name))
	}
	if len(paths) == 0 && len(e.Broken) == 0 {
		say(r.unneeded(e))
	}
	if len(paths) > 0 && !e.Here {
		say("its blob is not in the store: a client that pulls it gets an error")
	}
	r.writeVerdict(text, ink, "gc", &e.gc)
	r.writeVerdict(text, ink, "gc -m", &e.untagged)
	if e.policy != nil {
		r.writeVerdict(text, ink, "prune --policy "+o.policyFile, e.policy)
	}
}

// unneeded says of a thing to which no way leads what that means.
func (r *reading) unneeded(e *explained) string {
	switch until := e.Until.Format(time.RFC3339); {
	case e.Until.After(r.rules.Now):
		return fmt.Sprintf("nothing keeps %s but its age: gc keeps it until %s, and removes it after that", e.Digest, until)
	case e.Live:
		return fmt.Sprintf("%s is kept, though no manifest reaches it", e.Digest)
	case !e.Here:
		return fmt.Sprintf("nothing keeps %s, and its blob is not in the store: the next gc removes the links to it", e.Digest)
	}
	return fmt.Sprintf("nothing keeps %s: the next gc removes it", e.Digest)
}

// writeVerdict says of a command what it does, until when, and why.
func (r *reading) writeVerdict(text *strings.Builder, ink term.Ink, command string, o *outcome) {
	does, paint := "keeps it", ink.Green
	if o.removed {
		does, paint = "removes it", ink.Red
	}
	until := ""
	if !o.removed && !o.at.IsZero() {
		until = fmt.Sprintf(" until %s (%s)", o.at.UTC().Format(time.RFC3339), humanize.RelTime(o.at, r.rules.Now, "ago", "from now"))
	}
	line := term.Harmless(fmt.Sprintf("%s %s%s: %s", command, does, until, o.reason))
	fmt.Fprintln(text, strings.Replace(line, does, paint(does), 1))
}
