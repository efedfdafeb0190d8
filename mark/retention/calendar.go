package retention

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// judge asks every rule of a Keep about every thing of a pool. What has no
// usable time is kept for that, and takes nobody's place among the newest.
func (c *repositoryCase) judge(k *Keep, pool []*thing) {
	timed := newestFirst(pool)
	if k.Last > 0 {
		judgeLast(k.Last, timed)
	}
	if k.Images > 0 {
		judgeImages(k.Images, timed)
	}
	if k.Label != (Label{}) {
		c.judgeLabel(k, pool)
	}
	if !k.Within.IsZero() {
		judgeWithin(k.Within, c.now, timed)
	}
	c.judgePulls(k, pool)
	for _, b := range k.calendar() {
		if b.n > 0 {
			b.judge(timed, c.rule.zone)
		}
	}
	if k.Semver != (Semver{}) {
		judgeVersions(&k.Semver, pool)
	}
	for _, t := range pool {
		if k.All {
			t.keep("all")
		}
		if k.None {
			t.drop("none of these is kept")
		}
	}
}

func judgeLast(n int, timed []*thing) {
	beyond := fmt.Sprintf("not among the last %d", n)
	for i, t := range timed {
		switch {
		case i < n:
			t.keep(fmt.Sprintf("last %d: %s", n, ordinal(i+1)))
		case t.Time.Equal(timed[n-1].Time):
			t.keep(fmt.Sprintf("last %d: as new as the %s", n, ordinal(n)))
		default:
			t.drop(beyond)
		}
	}
}

func judgeWithin(within Ago, now time.Time, timed []*thing) {
	inside, outside := within.reasons()
	border := within.From(now)
	for _, t := range timed {
		if t.Time.Before(border) {
			t.drop(outside)
		} else {
			t.keep(inside)
		}
	}
}

// calendar is one of the rules about hours to years.
type calendar struct {
	n          int
	name, unit string
	bucket     func(time.Time) int
	label      func(time.Time) string
}

func (k *Keep) calendar() []calendar {
	format := func(layout string) func(time.Time) string {
		return func(t time.Time) string { return t.Format(layout) }
	}
	date := func(t time.Time) int { return (t.Year()*12+int(t.Month()))*31 + t.Day() }
	week := func(t time.Time) int { year, week := t.ISOWeek(); return year*54 + week }
	return []calendar{
		{k.Hourly, "hourly", "hour", func(t time.Time) int { return date(t)*24 + t.Hour() }, format("2006-01-02T15")},
		{k.Daily, "daily", "day", date, format(time.DateOnly)},
		{k.Weekly, "weekly", "week", week, func(t time.Time) string {
			year, week := t.ISOWeek()
			return fmt.Sprintf("%04d-W%02d", year, week)
		}},
		{k.Monthly, "monthly", "month", func(t time.Time) int { return t.Year()*12 + int(t.Month()) }, format("2006-01")},
		{k.Yearly, "yearly", "year", time.Time.Year, format("2006")},
	}
}

// judge keeps the newest of each of the n newest buckets that have any; while
// there are fewer, the oldest of all too, so that the history grows until it is
// full. Things as new as what is kept are kept with it.
// Source: restic internal/data/snapshot_policy.go ApplyPolicy, doc/060_forget.rst.
func (b *calendar) judge(timed []*thing, zone *time.Location) {
	var (
		current, found int
		newest         *thing
		kept, dropped  string
		beyond         = "not in the newest " + plural(b.n, b.unit)
	)
	for _, t := range timed {
		at := t.Time.In(zone)
		if bucket := b.bucket(at); newest == nil || bucket != current {
			current, newest = bucket, t
			if found++; found <= b.n {
				kept = b.name + " " + b.label(at)
				dropped = kept + ": not the newest"
			}
		}
		switch {
		case found > b.n:
			t.drop(beyond)
		case t.Time.Equal(newest.Time):
			t.keep(kept)
		default:
			t.drop(dropped)
		}
	}
	if found == 0 || found >= b.n {
		return
	}
	oldest := fmt.Sprintf("oldest %s: %d of %s so far", b.name, found, plural(b.n, b.unit))
	for _, t := range slices.Backward(timed) {
		if !t.Time.Equal(timed[len(timed)-1].Time) {
			break
		}
		if !t.Time.Equal(newest.Time) {
			t.keep(oldest)
		}
	}
}

// ordinal is 1st, 2nd, 3rd, 4th, 11th, 21st.
func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// plural is "1 day", "2 days", "3 patches".
func plural(n int, unit string) string {
	switch {
	case n == 1:
		return "1 " + unit
	case strings.HasSuffix(unit, "ch"):
		unit += "e"
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
