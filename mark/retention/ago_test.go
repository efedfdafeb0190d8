package retention

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestParseAge: what ages are, where m is minutes, and how they are printed.
func TestParseAge(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "20s": "20s", "10m": "10min", "10min": "10min", "90m": "1h30m", "24h": "24h", "1d": "24h", "30d": "30d", "2w": "14d", "1.5d": "36h", "1.001ms": "1.001ms",
		"2d3h6m": "51h6m", "1w2d23h": "239h", "1h0m5s": "1h0m5s", "10h": "10h", "1mo": "1mo", "2mo13d": "2mo13d", "1y": "1y", "14mo": "1y2mo",
		"1y6mo2w1d": "1y6mo15d", "2m30s": "2min30s", "500ms": "500ms", "1us": "1µs", "3ns": "3ns", ".5h": "30min", "1mo1m": "1mo1min", "2w30m": "336h30m",
	} {
		ago, err := ParseAge(text)
		if err != nil || ago.String() != want {
			t.Errorf("%s is %s, want %s: %v", text, ago, want, err)
		}
		if again, err := ParseAge(ago.String()); again != ago || err != nil {
			t.Errorf("%s is printed as %s, which is %s: %v", text, ago, again, err)
		}
	}
	for text, want := range map[string]error{
		"": errAge, "d": errAge, "7": errAge, "7 d": errAge, "-1h": errNegative, "1d-2h": errAge, "9999999999w": errLarge, "1..5d": errAge, "1d ": errAge,
		"-": errAge, "soon": errAge, "1month": errAge, "3days": errAge, "2m13d": errOrder, "1h1d": errOrder, "1h1h": errOrder, "1m1min": errOrder,
		"1.5mo": errPart, "0.5y": errPart, "1001y": errLarge, "999999999999999999999mo": errLarge, "2026-04-05": errAge, "-2026-04-05": errAge,
	} {
		if ago, err := ParseAge(text); err != want {
			t.Errorf("%q is %s: %v, want %v", text, ago, err, want)
		}
	}
}

// TestParseAgoRefusesALoneM: what is 13 days old must not go where somebody
// wrote 2m13d for two months. The message offers both readings.
func TestParseAgoRefusesALoneM(t *testing.T) {
	for text, months := range map[string]string{
		"30m": "30mo", "2m13d": "2mo13d", "1y6m": "1y6mo", "2w30m": "2w30mo", "90m30s": "90mo30s", "2M": "2mo", "2M13d": "2mo13d", "1mo1m": "1mo1mo",
	} {
		ago, err := ParseAgo(text, now)
		if err == nil {
			t.Errorf("%s is %s", text, ago)
		} else if got := err.Error(); !strings.Contains(got, "("+months+")") || !strings.Contains(got, "min for minutes") {
			t.Errorf("%s: %q does not offer %s and min", text, got, months)
		}
	}
	for _, text := range []string{"2d3h6m", "3h6m", "2d6m", "30min", "2mo13d", "1h30min"} {
		if _, err := ParseAgo(text, now); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestParseAgoDates: dates are accepted, in UTC unless they say otherwise, but
// none that is still to come.
func TestParseAgoDates(t *testing.T) {
	for text, want := range map[string]string{
		"2026-04-05": "2026-04-05", "2026-04-05T00:00:00Z": "2026-04-05", "2026-04-05T10:30:00+02:00": "2026-04-05T08:30:00Z",
		"2026-04-05T10:30": "2026-04-05T10:30:00Z", "2026-04-05 10:30:01": "2026-04-05T10:30:01Z", "2026-04-05T10:30:01.5Z": "2026-04-05T10:30:01.5Z",
		"2026-11-21T12:00:00Z": "2026-11-21T12:00:00Z",
	} {
		ago, err := ParseAgo(text, now)
		if err != nil || ago.String() != want {
			t.Errorf("%s is %s, want %s: %v", text, ago, want, err)
		}
		if again, err := ParseAgo(ago.String(), now); again != ago || err != nil {
			t.Errorf("%s is printed as %s, which is %s: %v", text, ago, again, err)
		}
	}
	for text, want := range map[string]error{
		"2026-11-22": errFuture, "2026-11-21T12:00:01Z": errFuture, "2026-02-30": errMoment, "0001-01-01": errMoment, "1899-12-31": errMoment, "05.04.2026": errMoment,
	} {
		if ago, err := ParseAgo(text, now); err != want {
			t.Errorf("%q is %s: %v, want %v", text, ago, err, want)
		}
	}
}

// TestMonthsAreCalendarOnes: a month before the 31st is the last day of the
// month before, if that is shorter; the shorter units are taken off after that.
func TestMonthsAreCalendarOnes(t *testing.T) {
	for _, c := range []struct{ now, ago, want string }{
		{"2026-03-31T10:00:00Z", "1mo", "2026-02-28T10:00:00Z"},
		{"2024-03-31T10:00:00Z", "1mo", "2024-02-29T10:00:00Z"},
		{"2026-05-31T10:00:00Z", "1mo", "2026-04-30T10:00:00Z"},
		{"2026-05-30T10:00:00Z", "1mo", "2026-04-30T10:00:00Z"},
		{"2026-01-31T10:00:00Z", "2mo", "2025-11-30T10:00:00Z"},
		{"2024-02-29T10:00:00Z", "1y", "2023-02-28T10:00:00Z"},
		{"2024-02-29T10:00:00Z", "4y", "2020-02-29T10:00:00Z"},
		{"2026-03-31T10:00:00Z", "1mo1d", "2026-02-27T10:00:00Z"},
		{"2026-11-21T12:00:00Z", "2mo13d", "2026-09-08T12:00:00Z"},
		{"2026-11-21T12:00:00Z", "1y2mo3h", "2025-09-21T09:00:00Z"},
		{"2026-06-01T00:30:00+02:00", "1mo", "2026-04-30T22:30:00Z"}, // May, the 31st, in UTC
		{"2026-11-21T12:00:00Z", "36h", "2026-11-20T00:00:00Z"},
		{"2026-11-21T12:00:00Z", "2026-01-02", "2026-01-02T00:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		ago, err := ParseAgo(c.ago, at)
		if got := ago.From(at).UTC().Format(time.RFC3339); got != c.want || err != nil {
			t.Errorf("%s before %s is %s, want %s: %v", c.ago, c.now, got, c.want, err)
		}
	}
}

// TestAgesAreReadAsPrinted holds for any age, in retention too.
func TestAgesAreReadAsPrinted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ago := Ago{
			Months: rapid.IntRange(0, largestMonths).Draw(rt, "months"),
			Length: time.Duration(rapid.Int64Range(0, int64(100*365*24*time.Hour)).Draw(rt, "length")),
		}
		ago.Length = ago.Length.Truncate(rapid.SampledFrom([]time.Duration{time.Microsecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(rt, "unit"))
		if again, err := ParseAgo(ago.String(), now); err != nil || again != ago {
			rt.Fatalf("%+v is printed as %s, which is %+v: %v", ago, ago, again, err)
		}
	})
}
