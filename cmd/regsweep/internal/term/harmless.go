package term

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Harmless replaces what could steer a terminal or mislead its reader: control
// characters, invisible and direction-changing ones, and bytes that are not UTF-8.
func Harmless(s string) string {
	if strings.IndexFunc(s, steers) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case steers(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

func steers(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

// HarmlessJSON escapes in JSON text what could steer a terminal. Only the strings
// can hold it.
func HarmlessJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == '\n' || !steers(r) {
			out = append(out, text[:size]...)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	return out
}

// Valid is a name from the disk for JSON, which has no bytes that are not UTF-8.
func Valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return Harmless(s)
}
