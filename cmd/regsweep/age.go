package main

import (
	"time"

	"github.com/regsweep/regsweep/mark/retention"
)

// age is a flag for an age that is a margin of safety, such as --grace: m is
// minutes there.
type age time.Duration

// Set reads 30d, 2d3h6m, 1.5w, 1mo, 90s or 0. Months and years are those
// before now.
func (a *age) Set(text string) error {
	ago, err := retention.ParseAge(text)
	if err != nil {
		return err
	}
	*a = age(ago.Before(time.Now()))
	return nil
}

// String is the age in days where it is a number of those.
func (a *age) String() string { return retention.LengthText(time.Duration(*a)) }

// Type is the kind of value in help.
func (a *age) Type() string { return "age" }

// ago is a flag for what is old enough to go, or to be listed: an age, or a
// date or time that is not after now.
type ago retention.Ago

// Set reads 30d, 2mo13d, 1y, 0, 2026-04-05 or a time in RFC 3339. A lone m
// is refused: it could mean months.
func (a *ago) Set(text string) error {
	parsed, err := retention.ParseAgo(text, time.Now())
	if err != nil {
		return err
	}
	*a = ago(parsed)
	return nil
}

// String is the age or the date as ParseAgo reads it.
func (a *ago) String() string { return retention.Ago(*a).String() }

// Type is the kind of value in help.
func (a *ago) Type() string { return "age" }

// isZero reports whether the age is 0, which everything has.
func (a *ago) isZero() bool { return retention.Ago(*a).IsZero() }

// from is the moment that the flag means.
func (a *ago) from(now time.Time) time.Time { return retention.Ago(*a).From(now) }
