package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/mark"
)

// byName is what rm and untag have in common: they remove what they are given by
// name.
type byName struct {
	common
	removal
	planning
	selection
}

func (o *byName) add(f *pflag.FlagSet) {
	o.common.add(f)
	o.removal.add(f)
	o.planning.add(f)
}

func (o *byName) verify(f *pflag.FlagSet) error {
	return errors.Join(o.common.verify(f), o.removal.verify(f), o.planning.verify(f, o.dryRun))
}

// removeByName runs a command that removes what it was given by name.
func (p *program) removeByName(ctx context.Context, command string, o *byName, selected *mark.Selected, f *pflag.FlagSet) error {
	if err := p.verifyConsent(&o.removal, command); err != nil {
		return usage(err)
	}
	job, err := p.newJob(command, &o.common, &o.removal, f, "")
	if err != nil {
		return err
	}
	job.rules.Selected, job.planning, job.patterns = selected, o.planning, o.patterns
	return job.run(ctx)
}
