package main

import (
	"errors"
	"fmt"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// refuseForeign refuses stores whose truth is in a database. A dry run only warns.
func (j *job) refuseForeign() error {
	for _, unread := range j.place.Unread {
		j.voice.Warn("%s", unread)
	}
	reason, err := foreign(&j.place)
	if err != nil || reason == "" {
		return err
	}
	if j.dryRun {
		j.voice.Warn("%s: what follows is not its real state, and only a dry run works here", reason)
		return nil
	}
	return &layout.HintError{Err: errors.New(reason + ": a sweep would lose images"), Hint: "use its own garbage collection; --dry-run works here"}
}

// refuseNames refuses names that are not there, and what must not be removed by name.
func (j *job) refuseNames(look *mark.Look) error {
	if j.rules.Selected == nil {
		return nil
	}
	refusals := j.rules.Selected.Refusals(look)
	if look.Borrowed != "" {
		refusals = append(refusals, fmt.Errorf("in %q a directory of links is a symbolic link or a mount, maybe into another repository: no image is removed by name", look.Borrowed))
	}
	if len(refusals) == 0 {
		for _, tag := range j.rules.Selected.Absent() {
			j.voice.Say("regsweep: there is no tag %s: nothing to remove", tag)
		}
		return nil
	}
	return errors.Join(append(refusals, errors.New("nothing has been changed"))...)
}

// refuseEmpty refuses a plan whose effect is not believed to be meant.
func (j *job) refuseEmpty() error {
	if j.allowEmpty {
		return nil
	}
	return j.plan.Refusal()
}

// refuseTooMuch holds the plan against --max-remove.
func (j *job) refuseTooMuch() error {
	total := j.plan.Total().Bytes
	if j.maxRemove.allows(j.plan.Bytes(), total) {
		return nil
	}
	return &layout.HintError{
		Err:  fmt.Errorf("the plan removes %s of %s, more than --max-remove %s: nothing has been removed", term.Size(j.plan.Bytes()), term.Size(total), &j.maxRemove),
		Hint: "look at it with --dry-run, and raise the limit if it is right: the first run on a store often has more to remove than later ones",
	}
}

func (j *job) warnBefore() {
	c := &j.place.Config
	if !c.ReadOnly {
		j.voice.Warn("a registry may be running on this store: pushes of what is being removed will fail and have to be repeated")
	}
	if c.Cache != "" {
		j.voice.Warn("the registry caches blob descriptors (%s): restart it or flush the cache after this; until then it accepts manifests whose blobs are gone", c.Cache)
	}
}
