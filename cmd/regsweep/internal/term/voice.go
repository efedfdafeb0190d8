package term

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// Voice is how the program speaks to people, on stderr: in lower case, without
// a full stop, bad values quoted, an error followed by the next step. Whatever
// comes from the disk is made harmless to terminals.
type Voice struct {
	mu    sync.Mutex
	W     io.Writer
	Quiet bool // no warnings
	Where Where
	live  int // characters of the live line of progress, on which nothing else may be written
}

// Error says what went wrong, and what to do next if that is known.
func (v *Voice) Error(err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			v.Error(e)
		}
		return
	}
	var hint *layout.HintError
	if errors.As(err, &hint) {
		v.Say("regsweep: %s", hint.Err)
		if len(hint.Command) > 0 {
			v.Say("  %s: %s", hint.Hint, v.Where.Command(hint.Command...))
			return
		}
		v.Say("  %s", hint.Hint)
		return
	}
	v.Say("regsweep: %s", err)
}

// Warn says what the user should know though the run goes on.
func (v *Voice) Warn(format string, args ...any) {
	if !v.Quiet {
		v.Say("warning: "+format, args...)
	}
}

// Say writes one line.
func (v *Voice) Say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.redraw("")
	fmt.Fprintln(v.W, Fold(Harmless(fmt.Sprintf(format, args...)), Width(v.W)))
}

// Quoted is an error about a bad value.
func Quoted(format, value string) error {
	return fmt.Errorf(format, strconv.Quote(value))
}
