package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark"

	"github.com/regsweep/regsweep/mark/retention"
)

// namedGoing is how many of what goes from a repository are named without -v.
const namedGoing = 20

// writeDecisions names what goes, with its age, rule and reasons: some of each
// repository, or with -v all, and what stays in repositories that a rule applies to.
func (j *job) writeDecisions(w io.Writer, executed bool) {
	p, ink := j.prune, j.ink(j.common, w)
	goes := ink.Red("remove")
	if executed {
		goes = ink.Red("removed")
	}
	line := func(d *retention.Decision) {
		action := goes
		if d.Keep {
			action = ink.Green("keep") + "  "
		}
		fmt.Fprintf(w, "%s %s\n", action, term.Harmless(decisionName(d)+": "+j.decisionText(d)))
	}
	written := 0
	if p.all {
		for i := range p.decisions {
			if d := &p.decisions[i]; !d.Keep || d.Rule != "" {
				line(d)
				written++
			}
		}
	} else {
		for i := range p.repositories {
			r := &p.repositories[i]
			named := min(namedGoing, len(r.going))
			for d := range named {
				line(&r.going[d])
				written++
			}
			if more := r.goes - named; more > 0 {
				fmt.Fprintf(w, "%s %s\n", goes, term.Harmless(fmt.Sprintf("%s: %s more, which -v names", r.name, term.Comma(more))))
			}
		}
	}
	if written > 0 {
		fmt.Fprintln(w)
	}
}

// decisionText is why something is kept or removed, which rule decides that, and
// when it was pushed or created.
func (j *job) decisionText(d *retention.Decision) string {
	var details []string
	if d.Rule != "" {
		details = append(details, ruleText(d))
	}
	if !d.Time.IsZero() {
		verb := "pushed"
		if d.Created {
			verb = "created"
		}
		details = append(details, fmt.Sprintf("%s %s, %s", verb, d.Time.UTC().Format("2006-01-02 15:04"), agoText(j.rules.Now.Sub(d.Time))))
	}
	text := strings.Join(d.Reasons, "; ")
	if len(details) > 0 {
		text += " (" + strings.Join(details, "; ") + ")"
	}
	return text
}

// ruleText names a rule and, of several entries, the one that matches.
func ruleText(d *retention.Decision) string {
	text := d.Rule
	if !strings.HasPrefix(text, "rule ") {
		text = "rule " + text
	}
	if d.Entry > 1 {
		text += fmt.Sprintf(", entry %d", d.Entry)
	}
	return text
}

// agoText is an age for people.
func agoText(age time.Duration) string {
	unit := 24 * time.Hour
	switch {
	case age < 0:
		return "in the future"
	case age < time.Minute:
		return "just now"
	case age < time.Hour:
		unit = time.Minute
	case age < 48*time.Hour:
		unit = time.Hour
	}
	return retention.LengthText(age.Truncate(unit)) + " ago"
}

// sameOrder makes sure that no decision is taken for another one's.
func sameOrder(r *mark.Judged, decisions []retention.Decision) error {
	same := len(decisions) == len(r.Tags)+len(r.Untagged)
	for i := 0; same && i < len(decisions); i++ {
		if d := &decisions[i]; i < len(r.Tags) {
			same = d.Tag == r.Tags[i].Name
		} else {
			same = d.Tag == "" && d.Digest == r.Untagged[i-len(r.Tags)].Digest
		}
	}
	if !same {
		return fmt.Errorf("the decisions about %q are not about what is in it: this is a fault of regsweep", r.Repository)
	}
	return nil
}

// decisionName is NAME:TAG, or NAME@DIGEST of an untagged manifest.
func decisionName(d *retention.Decision) string {
	if d.Tag == "" {
		return d.Repository + "@" + d.Digest.String()
	}
	return d.Repository + ":" + d.Tag
}
