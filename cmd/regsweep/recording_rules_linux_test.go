package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
)

// judge holds what a command shows to the rules for all of them: the terminal's
// width, what colours mean, the outcome in the last line, and that what is to be
// done is not said to be done.
func (r *recording) judge(t *testing.T, command, shown string, status int) {
	t.Helper()
	judgeWidth(t, command, shown, int(r.width))
	if r.environ != nil {
		if strings.Contains(shown, "\x1b") {
			t.Errorf("regsweep %s: colours where NO_COLOR forbids them: %q", command, shown)
		}
	} else {
		judgeColours(t, command, shown)
	}
	judgeTense(t, command, escapeCode.ReplaceAllString(shown, ""))
	if status == statusDone || status == statusProblems {
		judgeOutcome(t, command, escapeCode.ReplaceAllString(shown, ""))
	}
}

// judgeWidth allows a line that is wider than the terminal only if it is a command,
// which is not broken, or one word.
func judgeWidth(t *testing.T, command, shown string, width int) {
	t.Helper()
	for line := range strings.Lines(shown) {
		plain := strings.TrimSpace(escapeCode.ReplaceAllString(line, ""))
		prose, pasted := term.CutCommand(plain)
		if n := term.ColumnsOf(strings.TrimRight(line, "\n")); n > width && plain != pasted && strings.Contains(plain, " ") {
			t.Errorf("regsweep %s: %d columns on a terminal of %d: %s", command, n, width, plain)
		}
		if prose != "" && pasted != "" {
			t.Errorf("regsweep %s: a command does not stand on a line of its own: %s", command, plain)
		}
	}
}

// What red and green stand for.
var (
	redMeans   = regexp.MustCompile(`^(removed?$|removes it$|would be removed|removed {2}|error| {2})`)
	greenMeans = regexp.MustCompile(`^(keeps? ?|keeps it$|live {2}|kept {2}|ok)`)
	// goesText and staysText are what must not stand without its colour.
	goesText  = regexp.MustCompile(`(?m)^(removed? \S+[:@]\S+: |would be removed: |removed: |(would be )?removed  +[1-9]|gc removes it|gc -m removes it|  tag \S+  sha256:)`)
	staysText = regexp.MustCompile(`(?m)^(keep |live  |kept  |gc keeps it|gc -m keeps it|ok  )`)
	colour    = regexp.MustCompile("\x1b\\[(31|32)m([^\x1b]*)\x1b\\[0m")
)

// judgeColours wants red for what goes and for nothing else but errors, and green
// for what stays, in all commands.
func judgeColours(t *testing.T, command, shown string) {
	t.Helper()
	for _, found := range colour.FindAllStringSubmatch(shown, -1) {
		means := greenMeans
		if found[1] == "31" {
			means = redMeans
		}
		if !means.MatchString(found[2]) {
			t.Errorf("regsweep %s: colour %s for %q", command, found[1], found[2])
		}
	}
	// Without what is coloured, nothing is left of it.
	bare := escapeCode.ReplaceAllString(colour.ReplaceAllString(shown, "\x1b[1m#\x1b[0m"), "")
	for _, text := range []*regexp.Regexp{goesText, staysText} {
		if found := text.FindString(bare); found != "" {
			t.Errorf("regsweep %s: no colour for %q in\n%s", command, found, shown)
		}
	}
}

var (
	isDone = regexp.MustCompile(`\bfreed\b|^removed|after the run|(?m)^what was removed$|can no longer be|brought back:|^put back:|has no tag now`)
	isToDo = regexp.MustCompile(`would be|would free|would also be|would name|to remove this`)
	asks   = regexp.MustCompile(`(?m)^.*\? \[y/N\] .*$`)
	dry    = regexp.MustCompile(`(^| )-(-dry-run|[dmv]*d[mv]*)( |$)`)
	doesIt = regexp.MustCompile(`^(gc|rm|untag|prune|apply|trash restore|trash empty|undelete|tag)\b`)
)

// judgeTense wants each figure and name with the moment that it is of: before the
// answer and in a dry run nothing is done, and after a run nothing is to be.
func judgeTense(t *testing.T, command, plain string) {
	t.Helper()
	before, after := plain, ""
	switch at := asks.FindStringIndex(plain); {
	case at != nil:
		before, after = plain[:at[0]], plain[at[1]:]
	case !dry.MatchString(command):
		before, after = "", plain
	}
	for line := range strings.Lines(before) {
		if found := isDone.FindString(line); found != "" && !strings.Contains(line, "would be brought back") && !strings.Contains(line, "would be put back") {
			t.Errorf("regsweep %s: %q before anything is done: %s", command, found, line)
		}
	}
	if doesIt.MatchString(command) && !strings.Contains(after, "regsweep: ") {
		if found := isToDo.FindString(after); found != "" {
			t.Errorf("regsweep %s: %q after the run:\n%s", command, found, after)
		}
	}
	for line := range strings.Lines(plain) {
		if strings.HasPrefix(line, "free space") && !regexp.MustCompile(`: \S+ \S+ before, (about )?\S+ \S+ after$`).MatchString(strings.TrimSpace(line)) {
			t.Errorf("regsweep %s: figures without their moment: %s", command, line)
		}
	}
}

// outcomes are the last lines of the commands that do something.
var outcomes = []struct{ command, last *regexp.Regexp }{
	{regexp.MustCompile(`^(gc|rm|untag|prune|apply)\b`), regexp.MustCompile(`^(freed .* in .*; .* left|moved .* to the trash in .*; .* left|would (free|move) .*; .* would be left|nothing to remove; .* left|.*: nothing has been removed)$`)},
	{regexp.MustCompile(`^check\b`), regexp.MustCompile(`^(no problems|\d+ problems?.*); checked in \S+$`)},
	{regexp.MustCompile(`^doctor\b`), regexp.MustCompile(`^(no errors|\d+ errors?), \d+ warnings?$`)},
	{regexp.MustCompile(`^trash restore\b`), regexp.MustCompile(`^((would be )?put back: .*\)|.*: nothing has been put back)$`)},
	{regexp.MustCompile(`^trash empty\b`), regexp.MustCompile(`^((would be )?removed for good: .*\)|.*: nothing has been removed|no run in the trash is to be removed)$`)},
	{regexp.MustCompile(`^undelete \S`), regexp.MustCompile(`^((would be )?brought back: .*\)|.*nothing has been changed|.*nothing to do)$`)},
	{regexp.MustCompile(`^repair\b`), regexp.MustCompile(`^((would repair|repaired) .*; .* left|nothing was repaired; .* left|nothing to repair|.*: nothing has been changed)$`)},
	{regexp.MustCompile(`^export\b`), regexp.MustCompile(`(exported|would export) .*|copied$`)},
	{regexp.MustCompile(`^protect (add|rm)\b`), regexp.MustCompile(`\S`)},
	{regexp.MustCompile(`^why\b`), regexp.MustCompile(`\S`)},
}

// quiet are commands that were told to say nothing if all is well.
var quiet = regexp.MustCompile(`^(gc|rm|untag|prune|apply|check|protect add|protect rm|trash empty|trash restore|undelete \S*@|tag|export)\b.* -q\b`)

// judgeOutcome wants what came of a command in its last line.
func judgeOutcome(t *testing.T, command, plain string) {
	t.Helper()
	if quiet.MatchString(command) {
		if strings.TrimSpace(plain) != "" {
			t.Errorf("regsweep %s: it says %q", command, plain)
		}
		return
	}
	lines := strings.Split(strings.TrimSpace(plain), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	for _, o := range outcomes {
		if o.command.MatchString(command) && !o.last.MatchString(last) {
			t.Errorf("regsweep %s: the last line is %q", command, last)
		}
	}
}
