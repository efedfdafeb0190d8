package disk

import (
	"math"
	"testing"
	"time"
)

func TestTimesThatDoNotFitAreTheNearestThatDo(t *testing.T) {
	for text, want := range map[string]int64{
		"1970-01-01T00:00:00Z":           0,
		"1969-12-31T23:59:59.5Z":         -5e8,
		"2026-11-26T00:00:00.000000001Z": time.Date(2026, 11, 26, 0, 0, 0, 1, time.UTC).UnixNano(),
		"2262-04-11T23:47:16.854775807Z": math.MaxInt64,
		"2262-04-11T23:47:16.854775808Z": math.MaxInt64,
		"2262-04-11T23:47:17Z":           math.MaxInt64,
		"2263-01-01T00:00:00Z":           math.MaxInt64,
		"9999-12-31T23:59:59Z":           math.MaxInt64,
		"1677-09-21T00:12:44Z":           math.MinInt64 + 854775808,
		"1677-09-21T00:12:43Z":           math.MinInt64,
		"1600-01-01T00:00:00Z":           math.MinInt64,
		"0001-01-01T00:00:00Z":           math.MinInt64,
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Nanoseconds(at); got != want {
			t.Errorf("%s is %d, and not %d", text, got, want)
		}
	}
	if got := nanoseconds(math.MaxInt64, 999_999_999); got != math.MaxInt64 {
		t.Errorf("the last second is %d", got)
	}
	if got := nanoseconds(math.MinInt64, 0); got != math.MinInt64 {
		t.Errorf("the first second is %d", got)
	}
}

func TestLaterThanTheLastTimeIsTheLastTime(t *testing.T) {
	if got := Later(math.MaxInt64-5, 6); got != math.MaxInt64 {
		t.Error(got)
	}
	if got := Later(math.MaxInt64, math.MaxInt64); got != math.MaxInt64 {
		t.Error(got)
	}
	if got := Later(math.MinInt64, time.Hour); got != math.MinInt64+int64(time.Hour) {
		t.Error(got)
	}
	if got := Later(7, 6); got != 13 {
		t.Error(got)
	}
}

func TestMoreSpaceThanANumberHoldsIsTheGreatestNumber(t *testing.T) {
	for _, c := range []struct {
		blocks, unit uint64
		want         int64
	}{
		{0, 4096, 0},
		{3, 4096, 12288},
		{1 << 51, 4096, math.MaxInt64}, // 2^63
		{1 << 52, 4096, math.MaxInt64}, // 2^64, as s3fs says
		{math.MaxUint64, math.MaxUint64, math.MaxInt64},
		{math.MaxInt64, 1, math.MaxInt64},
	} {
		if got := space(c.blocks, c.unit); got != c.want {
			t.Errorf("%d blocks of %d bytes are %d bytes, and not %d", c.blocks, c.unit, got, c.want)
		}
	}
}
