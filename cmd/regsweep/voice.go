package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/regsweep/regsweep/layout"
)

// voice is how the program speaks to people, on stderr: in lower case, without
// a full stop, bad values quoted, an error followed by the next step. Whatever
// comes from the disk is made harmless to terminals.
type voice struct {
	mu    sync.Mutex
	w     io.Writer
	quiet bool // no warnings
	where where
	live  int // characters of the live line of progress, on which nothing else may be written
}

// error says what went wrong, and what to do next if that is known.
func (v *voice) error(err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			v.error(e)
		}
		return
	}
	var hint *layout.HintError
	if errors.As(err, &hint) {
		v.say("regsweep: %s", hint.Err)
		if len(hint.Command) > 0 {
			v.say("  %s: %s", hint.Hint, v.where.command(hint.Command...))
			return
		}
		v.say("  %s", hint.Hint)
		return
	}
	v.say("regsweep: %s", err)
}

// warn says what the user should know though the run goes on.
func (v *voice) warn(format string, args ...any) {
	if !v.quiet {
		v.say("warning: "+format, args...)
	}
}

// say writes one line.
func (v *voice) say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.redraw("")
	fmt.Fprintln(v.w, fold(harmless(fmt.Sprintf(format, args...)), terminalWidth(v.w)))
}

// quoted is an error about a bad value.
func quoted(format, value string) error {
	return fmt.Errorf(format, strconv.Quote(value))
}

// harmless replaces what could steer a terminal or mislead its reader: control
// characters, invisible and direction-changing ones, and bytes that are not UTF-8.
func harmless(s string) string {
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

// harmlessJSON escapes in JSON text what could steer a terminal; outside of
// strings there is none of it.
func harmlessJSON(text []byte) []byte {
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

// valid is a name from the disk for JSON, which has no bytes that are not UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return harmless(s)
}
