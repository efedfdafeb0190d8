package term

import (
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// Size returns a number of bytes with a unit: 1.5 KiB.
func Size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Comma returns a number with commas between thousands.
func Comma(n int) string { return humanize.Comma(int64(n)) }

// Plural returns a number and what it counts: 1 blob, 2 blobs.
func Plural(n int, thing string) string {
	return Comma(n) + " " + english.PluralWord(n, thing, "")
}

// Either is one of two texts.
func Either(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// OneOr chooses between the words for one and for several.
func OneOr(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// Dash returns a text, or "-" for an empty one.
func Dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// ShortDigest shortens a digest to what still tells it from others, and what
// the other commands accept.
func ShortDigest(digest string, short bool) string {
	alg, hex, ok := strings.Cut(digest, ":")
	switch {
	case digest == "":
		return "-"
	case !short || !ok:
		return digest
	}
	return alg + ":" + hex[:min(12, len(hex))]
}
