package retention

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time that is written with days and weeks besides
// Go's units: 30d, 2d3h6m, 1.5w, 90s. A day has 24 hours.
type Duration time.Duration

var (
	duration    = regexp.MustCompile(`^(?:0|(?:[0-9]*\.?[0-9]+(?:ns|us|µs|ms|s|m|h|d|w))+)$`)
	longUnit    = regexp.MustCompile(`([0-9]*\.?[0-9]+)([dw])`)
	errDuration = errors.New("not a duration such as 90m, 24h, 30d or 2w")
	errNegative = errors.New("an age is not negative")
)

// ParseDuration reads an age, which is never negative.
func ParseDuration(text string) (Duration, error) {
	switch {
	case len(text) > 1 && text[0] == '-' && duration.MatchString(text[1:]):
		return 0, errNegative
	case !duration.MatchString(text):
		return 0, errDuration
	}
	failed := false
	inHours := longUnit.ReplaceAllStringFunc(text, func(part string) string {
		n, err := strconv.ParseFloat(part[:len(part)-1], 64)
		failed = failed || err != nil
		hours := 24.0
		if part[len(part)-1] == 'w' {
			hours = 7 * 24
		}
		return strconv.FormatFloat(n*hours, 'f', -1, 64) + "h"
	})
	d, err := time.ParseDuration(inHours)
	if err != nil || failed {
		return 0, errDuration
	}
	return Duration(d), nil
}

// String is the duration in days where it is a number of those, else in Go's
// units without those that are zero at its end. ParseDuration reads it.
func (d Duration) String() string {
	const day = Duration(24 * time.Hour)
	switch {
	case d == 0:
		return "0"
	case d > day && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
