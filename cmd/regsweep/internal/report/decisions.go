package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark/retention"
)

// FewRemoved is how many of what is removed from a repository are named without -v.
const FewRemoved = 20

// writeDecisions names what is removed, with its age, rule and reasons: some of each
// repository, or with -v all, and what is kept in repositories that a rule applies to.
func (run *Run) writeDecisions(w *Screen) {
	p := run.Policy
	remove := w.Ink.Red("remove")
	if run.Executed {
		remove = w.Ink.Red("removed")
	}
	line := func(d *retention.Decision) {
		action := remove
		if d.Keep {
			action = w.Ink.Green("keep") + "  "
		}
		fmt.Fprintf(w, "%s %s\n", action, term.Harmless(DecisionName(d)+": "+run.decisionText(d)))
	}
	written := 0
	if p.All {
		for i := range p.Decisions {
			if d := &p.Decisions[i]; !d.Keep || d.Rule != "" {
				line(d)
				written++
			}
		}
	} else {
		for i := range p.Repositories {
			r := &p.Repositories[i]
			named := min(FewRemoved, len(r.Removed))
			for d := range named {
				line(&r.Removed[d])
				written++
			}
			if more := r.RemovedCount - named; more > 0 {
				fmt.Fprintf(w, "%s %s\n", remove, term.Harmless(fmt.Sprintf("%s: %s more, which -v lists", r.Name, term.Comma(more))))
			}
		}
	}
	if written > 0 {
		fmt.Fprintln(w)
	}
}

// decisionText is why something is kept or removed, which rule decides that, and
// when it was pushed or created.
func (run *Run) decisionText(d *retention.Decision) string {
	var details []string
	if d.Rule != "" {
		details = append(details, ruleText(d))
	}
	if !d.Time.IsZero() {
		verb := "pushed"
		if d.Created {
			verb = "created"
		}
		details = append(details, fmt.Sprintf("%s %s, %s", verb, d.Time.UTC().Format("2006-01-02 15:04"), agoText(run.Now.Sub(d.Time))))
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

// DecisionName is NAME:TAG, or NAME@DIGEST of an untagged manifest.
func DecisionName(d *retention.Decision) string {
	if d.Tag == "" {
		return d.Repository + "@" + d.Digest.String()
	}
	return d.Repository + ":" + d.Tag
}
