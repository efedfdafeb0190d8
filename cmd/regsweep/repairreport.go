package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
)

// repairSchema names the version of the JSON of repair.
const repairSchema = "regsweep/repair/v1"

// repairedResult is the JSON of repair.
type repairedResult struct {
	Schema    string           `json:"schema"`
	Root      string           `json:"root"`
	DryRun    bool             `json:"dryRun"`
	Repaired  []repairedItem   `json:"repaired"`
	Healed    []string         `json:"healed"`
	NeedsPush []string         `json:"needsPush"`
	Trashed   string           `json:"trashed,omitempty"`
	Problems  []walker.Problem `json:"problems"`
}

// repairedItem is what was done about a finding, or would be.
type repairedItem struct {
	Kind   string `json:"kind"`
	Path   string `json:"path"`
	Digest string `json:"digest"`
	Action string `json:"action"`
	From   string `json:"from"`
	Reason string `json:"reason"`
}

// steps are all that was done, or would be, and what is left.
func (j *repairJob) steps() []*back.Step { return slices.Concat(j.done, j.would, j.left) }

// broken are the names that the findings of steps break.
func broken(steps []*back.Step, which func(*back.Step) bool) map[string]bool {
	names := map[string]bool{}
	for _, s := range steps {
		if which(s) {
			for _, name := range s.Finding.Breaks {
				names[name] = true
			}
		}
	}
	return names
}

func sortedNames(names map[string]bool) []string {
	list := []string{}
	for name := range names {
		list = append(list, term.Valid(name))
	}
	slices.Sort(list)
	return list
}

// needsPush are the images that have to be pushed again.
func (j *repairJob) needsPush() []string {
	return sortedNames(broken(slices.Concat(j.would, j.left), func(s *back.Step) bool { return s.Way == back.ByPush }))
}

// healed are the images that could not be pulled, and now can, or could.
func (j *repairJob) healed() []string {
	names := map[string]bool{}
	for i := range j.found {
		for _, name := range j.found[i].Breaks {
			names[name] = true
		}
	}
	for name := range broken(j.done, func(*back.Step) bool { return true }) {
		names[name] = true
	}
	still := broken(slices.Concat(j.would, j.left), func(s *back.Step) bool { return s.Do == back.DoLeave || s.Do == back.DoTrash })
	for name := range still {
		delete(names, name)
	}
	return sortedNames(names)
}

func (j *repairJob) result() *repairedResult {
	r := &repairedResult{
		Schema: repairSchema, Root: term.Valid(j.place.Root), DryRun: j.o.consent.dryRun, Repaired: []repairedItem{},
		Healed: j.healed(), NeedsPush: j.needsPush(), Trashed: j.trash.Name(), Problems: []walker.Problem{},
	}
	for _, s := range j.steps() {
		item := repairedItem{Kind: s.Finding.Kind, Path: term.Valid(s.Finding.Path), Action: string(s.Do), Reason: term.Valid(s.Reason)}
		if !s.Digest.IsZero() {
			item.Digest = s.Digest.String()
		}
		if s.From != nil && s.Do == back.DoCopy {
			item.From = term.Valid(s.From.Name)
		}
		r.Repaired = append(r.Repaired, item)
	}
	r.Problems = j.leftProblems()
	report.ValidProblems(r.Problems)
	return r
}

// leftProblems are the findings that are left, with what can be done about them.
func (j *repairJob) leftProblems() []walker.Problem {
	list, seen := []walker.Problem{}, map[string]bool{}
	for _, s := range j.left {
		name := nameOfProblem(&s.Finding)
		if seen[name] {
			continue
		}
		seen[name] = true
		p := s.Finding
		if args := j.next(s); args != nil {
			p.Cure = j.where.Command(args...)
		}
		list = append(list, p)
	}
	ward{Where: j.where, foreign: j.foreign, mirror: j.rules.PullThrough}.prescribe(list)
	return list
}

// next is the command that puts right what a repair has left, or nil. Which entry of
// a history a tag is to name somebody has to choose.
func (j *repairJob) next(s *back.Step) []string {
	switch {
	case j.foreign || s.Do != back.DoLeave:
	case s.Way == back.ByGC:
		return []string{"gc"}
	case s.Way == back.ByUndelete && !j.rules.PullThrough:
		return undeleteFor(s)
	}
	return nil
}

// tell writes to stdout what was done, or would be.
func (j *repairJob) tell(executed bool) error {
	result := j.result()
	j.fileResult(result)
	switch {
	case j.output == "json":
		return j.writeJSON(result)
	case j.quiet:
		return nil
	}
	_, err := fmt.Fprint(j.out, j.text(executed))
	return err
}

// text says what was done, or would be.
func (j *repairJob) text(executed bool) string {
	var text strings.Builder
	say := func(format string, args ...any) { fmt.Fprintln(&text, term.Harmless(fmt.Sprintf(format, args...))) }
	n := 0
	for _, s := range j.steps() {
		if n++; n > report.Shown && !j.verbose {
			continue
		}
		j.sayStep(s, executed, say)
	}
	if n > report.Shown && !j.verbose {
		say("and %s more, which -v lists", term.Comma(n-report.Shown))
	}
	if names := j.needsPush(); len(names) > 0 {
		say("push again: %s (%s)", report.SomeOf(names), report.PushClients)
	}
	j.sayLastResorts(say)
	if names := j.healed(); len(names) > 0 {
		healed := "whole again"
		if !executed {
			healed = "would be whole again"
		}
		say("%s: %s", healed, report.SomeOf(names))
	}
	if run := j.trash.Name(); run != "" {
		say("to put back what was replaced: %s", j.where.Command("trash", "restore", run))
		say("to remove it for good: %s", j.where.Command("trash", "empty", run))
	}
	say("%s", j.outcome(executed))
	return text.String()
}

// sayLastResorts names the commands that give up what is left, each once.
func (j *repairJob) sayLastResorts(say func(string, ...any)) {
	said := map[string]bool{}
	for _, p := range j.leftProblems() {
		if p.LastResort == "" || said[p.LastResort] {
			continue
		}
		if said[p.LastResort] = true; len(said) <= report.Shown || j.verbose {
			say("as the last resort, which loses %s: %s", report.SomeOf(p.Loses), p.LastResort)
		}
	}
}

// outcome is the last line.
func (j *repairJob) outcome(executed bool) string {
	did := len(j.done)
	verb := "repaired"
	if !executed {
		did, verb = len(j.would), "would repair"
	}
	switch {
	case did == 0 && len(j.left) == 0:
		return "nothing to repair"
	case did == 0:
		return fmt.Sprintf("nothing was repaired; %s left", term.Plural(len(j.left), "finding"))
	}
	return fmt.Sprintf("%s %s; %s left", verb, term.Plural(did, "finding"), term.Comma(len(j.left)))
}

func (j *repairJob) sayStep(s *back.Step, executed bool, say func(string, ...any)) {
	from, did := "", string(s.Do)
	if !executed && s.Do != back.DoLeave {
		did = "would be " + did
	}
	if s.From != nil && s.Do == back.DoCopy {
		from = ", from " + s.From.Name
	}
	say("%s: %s %s: %s%s", did, s.Finding.Kind, s.Finding.Path, s.Reason, from)
	if s.Do != back.DoLeave {
		return
	}
	next := j.next(s)
	switch {
	case next != nil && s.Way == back.ByGC:
		say("  to remove what is left of it: %s", j.where.Command(next...))
	case next != nil:
		say("  to bring it back: %s", j.where.Command(next...))
	case s.Way == back.ByTag:
		for _, e := range s.History {
			say("  %s:%s named %s, set %s", s.Repository, s.Tag, e.Digest, time.Unix(0, e.Set).UTC().Format(time.RFC3339))
		}
		if j.foreign || j.rules.PullThrough {
			return // no tag is moved there
		}
		for _, e := range s.History {
			image := s.Repository + "@" + e.Digest.String()
			switch e.State {
			case back.EntryWhole:
				say("  to let it name that: %s", j.where.Command("tag", image, s.Tag, "--force"))
			case back.EntryDeleted:
				say("  to bring that image back first: %s", j.where.Command("undelete", image))
			}
		}
	}
}

// warnCache says what has to be done before anything is pushed.
func (j *repairJob) warnCache(steps []*back.Step) {
	c := &j.place.Config
	blobs := slices.ContainsFunc(steps, func(s *back.Step) bool {
		return s.Do == back.DoTrash || s.Do == back.DoCopy || s.Way == back.ByPush
	})
	switch {
	case !blobs:
	case c.Path == "":
		j.voice.Say("it is not known whether the registry caches blob descriptors: restart it (Redis: flush it) before anything is pushed, since until then it may say that it has what is missing")
	case c.Cache == "redis":
		j.voice.Say("the registry caches blob descriptors in Redis: flush that before anything is pushed, since until then the registry says that it has what is missing")
	case c.Cache != "":
		j.voice.Say("the registry caches blob descriptors (%s): restart it before anything is pushed, since until then it says that it has what is missing", c.Cache)
	}
}
