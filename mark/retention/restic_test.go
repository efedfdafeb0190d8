package retention

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// kept are the tags that a Keep leaves of one repository, newest first.
func kept(t *testing.T, k Keep, zone string, times ...time.Time) []time.Time {
	t.Helper()
	p := &Policy{Timezone: zone, Rules: []Rule{{Repositories: []string{"**"}, Tags: []Entry{{Match: []string{"*"}, Keep: k}}}}}
	r := Repository{Name: "app"}
	for i, at := range times {
		r.Tags = append(r.Tags, Tag{Name: fmt.Sprint(i), Digest: digestOf(fmt.Sprint(i)), Pushed: at})
	}
	o := Options{Now: slices.MaxFunc(times, time.Time.Compare)}
	decisions, err := mustDecider(t, p, o).Decide(r)
	if err != nil {
		t.Fatal(err)
	}
	invariants(t, p, o, r, decisions, nil)
	var stay []time.Time
	for _, d := range decisions {
		if d.Keep {
			stay = append(stay, d.Time)
		}
	}
	slices.SortFunc(stay, func(a, b time.Time) int { return b.Compare(a) })
	return stay
}

// TestTwelveSundays is the example of restic's documentation (060_forget.rst):
// of one backup every Sunday for twelve weeks, --keep-daily 4 keeps the last four.
func TestTwelveSundays(t *testing.T) {
	var sundays []time.Time
	for i := range 12 {
		sundays = append(sundays, time.Date(2019, 9, 1+7*i, 11, 0, 0, 0, time.UTC))
	}
	got := kept(t, Keep{Calendar: Calendar{Daily: 4}}, "", sundays...)
	if want := sundays[8:]; !sameTimes(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if got := kept(t, Keep{Calendar: Calendar{Daily: 12}}, "", sundays...); len(got) != 12 {
		t.Errorf("kept %v", got)
	}
}

// TestHundredYears is the other one: of a backup every day for a hundred years,
// 7 daily, 5 weekly, 12 monthly and 75 yearly ones keep 7 days, 4 more ends of
// weeks, 12 or 11 more of months and 75 or 74 of years. It is in the future of
// registries, since there are no tags from before 1981.
func TestHundredYears(t *testing.T) {
	layouttest.Long(t)
	for _, last := range []time.Time{
		time.Date(2090, 11, 15, 3, 0, 0, 0, time.UTC), // in the middle of everything
		time.Date(2090, 11, 1, 3, 0, 0, 0, time.UTC),  // the dailies contain the end of a month
		time.Date(2089, 12, 31, 3, 0, 0, 0, time.UTC), // the end of a year
		time.Date(2088, 3, 1, 3, 0, 0, 0, time.UTC),   // after a leap day
	} {
		var days []time.Time
		for at := last; at.After(last.AddDate(-100, 0, 0)); at = at.AddDate(0, 0, -1) {
			days = append(days, at)
		}
		got := kept(t, Keep{Calendar: Calendar{Daily: 7, Weekly: 5, Monthly: 12, Yearly: 75}}, "", days...)
		want := documented(days)
		if !sameTimes(got, want) {
			t.Errorf("up to %s: kept %d, want %d", last.Format(time.DateOnly), len(got), len(want))
		}
		if len(got) < 7+4+11+74-3 || len(got) > 7+4+12+75 {
			t.Errorf("up to %s: kept %d", last.Format(time.DateOnly), len(got))
		}
	}
}

// documented works out the example from what its text says, day by day.
func documented(days []time.Time) (stay []time.Time) {
	weeks, months, years := 0, 0, 0
	for i, day := range days {
		next := day.AddDate(0, 0, 1)
		keep := i < 7
		if i == 0 || day.Weekday() == time.Sunday {
			weeks++
			keep = keep || weeks <= 5
		}
		if i == 0 || next.Month() != day.Month() {
			months++
			keep = keep || months <= 12
		}
		if i == 0 || next.Year() != day.Year() {
			years++
			keep = keep || years <= 75
		}
		if keep {
			stay = append(stay, day)
		}
	}
	return stay
}

// TestOldest: "if there are not enough snapshots to keep one for each duration
// related option, the oldest snapshot is kept additionally".
func TestOldest(t *testing.T) {
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	times := []time.Time{at(3, 9), at(3, 8), at(2, 9), at(2, 8), at(2, 7)}
	for n, want := range map[int][]time.Time{
		1: {at(3, 9)},
		2: {at(3, 9), at(2, 9)},
		3: {at(3, 9), at(2, 9), at(2, 7)},
		9: {at(3, 9), at(2, 9), at(2, 7)},
	} {
		if got := kept(t, Keep{Calendar: Calendar{Daily: n}}, "", times...); !sameTimes(got, want) {
			t.Errorf("daily %d: kept %v, want %v", n, got, want)
		}
	}
}

// TestDaylightSaving holds that days have 23 and 25 hours where they do, and
// that the hour that is there twice is one.
func TestDaylightSaving(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	long := []time.Time{at("2026-10-25T23:30:00+01:00"), at("2026-10-25T00:10:00+02:00"), at("2026-10-24T23:50:00+02:00")}
	if got := kept(t, Keep{Calendar: Calendar{Daily: 2}}, "Europe/Berlin", long...); !sameTimes(got, []time.Time{long[0], long[2]}) {
		t.Errorf("a day of 25 hours: kept %v", got)
	}
	twice := []time.Time{at("2026-10-25T02:30:00+01:00"), at("2026-10-25T02:40:00+02:00"), at("2026-10-25T01:40:00+02:00")}
	if got := kept(t, Keep{Calendar: Calendar{Hourly: 2}}, "Europe/Berlin", twice...); !sameTimes(got, []time.Time{twice[0], twice[2]}) {
		t.Errorf("an hour that is there twice: kept %v", got)
	}
}

func sameTimes(a, b []time.Time) bool {
	byTime := func(list []time.Time) []time.Time {
		list = slices.Clone(list)
		slices.SortFunc(list, time.Time.Compare)
		return list
	}
	return slices.EqualFunc(byTime(a), byTime(b), time.Time.Equal)
}
