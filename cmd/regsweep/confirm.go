package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
)

// confirm asks whether to go on where there is somebody to ask. Without a
// terminal gc goes ahead, since it removes only what nothing references.
func (j *job) confirm(ctx context.Context) (bool, error) {
	if j.yes || !j.asks() {
		return true, nil
	}
	var failed error
	rep := j.newReport(false)
	rep.DryRun = true // as long as nothing is done
	run := j.newRun(rep, false)
	table := func() { failed = j.writeTable(j.asking(), run) }
	yes, err := j.ask(ctx, false, table, run.Question(), "nothing has been removed")
	return yes && failed == nil, errors.Join(err, failed)
}

// ask shows what is about to be done, and asks, unless the answer is known or
// there is nobody to ask.
func (p *program) ask(ctx context.Context, yes bool, show func(), question, nothing string) (bool, error) {
	if yes || !p.asks() {
		return true, nil
	}
	show()
	in := p.in
	if p.tty != nil {
		in = p.tty
	}
	said, err := term.Prompt(ctx, in, p.asking(), question)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return false, fmt.Errorf("%w; %s", err, nothing)
	case err != nil || said == "":
		return err == nil, err
	}
	p.voice.Say("%s: %s", said, nothing)
	if p.tty != nil {
		fmt.Fprintf(p.asking(), "%s: %s\n", said, nothing)
	}
	return false, nil
}

// asks reports whether there is somebody to ask.
func (p *program) asks() bool { return p.interactive() || p.tty != nil }

// asking is where what belongs to a question goes, line by line.
func (p *program) asking() *term.Folding {
	if p.tty != nil {
		return &term.Folding{W: p.tty}
	}
	return &term.Folding{W: p.voice.W}
}
