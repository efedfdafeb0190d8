package disk

import (
	"math"
	"math/bits"
	"time"
)

// Nanoseconds is a time in nanoseconds since 1970. Filesystems store times that
// 64 bits of nanoseconds do not hold, before 1678 and after 2262: for these it
// is the least and the greatest number, so that what is from the future never
// looks old.
func Nanoseconds(t time.Time) int64 { return nanoseconds(t.Unix(), int64(t.Nanosecond())) }

func nanoseconds(sec, nsec int64) int64 {
	const most, least = math.MaxInt64 / int64(time.Second), math.MinInt64 / int64(time.Second)
	switch {
	case sec > most || sec == most && nsec > math.MaxInt64%int64(time.Second):
		return math.MaxInt64
	case sec < least:
		return math.MinInt64
	}
	return sec*int64(time.Second) + nsec
}

// Later is a time in nanoseconds since 1970 and an age more, as Nanoseconds gives it.
func Later(nsec int64, age time.Duration) int64 { return Sum(nsec, int64(age)) }

// Sum adds what is not negative, up to the greatest number.
func Sum(a, more int64) int64 {
	if more > 0 && a > math.MaxInt64-more {
		return math.MaxInt64
	}
	return a + more
}

// space is a number of bytes: some filesystems tell of more than 63 bits hold.
func space(blocks, unit uint64) int64 {
	high, low := bits.Mul64(blocks, unit)
	if high != 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}
