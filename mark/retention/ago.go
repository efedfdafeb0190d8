package retention

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Ago is a moment in the past: a length of time that is counted back from now,
// or the moment itself. Its zero value is now.
type Ago struct {
	Months int           // calendar months; a year is twelve of them
	Length time.Duration // weeks and shorter units; a day has 24 hours
	At     time.Time     // if it is not zero: the moment, in UTC, in place of a length
}

// The errors about ages.
var (
	errAge      = errors.New("not an age such as 90min, 24h, 30d, 2w, 3mo or 1y")
	errMoment   = errors.New("not an age such as 24h, 30d, 2w or 3mo, nor a date such as 2026-04-05")
	errNegative = errors.New("an age is not negative")
	errFuture   = errors.New("this is in the future")
	errPart     = errors.New("a part of a month or a year has no fixed length: write it in days")
	errOrder    = errors.New("an age has its largest unit first, and each unit once")
	errLarge    = errors.New("this age is too large")
)

// ageUnits are the units of ages, the largest first.
var ageUnits = []struct {
	name   string
	months int
	length time.Duration
}{
	{"y", 12, 0},
	{"mo", 1, 0},
	{"w", 0, 7 * 24 * time.Hour},
	{"d", 0, 24 * time.Hour},
	{"h", 0, time.Hour},
	{"min", 0, time.Minute},
	{"s", 0, time.Second},
	{"ms", 0, time.Millisecond},
	{"us", 0, time.Microsecond},
	{"ns", 0, time.Nanosecond},
}

// momentLayouts are the forms of dates and times. What lacks a zone is in UTC.
var momentLayouts = []string{
	time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04",
}

// largestMonths is a limit that keeps every moment within the calendar.
const largestMonths = 1000 * 12

var agePart = regexp.MustCompile(`^([0-9]*\.?[0-9]+)(y|mo|w|d|h|min|ms|m|s|us|µs|ns)`)

// ParseAge reads an age: numbers with the units y, mo, w, d, h, m or min, s, ms,
// us and ns, the largest first and each once, such as 2d3h6m, or 0.
func ParseAge(text string) (Ago, error) { return parseAge(text, false) }

// ParseAgo reads what retention counts from: an age, a date such as 2026-04-05,
// or a time such as those of RFC 3339. A date begins at midnight; what lacks a zone
// is in UTC. In an age m is
// accepted only after h or d, where it can be nothing but minutes: elsewhere it
// could mean months, and what is 13 days old would be removed where 2m13d was written
// for two months. Nothing later than now is accepted.
func ParseAgo(text string, now time.Time) (Ago, error) {
	for _, layout := range momentLayouts {
		at, err := time.Parse(layout, text)
		switch {
		case err != nil:
		case at.After(now):
			return Ago{}, errFuture
		case at.Year() < 1900:
			return Ago{}, errMoment // the year 1 would be the zero time, which is none
		default:
			return Ago{At: at.UTC()}, nil
		}
	}
	ago, err := parseAge(text, true)
	if errors.Is(err, errAge) {
		err = errMoment
	}
	return ago, err
}

func parseAge(text string, retention bool) (ago Ago, err error) {
	rest, negative := strings.CutPrefix(text, "-")
	if rest == "0" {
		return Ago{}, nil
	}
	var units []string
	var failed error
	for rest != "" {
		m := agePart.FindStringSubmatch(rest)
		if m == nil {
			return Ago{}, cmp.Or(hintMonths(text), errAge)
		}
		units = append(units, unitName(m[2]))
		failed = cmp.Or(failed, ago.add(m[1], unitName(m[2])))
		rest = rest[len(m[0]):]
		if m[2] == "m" && retention && !afterHours(units) {
			return Ago{}, errMinutes(text)
		}
	}
	switch {
	case len(units) == 0:
		return Ago{}, errAge
	case negative:
		return Ago{}, errNegative
	case failed != nil:
		return Ago{}, failed
	case !inOrder(units):
		return Ago{}, errOrder
	}
	return ago, nil
}

// unitName is the one name of a unit that has several.
func unitName(written string) string {
	switch written {
	case "m":
		return "min"
	case "µs":
		return "us"
	}
	return written
}

// afterHours reports whether hours or days stand before the last unit.
func afterHours(units []string) bool {
	for _, unit := range units[:len(units)-1] {
		if unit == "h" || unit == "d" {
			return true
		}
	}
	return false
}

var loneM = regexp.MustCompile(`([0-9])m([^a-z]|$)`)

// errMinutes is the error about an m that could mean months.
func errMinutes(text string) error {
	months := loneM.ReplaceAllString(text, "${1}mo${2}")
	return fmt.Errorf("m could mean months or minutes here: write mo for months (%s), or min for minutes", months)
}

var upperM = regexp.MustCompile(`[0-9]M`)

// hintMonths is a clearer error about what is not an age, or nil.
func hintMonths(text string) error {
	if upperM.MatchString(text) {
		return errMinutes(strings.ToLower(text))
	}
	return nil
}

func inOrder(units []string) bool {
	last := -1
	for _, unit := range units {
		at := 0
		for ageUnits[at].name != unit {
			at++
		}
		if at <= last {
			return false
		}
		last = at
	}
	return true
}

// add adds a number of a unit.
func (a *Ago) add(number, unit string) error {
	for _, u := range ageUnits {
		if u.name != unit {
			continue
		}
		if u.months == 0 {
			n, err := strconv.ParseFloat(number, 64)
			sum := float64(a.Length) + n*float64(u.length)
			if err != nil || sum >= float64(1<<63-1) {
				return errLarge
			}
			// Not n times the unit as a float: a whole number stays exact.
			if whole, err := strconv.ParseInt(number, 10, 64); err == nil {
				a.Length += time.Duration(whole) * u.length
			} else {
				a.Length += time.Duration(math.Round(n * float64(u.length)))
			}
			return nil
		}
		if strings.Contains(number, ".") {
			return errPart
		}
		n, err := strconv.Atoi(number)
		if err != nil || n > largestMonths || a.Months+n*u.months > largestMonths {
			return errLarge
		}
		a.Months += n * u.months
	}
	return nil
}

// IsZero reports whether a is now.
func (a Ago) IsZero() bool { return a == Ago{} }

// From returns the moment that is this long before now. Months are those of the
// calendar, in UTC: a month before the 31st is the last day of the month before,
// if that is shorter.
func (a Ago) From(now time.Time) time.Time {
	if !a.At.IsZero() {
		return a.At
	}
	if a.Months > 0 {
		now = now.UTC()
		first := time.Date(now.Year(), now.Month()-time.Month(a.Months), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		now = time.Date(first.Year(), first.Month(), min(now.Day(), last), now.Hour(), now.Minute(), now.Second(), now.Nanosecond(), time.UTC)
	}
	return now.Add(-a.Length)
}

// Before returns how long before now the moment is; 0 if it is not.
func (a Ago) Before(now time.Time) time.Duration { return max(0, now.Sub(a.From(now))) }

// String returns what ParseAgo reads as the same moment: a date or time, or an
// age in years and months, then in days where it is a number of those, else in
// hours and less.
func (a Ago) String() string {
	switch at := a.At; {
	case at.IsZero():
	case at.Equal(at.Truncate(24 * time.Hour)):
		return at.Format(time.DateOnly)
	default:
		return at.Format(time.RFC3339Nano)
	}
	var b strings.Builder
	if years := a.Months / 12; years > 0 {
		fmt.Fprintf(&b, "%dy", years)
	}
	if months := a.Months % 12; months > 0 {
		fmt.Fprintf(&b, "%dmo", months)
	}
	if a.Length > 0 || b.Len() == 0 {
		b.WriteString(LengthText(a.Length))
	}
	return b.String()
}

// reasons says of what is not older than a, and of what is older.
func (a Ago) reasons() (inside, outside string) {
	if !a.At.IsZero() {
		return "not older than " + a.String(), "older than " + a.String()
	}
	return "within " + a.String(), "older than " + a.String()
}

// LengthText returns a length in days where it is a number of those, else in Go's
// units without those that are zero at its end. Minutes are "min" where there
// are no hours before them.
func LengthText(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "0"
	case d > day && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if d >= time.Minute && d < time.Hour {
		s = strings.Replace(s, "m", "min", 1)
	}
	return s
}
