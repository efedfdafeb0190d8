package retention

import (
	"slices"
	"testing"
	"time"
)

// The value is a number and one of s, m, h, d and w. Any other value keeps the image.
func TestValuesOfExpiryLabels(t *testing.T) {
	const day = 24 * time.Hour
	for value, want := range map[string]time.Duration{
		"0s": 0, "0w": 0, "90s": 90 * time.Second, "90m": 90 * time.Minute, "36h": 36 * time.Hour, "3d": 3 * day, "2w": 14 * day, "007d": 7 * day,
		"": -1, "3": -1, "d": -1, "3D": -1, "3W": -1, "3mo": -1, "3y": -1, "3min": -1, "1.5d": -1, "1,5d": -1, "-3d": -1, "+3d": -1, "1d12h": -1,
		" 3d": -1, "3d ": -1, "3 d": -1, "3d\n": -1, "\t3d": -1, "٣d": -1, "3ｄ": -1, "0x3d": -1, "3e2d": -1, "3days": -1, "never": -1,
		"999999999w": -1, "18446744073709551616s": -1, "-": -1,
	} {
		got, ok := parseExpiry(value)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %t, not %s", value, got, ok, want)
		}
	}
}

// What the images of an index say does not depend on their order: one whose value
// is not an age keeps the index, also beside one that lacks the label.
func TestOrderOfAnIndexsImagesDoesNotMatter(t *testing.T) {
	with := func(value string) map[string]string { return map[string]string{"e": value} }
	for _, c := range []struct {
		images   []map[string]string
		has, bad bool
		after    time.Duration
	}{
		{[]map[string]string{with("1d"), with("2w")}, true, false, 14 * 24 * time.Hour},
		{[]map[string]string{with("1d"), {}}, false, false, 0},
		{[]map[string]string{with("soon"), {}}, true, true, 0},
		{[]map[string]string{with("soon"), with("1d"), {}}, true, true, 0},
		{[]map[string]string{with(""), with("1d")}, true, true, 0},
		{[]map[string]string{with("0d"), with("0s")}, true, false, 0},
		{nil, false, false, 0},
	} {
		for range 2 {
			l := Labels{Images: c.images}
			if e := l.expiry("e"); e.has != c.has || e.bad != c.bad || !c.bad && e.after != c.after {
				t.Errorf("%v: %+v", c.images, e)
			}
			slices.Reverse(c.images)
		}
	}
}
