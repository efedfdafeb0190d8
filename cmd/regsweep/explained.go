package main

import (
	"context"
	"time"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/mark/retention"
)

// whyOptions are what why was asked about.
type whyOptions struct {
	common
	policyFile string
	all        bool

	registry string // a path in place of --root
	patterns []name.Pattern
	policy   *retention.Policy
}

// explained is a thing with what every command would do with it.
type explained struct {
	asked
	mark.Answer
	all          [][]string // the ways from everything that keeps it
	gc, untagged outcome
	policy       *outcome
}

// outcome is what one command would do with a thing.
type outcome struct {
	removed bool
	reason  string
	at      time.Time // from when on it is removed, if only ages keep it; or the zero time
}

// inquire asks one look.
func (r *reading) inquire(ctx context.Context, things []asked, change func(*mark.Rules)) ([]mark.Answer, *mark.Look, error) {
	about := make([]mark.Asked, len(things))
	for i := range things {
		about[i] = things[i].Asked
	}
	inquiry := mark.NewInquiry(about)
	look, err := r.lookBy(ctx, inquiry, change)
	if err != nil {
		return nil, nil, err
	}
	answers := inquiry.Answers(ctx, look)
	return answers, look, r.readable()
}

// refuse says that a command would not do anything at all.
func (o *outcome) refuse(why string) {
	if why != "" {
		*o = outcome{reason: why}
	}
}
